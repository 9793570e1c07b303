using Kontext.Domain;
using Kontext.Domain.Webhooks;

namespace Kontext.Functions.Storage;

/// <summary>Webhooks, one small partition per organization, and their deliveries, one partition per webhook with the newest first.</summary>
internal sealed class WebhookStore(ITableSource tables, FreshCache cache, EpochFeed epochs) : IWebhookStore
{
    private readonly DocumentTable<WebhookEndpoint> endpoints = new(tables.Open("webhooks"), StoredJson.Default.WebhookEndpoint);
    private readonly DocumentTable<WebhookDelivery> deliveries = new(tables.Open("webhookdeliveries"), StoredJson.Default.WebhookDelivery);
    private readonly DeliveryNotes notes = new(tables);

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<WebhookEndpoint>> CurrentAsync(OrgId org, CancellationToken cancellationToken) =>
        await cache.GetAsync(new FreshKey(FreshKind.Webhooks, org), (Store: this, org), static (state, token) => state.Store.ListAsync(state.org, token), cancellationToken) ?? [];

    /// <inheritdoc/>
    public Task<Versioned<WebhookEndpoint>?> FindAsync(OrgId org, WebhookId webhook, CancellationToken cancellationToken) =>
        endpoints.FindAsync(Key.Of(org), Key.Of(org, webhook), cancellationToken);

    /// <inheritdoc/>
    public async Task InsertAsync(OrgId org, WebhookEndpoint endpoint, CancellationToken cancellationToken)
    {
        if (await endpoints.InsertAsync(Key.Of(org), Key.Of(org, endpoint.Id), endpoint, cancellationToken) is null)
            throw new InvalidOperationException("The id of the new webhook was used before.");
        await epochs.BumpAsync(org);
    }

    /// <inheritdoc/>
    public async Task<Versioned<WebhookEndpoint>?> ReplaceAsync(OrgId org, Versioned<WebhookEndpoint> current, WebhookEndpoint next, CancellationToken cancellationToken)
    {
        var written = await endpoints.ReplaceAsync(Key.Of(org), Key.Of(org, next.Id), current, next, cancellationToken);
        if (written is not null)
            await epochs.BumpAsync(org);
        return written;
    }

    /// <inheritdoc/>
    public async Task<bool> DeleteAsync(OrgId org, Versioned<WebhookEndpoint> current, CancellationToken cancellationToken)
    {
        if (!(await endpoints.DeleteAsync(Key.Of(org), Key.Of(org, current.Value.Id), current.Version, cancellationToken)).Ok)
            return false;
        await epochs.BumpAsync(org);
        return true;
    }

    /// <inheritdoc/>
    public async Task InsertAsync(OrgId org, WebhookDelivery delivery, CancellationToken cancellationToken)
    {
        // INVARIANT: the note comes before the row, here and with every change. A note too many is found out by the sweep; one too few would lose the delivery.
        await NoteAsync(org, delivery.Webhook, delivery.Id, DueOf(delivery), cancellationToken);
        if (await deliveries.InsertAsync(Key.Of(org, delivery.Webhook), RowOf(org, delivery.Webhook, delivery.Id), delivery, cancellationToken) is null)
            throw new InvalidOperationException("The id of the new delivery was used before.");
    }

    /// <inheritdoc/>
    public Task<Versioned<WebhookDelivery>?> FindAsync(OrgId org, WebhookId webhook, DeliveryId delivery, CancellationToken cancellationToken) =>
        deliveries.FindAsync(Key.Of(org, webhook), RowOf(org, webhook, delivery), cancellationToken);

    /// <inheritdoc/>
    public async Task<Versioned<WebhookDelivery>?> ReplaceAsync(OrgId org, Versioned<WebhookDelivery> current, WebhookDelivery next, CancellationToken cancellationToken)
    {
        var moves = DeliveryNotes.MinuteOf(DueOf(next)) != DeliveryNotes.MinuteOf(DueOf(current.Value));
        if (moves)
            await NoteAsync(org, next.Webhook, next.Id, DueOf(next), cancellationToken);
        var written = await deliveries.ReplaceAsync(Key.Of(org, next.Webhook), RowOf(org, next.Webhook, next.Id), current, next, cancellationToken);
        if (written is not null && moves)
            await ForgetAsync(new OverdueDelivery(org, next.Webhook, next.Id, DueOf(current.Value)), cancellationToken);
        return written;
    }

    /// <inheritdoc/>
    public async Task<Page<WebhookDelivery>> DeliveriesAsync(OrgId org, WebhookId webhook, string? cursor, int limit, CancellationToken cancellationToken)
    {
        var prefix = Key.Of(org, webhook);
        var from = PageCursor.Read<DeliveryId>(cursor) is { } last ? RowOf(org, webhook, last) + "~" : prefix + "~";
        var found = await deliveries.TakeAsync(prefix, from, prefix + "~g", limit, cancellationToken);
        return new Page<WebhookDelivery>(found.ConvertAll(row => row.Value), found.Count == limit ? PageCursor.After(found[^1].Value.Id) : null);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<OverdueDelivery> OverdueAsync(DateTimeOffset before, CancellationToken cancellationToken) => notes.BeforeAsync(before, cancellationToken);

    /// <inheritdoc/>
    public Task ForgetAsync(OverdueDelivery note, CancellationToken cancellationToken) => notes.RemoveAsync(note, cancellationToken);

    /// <inheritdoc/>
    public Task NoteAsync(OrgId org, WebhookId webhook, DeliveryId delivery, DateTimeOffset due, CancellationToken cancellationToken) =>
        notes.FileAsync(new OverdueDelivery(org, webhook, delivery, due), cancellationToken);

    /// <inheritdoc/>
    public Task DeleteAsync(OrgId org, Versioned<WebhookDelivery> delivery, CancellationToken cancellationToken) =>
        deliveries.DeleteAsync(Key.Of(org, delivery.Value.Webhook), RowOf(org, delivery.Value.Webhook, delivery.Value.Id), delivery.Version, cancellationToken);

    private async Task<IReadOnlyList<WebhookEndpoint>?> ListAsync(OrgId org, CancellationToken cancellationToken)
    {
        var (from, to) = Key.Ids<WebhookId>(org, after: null);
        return (await endpoints.TakeAsync(Key.Of(org), from, to, int.MaxValue, cancellationToken)).ConvertAll(row => row.Value);
    }

    private static DateTimeOffset DueOf(WebhookDelivery delivery) => delivery.NextAttemptAt ?? delivery.CreatedAt + WebhookSchedule.Kept;

    /// <summary>Ids sort by time; their complement sorts the newest first.</summary>
    private static string RowOf(OrgId org, WebhookId webhook, DeliveryId delivery)
    {
        var bytes = delivery.Value.ToByteArray(bigEndian: true);
        for (var index = 0; index < bytes.Length; index++)
            bytes[index] = (byte)~bytes[index];
        return $"{Key.Of(org, webhook)}~{Convert.ToHexStringLower(bytes)}";
    }
}

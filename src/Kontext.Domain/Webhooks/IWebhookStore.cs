namespace Kontext.Domain.Webhooks;

/// <summary>Keeps webhooks and their deliveries.</summary>
public interface IWebhookStore
{
    /// <summary>All webhooks of an organization, at most a second old.</summary>
    ValueTask<IReadOnlyList<WebhookEndpoint>> CurrentAsync(OrgId org, CancellationToken cancellationToken);

    /// <summary>The row as stored now; null when there is none.</summary>
    Task<Versioned<WebhookEndpoint>?> FindAsync(OrgId org, WebhookId webhook, CancellationToken cancellationToken);

    /// <summary>Adds it.</summary>
    Task InsertAsync(OrgId org, WebhookEndpoint endpoint, CancellationToken cancellationToken);

    /// <summary>Writes if nobody wrote since; null when somebody did.</summary>
    Task<Versioned<WebhookEndpoint>?> ReplaceAsync(OrgId org, Versioned<WebhookEndpoint> current, WebhookEndpoint next, CancellationToken cancellationToken);

    /// <summary>Deletes it if nobody wrote since; false when somebody did.</summary>
    Task<bool> DeleteAsync(OrgId org, Versioned<WebhookEndpoint> current, CancellationToken cancellationToken);

    /// <summary>Adds a delivery, and a note by which the sweep finds it when its message is lost.</summary>
    Task InsertAsync(OrgId org, WebhookDelivery delivery, CancellationToken cancellationToken);

    /// <summary>The delivery as stored now; null when there is none.</summary>
    Task<Versioned<WebhookDelivery>?> FindAsync(OrgId org, WebhookId webhook, DeliveryId delivery, CancellationToken cancellationToken);

    /// <summary>Writes if nobody wrote since; null when somebody did. The note moves to the next attempt's time, or to when the delivery is too old to be kept.</summary>
    Task<Versioned<WebhookDelivery>?> ReplaceAsync(OrgId org, Versioned<WebhookDelivery> current, WebhookDelivery next, CancellationToken cancellationToken);

    /// <summary>A webhook's deliveries, newest first.</summary>
    Task<Page<WebhookDelivery>> DeliveriesAsync(OrgId org, WebhookId webhook, string? cursor, int limit, CancellationToken cancellationToken);

    /// <summary>Deliveries about which something was due before this time, as far as the notes know. Spans organizations.</summary>
    IAsyncEnumerable<OverdueDelivery> OverdueAsync(DateTimeOffset before, CancellationToken cancellationToken);

    /// <summary>Removes a note that was found.</summary>
    Task ForgetAsync(OverdueDelivery note, CancellationToken cancellationToken);

    /// <summary>Files a delivery's note anew.</summary>
    Task NoteAsync(OrgId org, WebhookId webhook, DeliveryId delivery, DateTimeOffset due, CancellationToken cancellationToken);

    /// <summary>Deletes a delivery if nobody wrote since.</summary>
    Task DeleteAsync(OrgId org, Versioned<WebhookDelivery> delivery, CancellationToken cancellationToken);
}

/// <summary>A note that a delivery was due.</summary>
/// <param name="Org">Whose.</param>
/// <param name="Webhook">Where to.</param>
/// <param name="Delivery">Which.</param>
/// <param name="Due">When it was due, to the minute.</param>
public sealed record OverdueDelivery(OrgId Org, WebhookId Webhook, DeliveryId Delivery, DateTimeOffset Due);

/// <summary>What came of posting a message.</summary>
/// <param name="Status">The answer's status; null when there was none.</param>
/// <param name="Error">Why there was none; null when there was.</param>
public sealed record WebhookAnswer(int? Status, string? Error)
{
    /// <summary>The receiver took it.</summary>
    public bool Taken => Status is >= 200 and < 300;
}

/// <summary>Posts messages to addresses that administrators chose.</summary>
public interface IWebhookSender
{
    /// <summary>Posts once and waits for the answer, for fifteen seconds at most. Follows no redirects.</summary>
    Task<WebhookAnswer> SendAsync(Uri url, string messageId, DateTimeOffset at, string payload, IReadOnlyList<Secret> secrets, CancellationToken cancellationToken);
}

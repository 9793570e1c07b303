using Kontext.Domain.Audit;
using Kontext.Domain.Work;

namespace Kontext.Domain.Webhooks;

/// <summary>Turns what happened into deliveries, one per webhook that wants it. Each is stored first and queued then: a message that is lost is queued again by the sweep.</summary>
public sealed class WebhookPublication(IWebhookStore webhooks, IWorkQueue queue, TimeProvider time)
{
    /// <summary>A failure of the queue, which the sweep makes up for.</summary>
    public event Action<Exception>? QueueFailed;

    /// <summary>Publishes an entry of the audit trail, if it is of a kind that is sent. Completes when the deliveries are durable.</summary>
    public async Task PublishAsync(OrgId org, AuditEvent happened, CancellationToken cancellationToken)
    {
        if (WebhookEvents.TypeOf(happened) is not { } type)
            return;
        string? payload = null;
        var messageId = $"msg_{Guid.CreateVersion7(happened.At):N}";
        foreach (var endpoint in await webhooks.CurrentAsync(org, cancellationToken))
        {
            if (endpoint.Wants(type))
                await FileAsync(org, endpoint.Id, messageId, type, payload ??= WebhookEvents.PayloadOf(org, type, happened), cancellationToken);
        }
    }

    /// <summary>Sends one webhook a message that is about nothing but itself.</summary>
    public Task<WebhookDelivery> TestAsync(OrgId org, WebhookId webhook, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        return FileAsync(org, webhook, $"msg_{Guid.CreateVersion7(now):N}", WebhookEvents.Test, WebhookEvents.TestPayload(org, webhook, now), cancellationToken);
    }

    /// <summary>Sends a delivery once more, now; null when there is none, or it is being sent.</summary>
    public async Task<WebhookDelivery?> RetryAsync(OrgId org, WebhookId webhook, DeliveryId delivery, CancellationToken cancellationToken)
    {
        while (await webhooks.FindAsync(org, webhook, delivery, cancellationToken) is { } row)
        {
            var now = time.GetUtcNow();
            if (row.Value.LeaseUntil > now)
                return null;
            // An attempt of its own, so that the message of the one that was to come finds itself too late.
            var next = row.Value with { Status = DeliveryStatus.Pending, Attempt = row.Value.Attempt + 1, NextAttemptAt = now, LeaseUntil = null };
            if (await webhooks.ReplaceAsync(org, row, next, cancellationToken) is not { } written)
                continue;
            await EnqueueAsync(new DeliverWebhook(org, webhook, delivery, written.Value.Attempt), TimeSpan.Zero);
            return written.Value;
        }
        return null;
    }

    /// <summary>Queues a message; if that fails, the sweep does it later.</summary>
    internal async Task EnqueueAsync(DeliverWebhook item, TimeSpan delay)
    {
        try
        {
            await queue.EnqueueAsync(item, delay, CancellationToken.None);
        }
        catch (Exception failure)
        {
            QueueFailed?.Invoke(failure);
        }
    }

    private async Task<WebhookDelivery> FileAsync(OrgId org, WebhookId webhook, string messageId, string type, string payload, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var delivery = new WebhookDelivery
        {
            Id = Ids.New<DeliveryId>(now), Webhook = webhook, MessageId = messageId, Type = type, Payload = payload, NextAttemptAt = now, CreatedAt = now,
        };
        await webhooks.InsertAsync(org, delivery, cancellationToken);
        await EnqueueAsync(new DeliverWebhook(org, webhook, delivery.Id, delivery.Attempt), TimeSpan.Zero);
        return delivery;
    }
}

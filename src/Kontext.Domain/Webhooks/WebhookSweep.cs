using Kontext.Domain.Work;

namespace Kontext.Domain.Webhooks;

/// <summary>Queues again what should have been sent and was not, because its message was lost or given up, and deletes deliveries that are too old.</summary>
public sealed class WebhookSweep(IWebhookStore webhooks, IWorkQueue queue, TimeProvider time)
{
    /// <summary>One walk over what is overdue.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var before = time.GetUtcNow() - WebhookDispatch.Slack;
        await foreach (var note in webhooks.OverdueAsync(before, cancellationToken))
        {
            if (await webhooks.FindAsync(note.Org, note.Webhook, note.Delivery, cancellationToken) is { } row)
                await SettleAsync(note, row, before, cancellationToken);
            await webhooks.ForgetAsync(note, cancellationToken);
        }
    }

    private async Task SettleAsync(OverdueDelivery note, Versioned<WebhookDelivery> row, DateTimeOffset before, CancellationToken cancellationToken)
    {
        var delivery = row.Value;
        var due = delivery.NextAttemptAt ?? delivery.CreatedAt + WebhookSchedule.Kept;
        if (due > before)
        {
            // The note is an old one. The new one was written before the row, and once more does no harm.
            await webhooks.NoteAsync(note.Org, note.Webhook, note.Delivery, due, cancellationToken);
            return;
        }
        if (delivery.Status != DeliveryStatus.Pending)
        {
            await webhooks.DeleteAsync(note.Org, row, cancellationToken);
            return;
        }
        // Before the old note goes: whoever is killed in between leaves one too many.
        await webhooks.NoteAsync(note.Org, note.Webhook, note.Delivery, time.GetUtcNow(), cancellationToken);
        await queue.EnqueueAsync(new DeliverWebhook(note.Org, note.Webhook, note.Delivery, delivery.Attempt), TimeSpan.Zero, cancellationToken);
    }
}

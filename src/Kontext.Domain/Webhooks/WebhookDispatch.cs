using Kontext.Domain.Audit;
using Kontext.Domain.Vault;
using Kontext.Domain.Work;

namespace Kontext.Domain.Webhooks;

/// <summary>Sends a delivery when a message says so. Messages may come twice, late or out of order: the delivery's row says which attempt is next, and a lease on it lets one instance make it.</summary>
public sealed class WebhookDispatch(IWebhookStore webhooks, WebhookPublication publication, IWebhookSender sender, ICredentialVault vault, IAuditLog audit, TimeProvider time)
{
    /// <summary>How long after its time a delivery still waits before the sweep takes its message for lost.</summary>
    public static readonly TimeSpan Slack = TimeSpan.FromMinutes(15);

    // Longer than a sender waits for an answer.
    private static readonly TimeSpan LeaseLife = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Early = TimeSpan.FromSeconds(1);

    /// <summary>Makes the attempt, unless it was made.</summary>
    public async Task RunAsync(DeliverWebhook work, CancellationToken cancellationToken)
    {
        var (org, now) = (work.Org, time.GetUtcNow());
        if (await webhooks.FindAsync(org, work.Webhook, work.Delivery, cancellationToken) is not { } row
            || row.Value.Status != DeliveryStatus.Pending || row.Value.Attempt != work.Attempt)
            return;
        if ((row.Value.LeaseUntil ?? row.Value.NextAttemptAt) - now is { } wait && wait > Early)
        {
            // Too early, or another instance is at it: if that one is killed, this message finishes what it began.
            await publication.EnqueueAsync(work, wait);
            return;
        }
        if (await webhooks.FindAsync(org, work.Webhook, cancellationToken) is not { Value.Disabled: false } endpoint)
        {
            await webhooks.ReplaceAsync(org, row, Ended(row.Value, DeliveryStatus.Failed) with { LastError = "The webhook is switched off or deleted." }, cancellationToken);
            return;
        }
        var secrets = await SecretsAsync(org, endpoint.Value, cancellationToken);
        if (await webhooks.ReplaceAsync(org, row, row.Value with { LeaseUntil = now + LeaseLife }, cancellationToken) is not { } lease)
            return;

        // The receiver may have taken it from here on: what came of it is noted even if this instance is told to end.
        var started = time.GetTimestamp();
        var answer = await sender.SendAsync(new Uri(endpoint.Value.Url), row.Value.MessageId, now, row.Value.Payload, secrets, CancellationToken.None);
        var made = lease.Value with { LastAttemptAt = now, ResponseStatus = answer.Status, LastError = ErrorOf(answer), DurationMs = time.GetElapsedTime(started).TotalMilliseconds };
        if (answer.Taken)
            await webhooks.ReplaceAsync(org, lease, Ended(made, DeliveryStatus.Delivered), CancellationToken.None);
        else if (answer.Status == 410)
            await GoneAsync(org, endpoint, lease, made);
        else if (WebhookSchedule.After(work.Attempt) is { } later)
            await PostponeAsync(work, lease, made, later);
        else
            await webhooks.ReplaceAsync(org, lease, Ended(made, DeliveryStatus.Failed), CancellationToken.None);
    }

    private async Task PostponeAsync(DeliverWebhook work, Versioned<WebhookDelivery> lease, WebhookDelivery made, TimeSpan later)
    {
        var next = made with { Attempt = work.Attempt + 1, NextAttemptAt = time.GetUtcNow() + later, LeaseUntil = null };
        if (await webhooks.ReplaceAsync(work.Org, lease, next, CancellationToken.None) is not null)
            await publication.EnqueueAsync(work with { Attempt = next.Attempt }, later);
    }

    /// <summary>The receiver wants no more messages, now or ever (Standard Webhooks: 410 disables the endpoint).</summary>
    private async Task GoneAsync(OrgId org, Versioned<WebhookEndpoint> endpoint, Versioned<WebhookDelivery> lease, WebhookDelivery made)
    {
        for (Versioned<WebhookEndpoint>? current = endpoint; current is { Value.Disabled: false }; current = await webhooks.FindAsync(org, endpoint.Value.Id, CancellationToken.None))
        {
            if (await webhooks.ReplaceAsync(org, current, current.Value with { Disabled = true, DisabledReason = "The receiver answered 410 Gone." }, CancellationToken.None) is null)
                continue;
            await audit.AppendAsync(org, new AuditEvent
            {
                At = time.GetUtcNow(), Type = AuditTypes.Administered, Capability = "webhook.disabled", Status = "warn", Target = $"{endpoint.Value.Url} ({endpoint.Value.Id}): the receiver answered 410",
            }, CancellationToken.None);
            break;
        }
        await webhooks.ReplaceAsync(org, lease, Ended(made, DeliveryStatus.Failed), CancellationToken.None);
    }

    private async Task<List<Secret>> SecretsAsync(OrgId org, WebhookEndpoint endpoint, CancellationToken cancellationToken)
    {
        var name = CredentialName.Webhook(endpoint.Id);
        var secrets = new List<Secret>
        {
            await vault.GetAsync(org, name, endpoint.SecretVersion, cancellationToken)
                ?? throw new InvalidOperationException($"The signing secret of webhook {endpoint.Id} is not in the vault. Restore the vault, or rotate the webhook's secret."),
        };
        if (endpoint.RetiringVersion is { } version && endpoint.RetiringUntil > time.GetUtcNow() && await vault.GetAsync(org, name, version, cancellationToken) is { } retiring)
            secrets.Add(retiring);
        return secrets;
    }

    private static string? ErrorOf(WebhookAnswer answer) =>
        answer.Taken ? null : answer.Error ?? FormattableString.Invariant($"The receiver answered with status {answer.Status}.");

    private static WebhookDelivery Ended(WebhookDelivery delivery, DeliveryStatus status) => delivery with { Status = status, NextAttemptAt = null, LeaseUntil = null };
}

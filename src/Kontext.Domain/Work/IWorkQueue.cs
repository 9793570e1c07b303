using Kontext.Domain.Vault;

namespace Kontext.Domain.Work;

/// <summary>Something to be done later, by whichever instance is told. It names what it is about and holds no secret.
/// INVARIANT: doing it twice, late or in another order is harmless, because whoever does it looks at the stored state first.</summary>
/// <param name="Org">Whose.</param>
public abstract record WorkItem(OrgId Org);

/// <summary>Send a webhook's delivery, in its n-th attempt.</summary>
/// <param name="Org">Whose.</param>
/// <param name="Webhook">Where to.</param>
/// <param name="Delivery">What.</param>
/// <param name="Attempt">The attempt; a delivery that is at another one ignores the message.</param>
public sealed record DeliverWebhook(OrgId Org, WebhookId Webhook, DeliveryId Delivery, int Attempt) : WorkItem(Org);

/// <summary>Tell a provider again that a grant is to be revoked.</summary>
/// <param name="Org">Whose.</param>
/// <param name="Revocation">Which grant.</param>
/// <param name="Attempt">The attempt, from 1; a grant that is at another one ignores the message.</param>
public sealed record RevokeGrant(OrgId Org, RevocationId Revocation, int Attempt) : WorkItem(Org);

/// <summary>Go on with a cut-off: end the connections that are left.</summary>
/// <param name="Org">Whose.</param>
/// <param name="CutOff">Which.</param>
public sealed record ContinueCutOff(OrgId Org, CutOffId CutOff) : WorkItem(Org);

/// <summary>Refresh a connection ahead of its end, or finish what a note of it is about.</summary>
/// <param name="Due">The note, at its place in the schedule.</param>
public sealed record RefreshConnection(DueRefresh Due) : WorkItem(Due.Org);

/// <summary>Ask a connection's service whether the credential is still good.</summary>
/// <param name="Due">The note, at its place in the schedule.</param>
public sealed record ValidateConnection(DueValidation Due) : WorkItem(Due.Org);

/// <summary>Hands work to a queue that outlives this process: delivered at least once, in any order.</summary>
public interface IWorkQueue
{
    /// <summary>Completes when the queue has it. It is not handed out before the delay is over.</summary>
    Task EnqueueAsync(WorkItem item, TimeSpan delay, CancellationToken cancellationToken);

    /// <summary>Completes when the queue has all of them, in fewer requests where it takes several in one. After a failure it has none, some or all.</summary>
    async Task EnqueueAllAsync(IReadOnlyList<WorkItem> items, CancellationToken cancellationToken)
    {
        foreach (var item in items)
            await EnqueueAsync(item, TimeSpan.Zero, cancellationToken);
    }
}

/// <summary>Work that failed as often as the queue tries, until an administrator replays it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Message">The message as it was queued.</param>
/// <param name="Kind">What was to be done.</param>
/// <param name="FailedAt">When the queue gave up.</param>
public sealed record FailedWork(Guid Id, string Message, string Kind, DateTimeOffset FailedAt);

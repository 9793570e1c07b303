using System.Collections.Concurrent;
using Kontext.Domain.Integrations;

namespace Kontext.Domain.Vault;

/// <summary>Refreshes what is due before anybody asks for it, and finishes removals that were interrupted. Instances may sweep at once: the connection's lease lets one of them call the provider.</summary>
public sealed class RefreshSweep(IRefreshSchedule schedule, IConnectionStore connections, IIntegrationStore integrations, CredentialRefresh refresh, Disconnection disconnection, ConnectionClearing clearing, TimeProvider time)
{
    private const int AtOnce = 8;

    // With the wait for the last provider on top, a sweep ends about when the next one begins.
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(35);

    // Nothing but a person helps a grant that could not be refreshed for a day; asking on demand goes on.
    private static readonly TimeSpan GivenUpAfter = TimeSpan.FromDays(1);

    // How long until a failure without a time of its own, such as a missing setting, is looked at again.
    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(5);

    /// <summary>Walks what is due. What it does not get to, or fails at, stays due.</summary>
    /// <exception cref="AggregateException">Our own storage failed for some; the rest was done.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var started = time.GetUtcNow();
        var failures = new ConcurrentQueue<Exception>();
        await Parallel.ForEachAsync(
            schedule.DueAsync(started, cancellationToken).TakeWhile(_ => time.GetUtcNow() - started < Budget),
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken },
            async (due, token) =>
            {
                try
                {
                    await RefreshAsync(due, token);
                }
                catch (Exception failure) when (!token.IsCancellationRequested)
                {
                    failures.Enqueue(failure);
                }
            });
        if (!failures.IsEmpty)
            throw new AggregateException(failures);
    }

    private async Task RefreshAsync(Versioned<DueRefresh> note, CancellationToken cancellationToken)
    {
        var due = note.Value;
        var integration = await integrations.CurrentAsync(due.Org, due.Integration, cancellationToken);
        if (integration is not null && ConnectionClearing.IsNote(due))
        {
            await ClearAsync(note, cancellationToken);
            return;
        }
        if (integration is not null
            && await connections.FindAsync(due.Org, due.User, due.Integration, cancellationToken) is { Value: { Status: ConnectionStatus.Disconnected, CredentialVersion: not null } ended })
        {
            await RemoveAsync(note, integration, ended, cancellationToken);
            return;
        }
        var before = await FindAsync(due, integration, cancellationToken);
        if (integration is null || before is null)
        {
            await schedule.RemoveAsync(note, cancellationToken);
            return;
        }
        var now = time.GetUtcNow();
        // Another instance is at it; the note stays until its result is there.
        if (before.LeaseUntil > now)
            return;
        if (!(before.RetryAt > now))
            await refresh.AheadAsync(due.Org, integration, before, cancellationToken);
        await SettleAsync(note, integration, before, cancellationToken);
    }

    private async Task ClearAsync(Versioned<DueRefresh> note, CancellationToken cancellationToken)
    {
        // As stored now: the change the note announces may be younger than what is remembered.
        var complete = await integrations.FindAsync(note.Value.Org, note.Value.Integration, cancellationToken) is not { } current
            || (await clearing.RunAsync(note.Value.Org, current.Value, actor: null, cancellationToken)).Complete;
        await DoneAsync(note, complete, cancellationToken);
    }

    /// <summary>What a disconnect could not delete is deleted now.</summary>
    private async Task RemoveAsync(Versioned<DueRefresh> note, Integration integration, Connection ended, CancellationToken cancellationToken)
    {
        var reason = new DisconnectReason(ended.ReasonCode ?? ConnectionEnds.ByPerson, ended.Reason ?? "");
        var report = await disconnection.RunAsync(note.Value.Org, note.Value.User, integration, reason, actor: null, cancellationToken);
        await DoneAsync(note, report.SecretsDeleted, cancellationToken);
    }

    private async Task DoneAsync(Versioned<DueRefresh> note, bool complete, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (!complete && now - note.Value.ExpiresAt < GivenUpAfter)
            await schedule.FileAsync(note.Value with { DueAt = now + Pause }, cancellationToken);
        await schedule.RemoveAsync(note, cancellationToken);
    }

    /// <summary>The row, not the answer, says how it went: a living token is served whether or not it could be renewed.</summary>
    private async Task SettleAsync(Versioned<DueRefresh> note, Integration integration, Connection before, CancellationToken cancellationToken)
    {
        var after = await FindAsync(note.Value, integration, cancellationToken);
        var now = time.GetUtcNow();
        if (after?.LeaseUntil > now)
            return;
        if (after is not null && after.RefreshedAt == before.RefreshedAt && now - note.Value.ExpiresAt < GivenUpAfter)
            await schedule.FileAsync(note.Value with { DueAt = after.RetryAt > now ? after.RetryAt.Value : now + Pause }, cancellationToken);
        // If the new note took this one's place, it is another version and stays.
        await schedule.RemoveAsync(note, cancellationToken);
    }

    /// <summary>The connection while it is what the note was made for; null when it was refreshed, replaced, disconnected or voided.</summary>
    private async Task<Connection?> FindAsync(DueRefresh due, Integration? integration, CancellationToken cancellationToken) =>
        integration is { AuthMode: AuthMode.Oauth }
        && await connections.FindAsync(due.Org, due.User, due.Integration, cancellationToken) is { Value: { Status: ConnectionStatus.Connected, Refreshable: true } connection }
        && connection.Epoch == integration.ConnectionEpoch && connection.AccessExpiresAt == due.ExpiresAt ? connection : null;
}

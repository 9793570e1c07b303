using Kontext.Domain.Integrations;
using Kontext.Domain.Work;

namespace Kontext.Domain.Vault;

/// <summary>Refreshes the connection that a note is about, or finishes a removal that was interrupted. The connection's row decides what is still to be done; its lease lets one instance call the provider.</summary>
public sealed class RefreshWork(
    IRefreshSchedule schedule, IConnectionStore connections, IIntegrationStore integrations, CredentialRefresh refresh, Disconnection disconnection, ConnectionClearing clearing, IWorkQueue queue, TimeProvider time)
{
    /// <summary>How many refreshes at one provider an instance has under way: one that hangs must not keep the others waiting.</summary>
    public const int Share = 8;

    // Enough for a provider that answers, short for the others' work behind one that does not.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan NextTurn = TimeSpan.FromSeconds(5);

    // Nothing but a person helps a grant that could not be refreshed for a day; asking on demand goes on.
    private static readonly TimeSpan GivenUpAfter = TimeSpan.FromDays(1);

    // How long until a failure without a time of its own, such as a missing setting, is looked at again.
    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(5);

    private readonly ProviderShares shares = new(Share);

    /// <summary>Does it, unless it was done. What finds the provider's share taken goes back to the queue.</summary>
    public async Task RunAsync(RefreshConnection work, CancellationToken cancellationToken)
    {
        var integration = await integrations.CurrentAsync(work.Org, work.Due.Integration, cancellationToken);
        using var turn = await shares.TryEnterAsync(integration, Patience, cancellationToken);
        if (turn is null)
            await queue.EnqueueAsync(work, NextTurn, cancellationToken);
        else
            await RunAsync(work.Due, integration, cancellationToken);
    }

    private async Task RunAsync(DueRefresh due, Integration? integration, CancellationToken cancellationToken)
    {
        // Without it the message is a second one, or late: the row tells whether there is something left to do.
        var note = await schedule.FindAsync(due, cancellationToken);
        if (integration is not null && ConnectionClearing.IsNote(due))
        {
            if (note is not null)
                await ClearAsync(note, cancellationToken);
            return;
        }
        if (integration is not null
            && await connections.FindAsync(due.Org, due.User, due.Integration, cancellationToken) is { Value: { Status: ConnectionStatus.Disconnected, CredentialVersion: not null } ended })
        {
            if (note is not null)
                await RemoveAsync(note, integration, ended, cancellationToken);
            return;
        }
        var before = await FindAsync(due, integration, cancellationToken);
        if (integration is null || before is null)
        {
            await ForgetAsync(note, cancellationToken);
            return;
        }
        var now = time.GetUtcNow();
        // Another instance is at it; the note stays until its result is there.
        if (before.LeaseUntil > now)
            return;
        if (!(before.RetryAt > now))
            await refresh.AheadAsync(due.Org, integration, before, cancellationToken);
        await SettleAsync(due, note, integration, before, cancellationToken);
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
    private async Task SettleAsync(DueRefresh due, Versioned<DueRefresh>? note, Integration integration, Connection before, CancellationToken cancellationToken)
    {
        var after = await FindAsync(due, integration, cancellationToken);
        var now = time.GetUtcNow();
        if (after?.LeaseUntil > now)
            return;
        if (after is not null && after.RefreshedAt == before.RefreshedAt && now - due.ExpiresAt < GivenUpAfter)
            await schedule.FileAsync(due with { DueAt = after.RetryAt > now ? after.RetryAt.Value : now + Pause }, cancellationToken);
        // If the new note took this one's place, it is another version and stays.
        await ForgetAsync(note, cancellationToken);
    }

    private Task ForgetAsync(Versioned<DueRefresh>? note, CancellationToken cancellationToken) =>
        note is null ? Task.CompletedTask : schedule.RemoveAsync(note, cancellationToken);

    /// <summary>The connection while it is what the note was made for; null when it was refreshed, replaced, disconnected or voided.</summary>
    private async Task<Connection?> FindAsync(DueRefresh due, Integration? integration, CancellationToken cancellationToken) =>
        integration is { AuthMode: AuthMode.Oauth }
        && await connections.FindAsync(due.Org, due.User, due.Integration, cancellationToken) is { Value: { Status: ConnectionStatus.Connected, Refreshable: true } connection }
        && connection.Epoch == integration.ConnectionEpoch && connection.AccessExpiresAt == due.ExpiresAt ? connection : null;
}

using System.Collections.Immutable;
using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;
using Kontext.Domain.Work;

namespace Kontext.Domain.Revocations;

/// <summary>Cuts off and reinstates, on record: the order is stored first, then the row that decisions look at is written, then connections are ended if that was ordered. What a crash leaves undone the queue goes on with.</summary>
public sealed class CutOffs(ICutOffStore cutOffs, CutOffSwitch targets, IConnectionStore connections, IIntegrationStore integrations, Disconnection disconnection, IWorkQueue queue, IAuditLog audit, TimeProvider time)
{
    /// <summary>How many remainders of one order are kept.</summary>
    public const int MaxRemainders = 500;

    private const int PageSize = 100;
    private const string Untold = "It is not known whether the provider was told; the person can remove the app in their account there.";
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(15);

    // Whoever took the order has ended its turn by then, or died.
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(30);

    /// <summary>Cuts off; fails when there is no such thing, or when it must not be.</summary>
    public async Task<Result<CutOff>> RunAsync(OrgId org, CutOffTarget asked, string? reason, bool disconnect, AuditParty by, CancellationToken cancellationToken)
    {
        if (await targets.ResolveAsync(org, asked, cancellationToken) is not { } target)
            return new Failure(FailureCode.NotFound, $"There is no {asked.Kind.ToString().ToLowerInvariant()} with this id.");
        if (await targets.IsBuiltInAsync(org, target, cancellationToken))
            return new Failure(FailureCode.Conflict, "This application ships with Kontext, and people manage the organization with it: it cannot be cut off.");
        if (await targets.ServedByAsync(org, target, cancellationToken) is { } suite)
            return new Failure(FailureCode.Conflict, $"{target.Name} has no connection of its own: it uses that to the integration {suite}. Cut off that connection, or {target.Name} for everybody.");
        if (target.User?.ToString() == by.Id && target.Kind == CutOffKind.User)
            return new Failure(FailureCode.Conflict, "You would cut off yourself. Another owner or admin, or a service account, can.");
        var now = time.GetUtcNow();
        var row = await cutOffs.InsertAsync(
            org, new CutOff { Id = Ids.New<CutOffId>(now), Target = target, Reason = reason, By = by, At = now, Disconnect = disconnect || target.Kind == CutOffKind.Connection }, cancellationToken);
        return await GoOnAsync(org, row);
    }

    /// <summary>Does what is left to do; null when there is no such cut-off.</summary>
    public async Task<CutOff?> ContinueAsync(OrgId org, CutOffId id, CancellationToken cancellationToken) =>
        await cutOffs.FindAsync(org, id, cancellationToken) is { } row ? row.Value is { CompletedAt: null, ReinstatedAt: null } ? await GoOnAsync(org, row) : row.Value : null;

    /// <summary>Goes on where an instance stopped or died.</summary>
    public Task RunAsync(ContinueCutOff work, CancellationToken cancellationToken) => ContinueAsync(work.Org, work.CutOff, cancellationToken);

    /// <summary>Undoes it, unless another order wants the same cut off; null when there is no such cut-off. Asked for again it makes sure of that.</summary>
    public async Task<Result<CutOff>?> ReinstateAsync(OrgId org, CutOffId id, AuditParty by, CancellationToken cancellationToken)
    {
        var recorded = false;
        while (await cutOffs.FindAsync(org, id, cancellationToken) is { } row)
        {
            if (!row.Value.Target.IsReinstatable)
                return new Failure(FailureCode.Conflict, "A session or connection that was ended cannot be brought back: the person approves or connects again.");
            if (row.Value.ReinstatedAt is null)
            {
                // INVARIANT: nobody is let in again before that is on record.
                if (!recorded)
                    await RecordAsync(org, row.Value, by, AuditTypes.Reinstated);
                recorded = true;
                if (await cutOffs.ReplaceAsync(org, row, row.Value with { ReinstatedAt = time.GetUtcNow(), ReinstatedBy = by }, CancellationToken.None) is not { } written)
                    continue;
                row = written;
            }
            // Asked for again as well: whoever wrote it may have died before.
            await LiftAsync(org, row.Value);
            return row.Value;
        }
        return null;
    }

    /// <summary>Other orders that stand and cut the same off, newest first.</summary>
    public async Task<ImmutableArray<CutOffId>> OthersAsync(OrgId org, CutOff cutOff, CancellationToken cancellationToken)
    {
        var others = ImmutableArray.CreateBuilder<CutOffId>();
        string? cursor = null;
        do
        {
            var page = await cutOffs.ListAsync(org, cursor, PageSize, cancellationToken);
            others.AddRange(page.Items.Where(other => other.Id != cutOff.Id && other.ReinstatedAt is null && other.Target with { Name = null } == cutOff.Target with { Name = null }).Select(other => other.Id));
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return others.ToImmutable();
    }

    // What was ordered is done even if the one who ordered it does not wait.
    private async Task<CutOff> GoOnAsync(OrgId org, Versioned<CutOff> row)
    {
        var order = row.Value;
        var ended = await targets.SetAsync(org, order.Target, cutOff: true, $"revoked by {order.By.Name}{(order.Reason is null ? "" : ": " + order.Reason)}", CancellationToken.None);
        if (!order.Recorded)
            await RecordAsync(org, order, order.By, AuditTypes.Revoked);
        // Before the work, so that somebody else goes on if this instance does not live to end it.
        if (order.Disconnect)
            await queue.EnqueueAsync(new ContinueCutOff(org, order.Id), Again, CancellationToken.None);
        var (count, remainders, complete) = order.Disconnect ? await DisconnectAsync(org, order) : (0, [], true);
        while (true)
        {
            var next = row.Value with
            {
                Recorded = true,
                Sessions = row.Value.Sessions + ended,
                // Each turn counts from the beginning, and may not come as far as another one.
                Connections = Math.Max(row.Value.Connections, count),
                Remainders = [.. row.Value.Remainders.Concat(remainders).DistinctBy(left => (left.User, left.Integration)).Take(MaxRemainders)],
                CompletedAt = complete ? time.GetUtcNow() : null,
            };
            if (await cutOffs.ReplaceAsync(org, row, next, CancellationToken.None) is { } written)
                return written.Value;
            row = await cutOffs.FindAsync(org, order.Id, CancellationToken.None) ?? throw new InvalidOperationException("A cut-off is gone.");
            if (row.Value.ReinstatedAt is not null)
            {
                await LiftAsync(org, row.Value);
                return row.Value;
            }
        }
    }

    /// <summary>Lets the target in again, unless another order stands.</summary>
    private async Task LiftAsync(OrgId org, CutOff undone)
    {
        if (await OthersAsync(org, undone, CancellationToken.None) is not [])
            return;
        await targets.SetAsync(org, undone.Target, cutOff: false, "", CancellationToken.None);
        // INVARIANT: an order is stored before it is carried out, so one that was lifted by this is found now.
        if (await OthersAsync(org, undone, CancellationToken.None) is not [])
            await targets.SetAsync(org, undone.Target, cutOff: true, "", CancellationToken.None);
    }

    private async Task<(int Count, ImmutableArray<CutOffRemainder> Remainders, bool Complete)> DisconnectAsync(OrgId org, CutOff order)
    {
        var (started, count, remainders) = (time.GetUtcNow(), 0, ImmutableArray.CreateBuilder<CutOffRemainder>());
        await foreach (var connection in ConnectionsAsync(org, order.Target))
        {
            if (time.GetUtcNow() - started > Budget)
                return (count, remainders.ToImmutable(), false);
            var ended = connection.Status != ConnectionStatus.Connected;
            // One that ended before is told of again, and so it is a cut-off when that is what was asked for.
            if (ended && !(connection.DisconnectedAt >= order.At))
            {
                if (order.Target.Kind == CutOffKind.Connection && await integrations.FindAsync(org, connection.Integration, CancellationToken.None) is { } told)
                    await disconnection.RunAsync(org, connection.User, told.Value, DisconnectReason.ByAdministrator, order.By, CancellationToken.None);
                continue;
            }
            if (ended && connection.CredentialVersion is null)
            {
                // By a turn before this one, which may not have lived to tell what came of it.
                count++;
                if (!(connection.GrantRevokedAt >= connection.DisconnectedAt))
                    Leave(new CutOffRemainder(connection.User, connection.Integration, ProviderRevocation.Failed, SecretsDeleted: true, connection.AccessExpiresAt, Untold));
                continue;
            }
            if (await integrations.FindAsync(org, connection.Integration, CancellationToken.None) is not { } integration)
                continue;
            var report = await disconnection.RunAsync(org, connection.User, integration.Value, DisconnectReason.ByAdministrator, order.By, CancellationToken.None);
            count++;
            if (report is not { AtProvider: ProviderRevocation.Revoked or ProviderRevocation.Nothing, SecretsDeleted: true })
                Leave(new CutOffRemainder(connection.User, connection.Integration, report.AtProvider, report.SecretsDeleted, report.LivesUntil, report.Detail));
        }
        return (count, remainders.ToImmutable(), true);

        void Leave(CutOffRemainder left)
        {
            if (remainders.Count < MaxRemainders)
                remainders.Add(left);
        }
    }

    private async IAsyncEnumerable<Connection> ConnectionsAsync(OrgId org, CutOffTarget target)
    {
        switch (target)
        {
            case { Kind: CutOffKind.Connection, User: { } user, Integration: { } integration }:
                if (await connections.FindAsync(org, user, integration, CancellationToken.None) is { } one)
                    yield return one.Value;
                break;
            case { Kind: CutOffKind.User, User: { } user }:
                foreach (var own in await connections.ListAsync(org, user, CancellationToken.None))
                    yield return own;
                break;
            case { Kind: CutOffKind.Integration, Integration: { } integration }:
                string? cursor = null;
                do
                {
                    var page = await connections.ListOfAsync(org, integration, cursor, PageSize, CancellationToken.None);
                    foreach (var connection in page.Items)
                        yield return connection;
                    cursor = page.NextCursor;
                }
                while (cursor is not null);
                break;
            default:
                break;
        }
    }

    private Task RecordAsync(OrgId org, CutOff cutOff, AuditParty by, string type) => audit.AppendAsync(org, new AuditEvent
    {
        At = time.GetUtcNow(),
        Type = type,
        Actor = by,
        Agent = cutOff.Target.Application is { } application ? new AuditParty(application.ToString(), cutOff.Target.Kind == CutOffKind.Application ? cutOff.Target.Name : null) : null,
        User = cutOff.Target.User is { } user ? new AuditParty(user.ToString(), cutOff.Target.Kind == CutOffKind.User ? cutOff.Target.Name : null) : null,
        SessionId = cutOff.Target.Session?.ToString(),
        Integration = cutOff.Target.Integration is { } integration ? new AuditParty(integration.ToString(), cutOff.Target.Name) : null,
        Target = $"{cutOff.Target.Kind.ToString().ToLowerInvariant()} {cutOff.Target.Name} (revocation {cutOff.Id})",
        ErrorMessage = cutOff.Reason,
    }, CancellationToken.None);
}

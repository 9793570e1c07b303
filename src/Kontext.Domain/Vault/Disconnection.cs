using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;

namespace Kontext.Domain.Vault;

/// <summary>Ends a connection because somebody wants it ended: dead here at once, then at the provider, then in the vault. Can be repeated.</summary>
public sealed class Disconnection(IConnectionStore connections, GrantRemoval removal, IRefreshSchedule schedule, IAuditLog audit, TimeProvider time)
{
    private static readonly TimeSpan Again = TimeSpan.FromMinutes(1);

    /// <summary>Disconnects and tells what became of the grant. <paramref name="reason"/> is what the person will read; <paramref name="actor"/> who wanted it, where that is not the person.</summary>
    public Task<RemovalReport> RunAsync(OrgId org, UserId user, Integration integration, DisconnectReason reason, AuditParty? actor, CancellationToken cancellationToken) =>
        RunAsync(org, user, integration, reason, actor, static _ => true, cancellationToken);

    /// <summary>The same for a connection that a change of the integration made void. One that the person made since is left alone.</summary>
    public Task<RemovalReport> ClearAsync(OrgId org, UserId user, Integration integration, DisconnectReason reason, AuditParty? actor, CancellationToken cancellationToken) =>
        RunAsync(org, user, integration, reason, actor, connection => integration.Archived || connection.Epoch < integration.ConnectionEpoch, cancellationToken);

    private async Task<RemovalReport> RunAsync(
        OrgId org, UserId user, Integration integration, DisconnectReason reason, AuditParty? actor, Func<Connection, bool> concerns, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (await connections.FindAsync(org, user, integration.Id, cancellationToken) is not { } row || !concerns(row.Value))
                return new RemovalReport(ProviderRevocation.Nothing, SecretsDeleted: true, LivesUntil: null, Detail: null);
            var wasConnected = row.Value.Status == ConnectionStatus.Connected;
            if (wasConnected)
            {
                var ended = row.Value with
                {
                    Status = ConnectionStatus.Disconnected,
                    Reason = reason.Words,
                    ReasonCode = reason.Code,
                    DisconnectedAt = time.GetUtcNow(),
                    SealedAccessToken = null,
                    // A refresh under way loses its lease: the disconnect wins.
                    Fence = row.Value.Fence + 1,
                    LeaseUntil = null,
                    RefreshIntentAt = null,
                    RetryAt = null,
                };
                if (await connections.ReplaceAsync(org, row, ended, cutOff: true, cancellationToken) is not { } written)
                    continue;
                row = written;
            }
            // Who ended it may have died before the other instances were told of it: they are told again. Under a lease its secrets are being removed, which comes after that.
            else if (!(row.Value.LeaseUntil > time.GetUtcNow()))
            {
                if (await connections.ReplaceAsync(org, row, row.Value, cutOff: true, cancellationToken) is not { } told)
                    continue;
                row = told;
            }
            // Dead for every agent from here on; the rest is done even if the person does not wait for it.
            var report = row.Value.CredentialVersion is null
                ? new RemovalReport(ProviderRevocation.Nothing, SecretsDeleted: true, LivesUntil: null, Detail: null)
                : await removal.RunAsync(org, integration, row, also: null, CancellationToken.None);
            if (wasConnected && !report.SecretsDeleted)
                await schedule.FileAsync(new DueRefresh(org, user, integration.Id, row.Value.Id, time.GetUtcNow(), time.GetUtcNow() + Again), CancellationToken.None);
            if (wasConnected)
            {
                await audit.AppendAsync(org, ConnectionEvents.Of(AuditTypes.Disconnected, time.GetUtcNow(), integration, row.Value) with
                {
                    Actor = actor,
                    ErrorType = reason.Code,
                    ErrorMessage = string.Join("; ", new[] { reason.Words, report.Detail, report.RecoverableUntil is { } until ? $"operators of the vault can recover the credential until {until:u}" : null }.OfType<string>()),
                }, CancellationToken.None);
            }
            return report;
        }
    }
}

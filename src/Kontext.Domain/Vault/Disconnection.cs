using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;

namespace Kontext.Domain.Vault;

/// <summary>Ends a connection because somebody wants it ended: dead here at once, then at the provider, then in the vault. Can be repeated.</summary>
public sealed class Disconnection(IConnectionStore connections, GrantRemoval removal, IAuditLog audit, TimeProvider time)
{
    /// <summary>Disconnects and tells what became of the grant. <paramref name="reason"/> is what the person will read; <paramref name="actor"/> who wanted it, where that is not the person.</summary>
    public async Task<RemovalReport> RunAsync(OrgId org, UserId user, Integration integration, string reason, AuditParty? actor, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (await connections.FindAsync(org, user, integration.Id, cancellationToken) is not { } row)
                return new RemovalReport(ProviderRevocation.Nothing, SecretsDeleted: true, LivesUntil: null, Detail: null);
            var wasConnected = row.Value.Status == ConnectionStatus.Connected;
            if (wasConnected)
            {
                var ended = row.Value with
                {
                    Status = ConnectionStatus.Disconnected,
                    Reason = reason,
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
            // Dead for every agent from here on; the rest is done even if the person does not wait for it.
            var report = row.Value.CredentialVersion is null
                ? new RemovalReport(ProviderRevocation.Nothing, SecretsDeleted: true, LivesUntil: null, Detail: null)
                : await removal.RunAsync(org, integration, row, also: null, CancellationToken.None);
            if (wasConnected)
            {
                await audit.AppendAsync(org, ConnectionEvents.Of(AuditTypes.Disconnected, time.GetUtcNow(), integration, row.Value) with
                {
                    Actor = actor,
                    ErrorMessage = report.Detail is null ? reason : $"{reason}; {report.Detail}",
                }, CancellationToken.None);
            }
            return report;
        }
    }
}

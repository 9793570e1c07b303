using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;
using Kontext.Domain.Work;

namespace Kontext.Domain.Vault;

/// <summary>Tells a provider again that a grant is to be revoked, for about a day. A message that comes twice finds the row gone or at another attempt; revoking twice is harmless (RFC 7009 section 2.2).</summary>
public sealed class RevocationRetry(
    IParkedGrants parked, IIntegrationStore integrations, IConnectionStore connections, ProviderDirectory providers, GrantRemoval removal, IWorkQueue queue, IAuditLog audit, TimeProvider time)
{
    /// <summary>How long after a failed attempt the next one comes.</summary>
    private static readonly TimeSpan[] Waits =
        [TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(30), TimeSpan.FromHours(2), TimeSpan.FromHours(6), TimeSpan.FromHours(12)];

    /// <summary>When the first attempt comes after the one that failed in the person's presence.</summary>
    public static TimeSpan First { get; } = TimeSpan.FromMinutes(1);

    /// <summary>Makes the attempt, unless it was made.</summary>
    public async Task RunAsync(RevokeGrant work, CancellationToken cancellationToken)
    {
        var org = work.Org;
        if (await parked.FindAsync(org, work.Revocation, cancellationToken) is not { } row || row.Value.Attempt != work.Attempt)
            return;
        var integration = (await integrations.FindAsync(org, row.Value.Integration, cancellationToken))?.Value;
        if (integration is null || await IsHeldAgainAsync(org, integration, row.Value, cancellationToken))
        {
            await parked.RemoveAsync(org, row, cancellationToken);
            return;
        }
        var grant = await parked.OpenAsync(org, row.Value, cancellationToken);
        var (outcome, detail) = await removal.RevokeAsync(org, integration, grant);
        if (outcome == ProviderRevocation.Failed && work.Attempt <= Waits.Length)
        {
            var next = row.Value with { Attempt = work.Attempt + 1 };
            // The message first: one too many finds the row at another attempt, one too few would leave the grant alive.
            await queue.EnqueueAsync(work with { Attempt = next.Attempt }, Waits[work.Attempt - 1], CancellationToken.None);
            await parked.ReplaceAsync(org, row, next, CancellationToken.None);
            return;
        }
        await audit.AppendAsync(org, new AuditEvent
        {
            At = time.GetUtcNow(),
            Type = AuditTypes.Revoked,
            User = new AuditParty(row.Value.User.ToString(), null),
            Integration = new AuditParty(integration.Id.ToString(), integration.Name),
            Status = grant is null || outcome == ProviderRevocation.Failed ? "error_remote" : "ok",
            ErrorMessage = grant is null ? "The provider could not be told: the grant cannot be read any more."
                : outcome == ProviderRevocation.Failed ? $"The provider could not be told for a day: {detail}" : "The provider was told later.",
        }, CancellationToken.None);
        await parked.RemoveAsync(org, row, CancellationToken.None);
    }

    /// <summary>Some providers end every grant of a person with one of them: there, revoking the old one would end the connection the person has made since.</summary>
    private async Task<bool> IsHeldAgainAsync(OrgId org, Integration integration, ParkedGrant grant, CancellationToken cancellationToken) =>
        await connections.FindAsync(org, grant.User, integration.Id, cancellationToken) is { Value.Status: ConnectionStatus.Connected }
        && !((await providers.ResolveAsync(org, integration, cancellationToken)).TryGet(out var app, out _) && app.RevokesSingly);
}

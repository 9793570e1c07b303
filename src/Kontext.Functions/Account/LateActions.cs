using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Functions.Pages;

namespace Kontext.Functions.Account;

/// <summary>What an agent did last for a person, from the audit trail.</summary>
internal sealed class LateActions(ITraces traces)
{
    private const int Traces = 3;
    private const int Actions = 5;

    /// <summary>The last uses of integrations in a session, newest first.</summary>
    public async Task<IReadOnlyList<LateAction>> OfAsync(OrgId org, UserId user, SessionId session, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var found = new List<AuditEvent>();
        foreach (var trace in (await traces.ListAsync(org, new TraceFilter(user, session, null), now, offset: 0, Traces, cancellationToken)).Traces)
        {
            if (await traces.FindAsync(org, trace.Id, user, cancellationToken) is { } whole)
                found.AddRange(whole.Entries.Select(entry => entry.Event).Where(happened => happened.SessionId == session.ToString() && happened is { Type: AuditTypes.ApiCall or AuditTypes.CredentialIssued, Integration: not null }));
        }
        return [.. found.OrderByDescending(happened => happened.At).Take(Actions).Select(ActionOf)];
    }

    private static LateAction ActionOf(AuditEvent happened) => new(
        happened.At,
        happened.Type == AuditTypes.ApiCall ? happened.Capability ?? happened.Integration!.Name ?? happened.Integration.Id : $"a credential of {happened.Integration!.Name ?? happened.Integration.Id}",
        happened.Status switch
        {
            "ok" => null,
            "warn" => "with a warning",
            "error_auth" => "refused",
            "error_remote" => "failed at the service",
            _ => "failed",
        });
}

using System.Collections.Immutable;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.OAuth;

/// <summary>What a person has allowed an agent and not taken back: the sum of their sessions that still live.</summary>
/// <param name="Scopes">Approved scopes.</param>
/// <param name="Integrations">Approved integrations.</param>
public sealed record StandingApproval(ImmutableHashSet<string> Scopes, ImmutableHashSet<IntegrationId> Integrations)
{
    /// <summary>Nothing.</summary>
    public static StandingApproval None { get; } = new([], []);
}

/// <summary>Finds what a person has allowed an agent already, so that a wider request asks for the difference only (MCP authorization, step-up).</summary>
public sealed class StandingApprovals(ISessionStore sessions, TimeProvider time)
{
    // More live sessions with agents than a person has; the rest would only be asked for again.
    private const int MaxSessions = 50;

    /// <summary>What stands. An approval given before a client's own document last changed does not: nobody here decided where its answers go since.</summary>
    public async Task<StandingApproval> OfAsync(OrgId org, Application application, UserId user, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var standing = StandingApproval.None;
        foreach (var session in await sessions.ListForUserAsync(org, user, now - AuthorizationCodeGrant.SessionLifetime, MaxSessions, cancellationToken))
        {
            if (session.Application == application.Id && session.IsLive(now) && (!application.IsSelfRegistered || session.CreatedAt >= application.UpdatedAt))
                standing = new StandingApproval(standing.Scopes.Union(session.Scopes), standing.Integrations.Union(session.Approved));
        }
        return standing;
    }
}

using System.Collections.Immutable;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain;

/// <summary>Who sent a request, established once at the surface.</summary>
/// <param name="Org">The organization everything in the request happens in.</param>
public abstract record Caller(OrgId Org);

/// <summary>An agent acting for a person: a live session's valid access token was presented.</summary>
/// <param name="Org">The organization.</param>
/// <param name="Application">The agent.</param>
/// <param name="User">The person.</param>
/// <param name="Session">The approval.</param>
/// <param name="Scopes">The scopes of the token that was presented.</param>
public sealed record AgentCaller(OrgId Org, Application Application, User User, Session Session, ImmutableArray<string> Scopes) : Caller(Org)
{
    /// <summary>The chain of actors, the current one first; null when the agent obtained its token itself (RFC 8693 section 4.1).</summary>
    public OAuth.ActorClaim? Act { get; init; }

    /// <summary>The agents that handed the person's authority on to this one: what one of them may not do, this one may not do for it.</summary>
    public ImmutableArray<Application> Delegators { get; init; } = [];
}

/// <summary>A service account: management API only (contract 1.11).</summary>
/// <param name="Org">The organization.</param>
/// <param name="Account">The account.</param>
public sealed record ServiceAccountCaller(OrgId Org, ServiceAccount Account) : Caller(Org);

using System.Collections.Immutable;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.Vault;

/// <summary>An agent's wish to use an integration for a person: what token exchange, gateway and proxy all come down to.</summary>
public sealed record AccessRequest
{
    /// <summary>The organization.</summary>
    public required OrgId Org { get; init; }

    /// <summary>The agent.</summary>
    public required Application Application { get; init; }

    /// <summary>The person; null when a confidential client acts for itself.</summary>
    public required User? User { get; init; }

    /// <summary>The approval the agent acts under; null when the application vouches for its own users (contract 1.5).</summary>
    public required Session? Session { get; init; }

    /// <summary>No consent page stands between person and agent: the application vouches for its own users, or acts for itself, or the person is at the command line.</summary>
    public bool ConsentImplied { get; init; }

    /// <summary>The chain of actors, the current one first; null without delegation.</summary>
    public OAuth.ActorClaim? Act { get; init; }

    /// <summary>The agents that handed the person's authority on to this one, for all of which policy has to allow the same.</summary>
    public ImmutableArray<Application> Delegators { get; init; } = [];

    /// <summary>The integration.</summary>
    public required Integration Integration { get; init; }

    /// <summary>What kind of access.</summary>
    public required AccessKind Kind { get; init; }

    /// <summary>The operation, for <see cref="AccessKind.Operation"/>.</summary>
    public string? Operation { get; init; }

    /// <summary>What the operation acts on; null when unknown.</summary>
    public string? Target { get; init; }

    /// <summary>The call's arguments as UTF-8 JSON.</summary>
    public ReadOnlyMemory<byte> Arguments { get; init; }

    /// <summary>W3C trace id of the request; null when there is none.</summary>
    public string? TraceId { get; init; }

    /// <summary>A request of an agent with a token.</summary>
    public static AccessRequest Of(AgentCaller caller, Integration integration, AccessKind kind, string? operation = null) => new()
    {
        Org = caller.Org,
        Application = caller.Application,
        User = caller.User,
        Session = caller.Session,
        Act = caller.Act,
        Delegators = caller.Delegators,
        Integration = integration,
        Kind = kind,
        Operation = operation,
    };

    /// <summary>The capability's full name, <c>integration:operation</c>; null for the whole integration.</summary>
    public string? Capability => Operation is null ? null : $"{Integration.Name}:{Operation}";
}

/// <summary>A credential that policy permitted.</summary>
public sealed record AcquiredCredential
{
    /// <summary>The credential; null for integrations that need none.</summary>
    public required Secret? Value { get; init; }

    /// <summary>When it ends; null for long-lived credentials.</summary>
    public required DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Its scopes at the provider, as far as known.</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];

    /// <summary>Why it may be used.</summary>
    public required Permit Permit { get; init; }

    /// <summary>The audit entry on its way: to be awaited before anything derived from the credential is answered.</summary>
    public required Task Recorded { get; init; }
}

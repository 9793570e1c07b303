using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Kontext.Domain.Policies;

namespace Kontext.Domain.Audit;

/// <summary>One thing that happened, as it is recorded (contract 1.14). It never holds a secret.</summary>
public sealed record AuditEvent
{
    /// <summary>When, UTC.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>What kind: <c>credential.issued</c>, <c>tool.call</c>, <c>application.revoked</c> and so on (<see cref="AuditTypes"/>).</summary>
    public required string Type { get; init; }

    /// <summary><c>ok</c>, <c>warn</c>, <c>error_remote</c>, <c>error_proxy</c> or <c>error_auth</c>.</summary>
    public string Status { get; init; } = "ok";

    /// <summary>Which agent; null when none was involved.</summary>
    public AuditParty? Agent { get; init; }

    /// <summary>For whom; null when no person was involved.</summary>
    public AuditParty? User { get; init; }

    /// <summary>Client ids of the agents that acted one for another, the current one first (RFC 8693 section 4.1); null without delegation.</summary>
    public IReadOnlyList<string>? Act { get; init; }

    /// <summary>Who acted, where that is neither of them: an administrator or a service account.</summary>
    public AuditParty? Actor { get; init; }

    /// <summary>The agent session; null when none.</summary>
    public string? SessionId { get; init; }

    /// <summary>W3C trace id that ties the events of one request together.</summary>
    public string? TraceId { get; init; }

    /// <summary>The integration; null when none.</summary>
    public AuditParty? Integration { get; init; }

    /// <summary><c>integration:operation</c>; null when none.</summary>
    public string? Capability { get; init; }

    /// <summary>Scopes of the credential that was issued or used.</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];

    /// <summary>What was acted on; null when unknown.</summary>
    public string? Target { get; init; }

    /// <summary>Life left in an issued credential, such as <c>600s</c>; null when it does not expire or none was issued.</summary>
    public string? ExpiresIn { get; init; }

    /// <summary>How a person decided: <c>once</c>, <c>session</c> or <c>refuse</c>; null where nobody was asked.</summary>
    public string? Decision { get; init; }

    /// <summary>The decision, per layer; null where policy has no say.</summary>
    [JsonPropertyName("policyEvaluation")]
    [JsonConverter(typeof(PolicyEvaluationJson))]
    public PolicyDecision? Policy { get; init; }

    /// <summary>Machine-readable reason of a failure.</summary>
    public string? ErrorType { get; init; }

    /// <summary>Reason of a failure in words.</summary>
    public string? ErrorMessage { get; init; }

    /// <summary>How long it took, milliseconds.</summary>
    public double? DurationMs { get; init; }

    /// <summary>Bytes of the request towards the integration.</summary>
    public long? BytesIn { get; init; }

    /// <summary>Bytes of its answer.</summary>
    public long? BytesOut { get; init; }
}

/// <summary>An id and the name it had at the time.</summary>
public sealed record AuditParty(string Id, string? Name);

/// <summary>The kinds of events.</summary>
public static class AuditTypes
{
    /// <summary>A credential left Kontext by token exchange, or access to one was refused.</summary>
    public const string CredentialIssued = "credential.issued";

    /// <summary>A credential that had left Kontext ended.</summary>
    public const string CredentialExpired = "credential.expired";

    /// <summary>A credential was injected into a call, before the call went out.</summary>
    public const string CredentialInjected = "credential.injected";

    /// <summary>A call through gateway or proxy ended.</summary>
    public const string ApiCall = "api.call";

    /// <summary>A token of our own was issued.</summary>
    public const string TokenIssued = "token.issued";

    /// <summary>An application vouched for one of its own users, or tried to.</summary>
    public const string Vouched = "user.vouched";

    /// <summary>A client was refused at an endpoint for tokens.</summary>
    public const string TokenRefused = "token.refused";

    /// <summary>Somebody signed in, or was refused.</summary>
    public const string SignedIn = "user.signed_in";

    /// <summary>Somebody signed out.</summary>
    public const string SignedOut = "user.signed_out";

    /// <summary>A person approved or refused an agent.</summary>
    public const string Consent = "user.consent";

    /// <summary>A person connected an integration.</summary>
    public const string Connected = "connection.connected";

    /// <summary>A connection's credential was refreshed.</summary>
    public const string Refreshed = "connection.refreshed";

    /// <summary>A connection ended or was found dead.</summary>
    public const string Disconnected = "connection.disconnected";

    /// <summary>A provider was asked whether a connection's credential is good.</summary>
    public const string Validated = "connection.validated";

    /// <summary>Something was created, changed, archived or revoked through the management API.</summary>
    public const string Administered = "admin.change";

    /// <summary>A server describes a tool otherwise than before.</summary>
    public const string ToolChanged = "tool.changed";

    /// <summary>An administrator accepted a tool's change.</summary>
    public const string ToolAccepted = "tool.accepted";

    /// <summary>An agent asked for a capability it does not have.</summary>
    public const string CapabilityRequested = "capability.requested";

    /// <summary>Somebody tried too often and was refused unheard; not every such refusal has an entry.</summary>
    public const string AttemptsLimited = "attempts.limited";

    /// <summary>An agent called more than it may and was refused; not every such refusal has an entry.</summary>
    public const string CallsLimited = "calls.limited";

    /// <summary>A call waits for a person's approval.</summary>
    public const string ApprovalRequested = "approval.requested";

    /// <summary>The person approved a call.</summary>
    public const string ApprovalGranted = "approval.granted";

    /// <summary>The person refused a call.</summary>
    public const string ApprovalRefused = "approval.refused";

    /// <summary>A call went through on an approval.</summary>
    public const string ApprovalUsed = "approval.used";

    /// <summary>A cut-off was undone.</summary>
    public const string Reinstated = "access.reinstated";

    /// <summary>An application, session, user or connection was cut off.</summary>
    public const string Revoked = "access.revoked";
}

using System.Diagnostics;

namespace Kontext.Domain.Observability;

/// <summary>The stages of a request as spans. Nobody listens unless an installation exports its telemetry; then <see cref="Start"/> gives null and costs next to nothing.
/// No span carries a secret, a token, an argument's value or an address' query.</summary>
public static class Stages
{
    /// <summary>What spans and metrics of ours are published under.</summary>
    public const string Name = "Kontext";

    /// <summary>Establishing who is calling.</summary>
    public const string Authenticate = "kontext.authenticate";

    /// <summary>Deciding whether they may.</summary>
    public const string Policy = "kontext.policy";

    /// <summary>Finding the person's connection.</summary>
    public const string Connection = "kontext.connection";

    /// <summary>Opening the credential.</summary>
    public const string Vault = "kontext.vault";

    /// <summary>Renewing the credential at its provider, or waiting for whoever does so.</summary>
    public const string Refresh = "kontext.refresh";

    /// <summary>Committing entries to the audit trail.</summary>
    public const string AuditCommit = "kontext.audit.commit";

    /// <summary>Where the spans come from.</summary>
    public static readonly ActivitySource Source = new(Name);

    /// <summary>Begins a stage; null when nobody listens, or this request is not sampled.</summary>
    public static Activity? Start(string stage) => Source.HasListeners() ? Source.StartActivity(stage) : null;

    /// <summary>Marks a span as failed. Its type is one of our own few words; what the failure says in full stays out, for it may quote what was asked for.</summary>
    public static void Fail(this Activity? span, string errorType) => span?.SetTag("error.type", errorType).SetStatus(ActivityStatusCode.Error);

    /// <summary>The same with the failure's kind.</summary>
    public static void Fail(this Activity? span, Failure failure) => span?.Fail(WordOf(failure.Code));

    /// <summary>A failure's kind as telemetry calls it: <c>policy_denied</c>, <c>not_connected</c>.</summary>
    public static string WordOf(FailureCode code) => Words[(int)code];

    private static readonly string[] Words = [.. Enum.GetNames<FailureCode>().Select(name => System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(name.Replace("DPoP", "Dpop", StringComparison.Ordinal)))];
}

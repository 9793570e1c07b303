using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Audit;

/// <summary>Entries of the trail as people read them.</summary>
internal static class Words
{
    /// <summary>The kinds of entries one can ask for.</summary>
    public static readonly IReadOnlyList<(string Value, string Text)> Types =
    [
        ("", "Everything"), ("api.call", "Calls"), ("credential.issued", "Credentials issued"), ("credential.expired", "Credentials expired"), ("credential.injected", "Credentials injected"), ("token.issued", "Tokens issued"), ("token.refused", "Tokens refused"),
        ("user.signed_in", "Sign-ins"), ("user.consent", "Consents"), ("connection.connected", "Connections made"), ("connection.refreshed", "Connections refreshed"), ("connection.disconnected", "Connections ended"),
        ("admin.change", "Changes by administrators"), ("tool.changed", "Tools changed"), ("tool.accepted", "Changes of tools accepted"), ("approval.requested", "Approvals asked for"), ("approval.granted", "Approvals given"),
        ("approval.refused", "Approvals refused"), ("access.revoked", "Revocations"), ("attempts.limited", "Attempts limited"),
    ];

    /// <summary>The outcomes one can ask for.</summary>
    public static readonly IReadOnlyList<(string Value, string Text)> Statuses = [("", "Any"), ("ok", "Went well"), ("warn", "Warning"), ("error_auth", "Refused"), ("error_remote", "Failed at the service"), ("error_proxy", "Failed here")];

    /// <summary>How far back one can ask.</summary>
    public static readonly IReadOnlyList<(string Value, string Text)> Periods = [("1", "Last hour"), ("24", "Last 24 hours"), ("168", "Last 7 days"), ("720", "Last 30 days")];

    /// <summary>The badge of an outcome.</summary>
    public static string Kind(string status) => status switch { "ok" => "good", "warn" => "warn", _ => "bad" };

    /// <summary>The word for an outcome.</summary>
    public static string Outcome(AuditEventBody entry) => entry.ErrorType == "kontext_policy_denied" ? "denied" : entry.Status switch
    {
        "ok" => "ok",
        "warn" => "warning",
        "error_auth" => "refused",
        "error_remote" => "service failed",
        _ => "failed",
    };

    /// <summary>What an entry is about, in a few words.</summary>
    public static string About(AuditEventBody entry) => entry.Capability ?? entry.Integration ?? (entry.Scopes is { Count: > 0 } scopes ? string.Join(' ', scopes) : "");

    /// <summary>Who did it.</summary>
    public static string Who(AuditEventBody entry) => (entry.Agent ?? entry.Actor ?? entry.User) is { } party ? party.Name ?? party.Id : "–";
}

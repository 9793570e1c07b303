namespace Kontext.Domain.Audit;

/// <summary>What one agent did for one person in one session under one W3C trace id, counted (contract 1.13). A trace has more than one part when agents hand work on, or share an id.</summary>
/// <param name="Agent">The agent.</param>
/// <param name="User">The person; null when none was involved.</param>
/// <param name="Session">The session; null when none.</param>
/// <param name="First">Its oldest event.</param>
/// <param name="Last">Its newest event.</param>
/// <param name="Ok">Events that went well.</param>
/// <param name="Warnings">Events with a warning.</param>
/// <param name="Errors">Events that failed.</param>
public sealed record TracePart(AuditParty Agent, AuditParty? User, string? Session, DateTimeOffset First, DateTimeOffset Last, int Ok, int Warnings, int Errors)
{
    /// <summary>Is this event part of a trace? What an administrator does is not: nobody acted for anybody.</summary>
    public static bool Has(AuditEvent happened) => happened is { TraceId: { } trace, Agent: not null } && IsTraceId(trace);

    /// <summary>32 lowercase hexadecimal digits (W3C Trace Context 3.2.2.3).</summary>
    public static bool IsTraceId(string text) => text.Length == 32 && text.All(char.IsAsciiHexDigitLower);

    /// <summary>One of the statuses for failures (contract 1.14).</summary>
    public static bool IsError(string status) => status.StartsWith("error", StringComparison.Ordinal);

    /// <summary>The part an event alone makes.</summary>
    public static TracePart Of(AuditEvent happened) => new(
        happened.Agent!, happened.User, happened.SessionId, happened.At, happened.At,
        happened.Status == "ok" ? 1 : 0, happened.Status == "warn" ? 1 : 0, IsError(happened.Status) ? 1 : 0);

    /// <summary>The same agent, person and session?</summary>
    public bool IsOf(TracePart other) => Agent.Id == other.Agent.Id && User?.Id == other.User?.Id && Session == other.Session;

    /// <summary>Both together.</summary>
    public TracePart With(TracePart more) => this with
    {
        First = more.First < First ? more.First : First,
        Last = more.Last > Last ? more.Last : Last,
        Ok = Ok + more.Ok,
        Warnings = Warnings + more.Warnings,
        Errors = Errors + more.Errors,
    };

    /// <summary>Adds a part to others, to the one it belongs with.</summary>
    public static void Add(List<TracePart> parts, TracePart more)
    {
        var index = parts.FindIndex(more.IsOf);
        if (index < 0)
            parts.Add(more);
        else
            parts[index] = parts[index].With(more);
    }
}

using System.Diagnostics;

namespace Kontext.Domain.Observability;

/// <summary>Reads the W3C trace context that a message brings (Trace Context, sections 3.2 and 3.3). Baggage is not read anywhere: it would carry on what somebody put there for somebody else.</summary>
public static class TraceParent
{
    private const int MaxState = 512;

    /// <summary>The context; null when there is none, or it is malformed, in which case it counts as absent.</summary>
    public static ActivityContext? Read(string? traceParent, string? traceState) =>
        traceParent is not null && ActivityContext.TryParse(traceParent, traceState is { Length: <= MaxState } ? traceState : null, isRemote: true, out var context)
        && context.TraceId != default && context.SpanId != default
            ? context
            : null;
}

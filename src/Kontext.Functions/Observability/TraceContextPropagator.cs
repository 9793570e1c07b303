using System.Diagnostics;

namespace Kontext.Functions.Observability;

/// <summary>W3C trace context in and out, in headers. Baggage stays out: what a caller put there was not meant for the servers behind us, nor theirs for it.</summary>
internal sealed class TraceContextPropagator : DistributedContextPropagator
{
    private static readonly DistributedContextPropagator W3C = CreateW3CPropagator();

    /// <summary>The one there is.</summary>
    public static TraceContextPropagator Instance { get; } = new();

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Fields { get; } = ["traceparent", "tracestate"];

    /// <inheritdoc/>
    public override void Inject(Activity? activity, object? carrier, PropagatorSetterCallback? setter)
    {
        if (activity is not { IdFormat: ActivityIdFormat.W3C, Id: { } id } || setter is null)
            return;
        setter(carrier, "traceparent", id);
        if (activity.TraceStateString is { Length: > 0 } state)
            setter(carrier, "tracestate", state);
    }

    /// <inheritdoc/>
    public override void ExtractTraceIdAndState(object? carrier, PropagatorGetterCallback? getter, out string? traceId, out string? traceState) =>
        W3C.ExtractTraceIdAndState(carrier, getter, out traceId, out traceState);

    /// <inheritdoc/>
    public override IEnumerable<KeyValuePair<string, string?>>? ExtractBaggage(object? carrier, PropagatorGetterCallback? getter) => null;
}

namespace Kontext.Functions.Observability;

/// <summary>Whether telemetry leaves the process. Only OpenTelemetry's own variables say so; where to and how is read from them by its SDK.</summary>
/// <param name="Traces">Spans are exported.</param>
/// <param name="Metrics">Metrics are exported.</param>
internal sealed record TelemetrySettings(bool Traces, bool Metrics)
{
    /// <summary><c>OTEL_SDK_DISABLED</c>, <c>OTEL_TRACES_EXPORTER</c>, <c>OTEL_METRICS_EXPORTER</c> and <c>OTEL_EXPORTER_OTLP_..._ENDPOINT</c>. Without an endpoint nothing is exported: the SDK's own default would have every installation knock at port 4317.</summary>
    public static TelemetrySettings Read(IConfiguration configuration)
    {
        if (string.Equals(configuration["OTEL_SDK_DISABLED"], "true", StringComparison.OrdinalIgnoreCase))
            return new TelemetrySettings(false, false);
        var everything = configuration["OTEL_EXPORTER_OTLP_ENDPOINT"] is { Length: > 0 };
        return new TelemetrySettings(Wanted("TRACES"), Wanted("METRICS"));

        bool Wanted(string signal) =>
            (everything || configuration[$"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"] is { Length: > 0 }) && configuration[$"OTEL_{signal}_EXPORTER"] switch
            {
                null or "" or "otlp" => true,
                "none" => false,
                _ => throw new InvalidSettingException($"OTEL_{signal}_EXPORTER has to be otlp or none."),
            };
    }
}

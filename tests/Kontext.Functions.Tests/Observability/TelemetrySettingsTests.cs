using Kontext.Functions.Observability;
using Microsoft.Extensions.Configuration;

namespace Kontext.Functions.Tests.Observability;

public sealed class TelemetrySettingsTests
{
    [Theory]
    [InlineData("", false, false)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317", true, true)]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://collector:4317", true, false)]
    [InlineData("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://collector:4317", false, true)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317 OTEL_TRACES_EXPORTER=none", false, true)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317 OTEL_METRICS_EXPORTER=none OTEL_TRACES_EXPORTER=otlp", true, false)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317 OTEL_SDK_DISABLED=true", false, false)]
    [InlineData("OTEL_TRACES_EXPORTER=otlp", false, false)]
    public void Telemetry_leaves_only_where_the_standard_variables_say_so(string variables, bool traces, bool metrics) =>
        Assert.Equal(new TelemetrySettings(traces, metrics), TelemetrySettings.Read(Of(variables)));

    [Fact]
    public void An_exporter_that_is_not_there_stops_the_start() =>
        Assert.Throws<InvalidSettingException>(() => TelemetrySettings.Read(Of("OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317 OTEL_TRACES_EXPORTER=zipkin")));

    private static IConfiguration Of(string variables) => new ConfigurationBuilder()
        .AddInMemoryCollection(variables.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(variable => variable.Split('=')).Select(pair => KeyValuePair.Create<string, string?>(pair[0], pair[1])))
        .Build();
}

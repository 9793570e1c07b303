using System.Reflection;
using Kontext.Domain.Observability;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Kontext.Functions.Observability;

/// <summary>Sends spans and metrics to an OpenTelemetry collector by OTLP for as long as the program runs. What has not gone out yet is sent when it ends.</summary>
internal sealed class TelemetryExport : IDisposable
{
    private readonly TracerProvider? traces;
    private readonly MeterProvider? metrics;

    /// <summary>Starts what is switched on.</summary>
    public TelemetryExport(TelemetrySettings settings)
    {
        traces = settings.Traces ? ExportTraces() : null;
        metrics = settings.Metrics ? ExportMetrics() : null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        traces?.Dispose();
        metrics?.Dispose();
    }

    // A method of its own, like the one below: the SDK's assemblies stay unloaded where nothing is exported.
    private static TracerProvider ExportTraces() => Sdk.CreateTracerProviderBuilder()
        .SetResourceBuilder(Resource())
        // The framework's span of each request, which follows the incoming context, and our stages below it.
        .AddSource("Microsoft.AspNetCore", Stages.Name)
        .AddOtlpExporter()
        .Build();

    private static MeterProvider ExportMetrics() => Sdk.CreateMeterProviderBuilder()
        .SetResourceBuilder(Resource())
        .AddMeter(Stages.Name, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime")
        .AddOtlpExporter()
        .Build();

    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come last and win.
    private static ResourceBuilder Resource() => ResourceBuilder.CreateEmpty()
        .AddService("kontext", serviceVersion: typeof(TelemetryExport).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion)
        .AddTelemetrySdk()
        .AddEnvironmentVariableDetector();
}

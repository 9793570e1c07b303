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
        if (settings.Traces)
        {
            traces = Sdk.CreateTracerProviderBuilder()
                .SetResourceBuilder(Resource())
                // The framework's span of each request, which follows the incoming context, and our stages below it.
                .AddSource("Microsoft.AspNetCore", Stages.Name)
                .AddOtlpExporter()
                .Build();
        }
        if (settings.Metrics)
        {
            metrics = Sdk.CreateMeterProviderBuilder()
                .SetResourceBuilder(Resource())
                .AddMeter(Stages.Name, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime")
                .AddOtlpExporter()
                .Build();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        traces?.Dispose();
        metrics?.Dispose();
    }

    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come last and win.
    private static ResourceBuilder Resource() => ResourceBuilder.CreateEmpty()
        .AddService("kontext", serviceVersion: typeof(TelemetryExport).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion)
        .AddTelemetrySdk()
        .AddEnvironmentVariableDetector();
}

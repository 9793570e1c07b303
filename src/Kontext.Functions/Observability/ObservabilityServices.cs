using System.Diagnostics;
using Microsoft.Extensions.Logging.Console;

namespace Kontext.Functions.Observability;

/// <summary>Registers tracing, metrics and the log's format.</summary>
internal static class ObservabilityServices
{
    /// <summary>Adds them, as <see cref="TelemetrySettings"/> and <c>Kontext__LogFormat</c> say.</summary>
    public static WebApplicationBuilder AddKontextObservability(this WebApplicationBuilder builder, KontextSettings settings)
    {
        builder.Services.AddSingleton(TelemetrySettings.Read(builder.Configuration)).AddSingleton<TelemetryExport>();
        builder.Services.AddSingleton<DistributedContextPropagator>(TraceContextPropagator.Instance);
        if (settings.JsonLogs)
            builder.Logging.AddConsole(options => options.FormatterName = JsonLogFormatter.FormatterName).AddConsoleFormatter<JsonLogFormatter, ConsoleFormatterOptions>();
        return builder;
    }

    /// <summary>Starts the export, before the first request is served.</summary>
    public static void UseKontextObservability(this WebApplication app)
    {
        app.Services.GetRequiredService<TelemetryExport>();
        if (app.Services.GetRequiredService<TelemetrySettings>().Traces)
            app.Use(HttpSpans.DescribeAsync);
    }
}

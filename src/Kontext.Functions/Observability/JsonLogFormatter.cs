using System.Buffers;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Kontext.Functions.Observability;

/// <summary>One line of JSON per log entry, with the trace it belongs to. The framework's formatter would add the request's path, which may hold handles.</summary>
internal sealed class JsonLogFormatter(TimeProvider time) : ConsoleFormatter(FormatterName)
{
    /// <summary>What the console knows it by.</summary>
    public const string FormatterName = "kontext-json";

    /// <inheritdoc/>
    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var line = new ArrayBufferWriter<byte>(512);
        using (var writer = new Utf8JsonWriter(line))
        {
            writer.WriteStartObject();
            writer.WriteString("timestamp"u8, time.GetUtcNow());
            writer.WriteString("level"u8, logEntry.LogLevel.ToString());
            writer.WriteString("category"u8, logEntry.Category);
            writer.WriteNumber("eventId"u8, logEntry.EventId.Id);
            writer.WriteString("message"u8, logEntry.Formatter(logEntry.State, logEntry.Exception));
            if (logEntry.Exception is { } exception)
                writer.WriteString("exception"u8, exception.ToString());
            if (Activity.Current is { IdFormat: ActivityIdFormat.W3C } span)
            {
                writer.WriteString("traceId"u8, span.TraceId.ToHexString());
                writer.WriteString("spanId"u8, span.SpanId.ToHexString());
            }
            WriteFields(writer, logEntry.State);
            writer.WriteEndObject();
        }
        textWriter.WriteLine(Encoding.UTF8.GetString(line.WrittenSpan));
    }

    private static void WriteFields<TState>(Utf8JsonWriter writer, TState state)
    {
        if (state is not IReadOnlyList<KeyValuePair<string, object?>> fields)
            return;
        writer.WriteStartObject("fields"u8);
        foreach (var (name, value) in fields)
        {
            if (name != "{OriginalFormat}")
                writer.WriteString(name, value?.ToString());
        }
        writer.WriteEndObject();
    }
}

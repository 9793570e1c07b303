using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kontext.Testing.Telemetry;

/// <summary>A span as a collector gets it.</summary>
/// <param name="Trace">Its trace's id, hexadecimal.</param>
/// <param name="Id">Its own.</param>
/// <param name="Parent">The id of the span it is part of; empty without one.</param>
/// <param name="State">The trace state.</param>
/// <param name="Name">Its name.</param>
/// <param name="Kind">OTLP's number of its kind: 2 is a server's.</param>
/// <param name="Failed">Its status is an error.</param>
/// <param name="Attributes">Its attributes.</param>
/// <param name="LinkedTraces">Ids of the traces it is linked to.</param>
/// <param name="Took">From its start to its end.</param>
public sealed record ReceivedSpan(
    string Trace, string Id, string Parent, string State, string Name, int Kind, bool Failed, IReadOnlyDictionary<string, string> Attributes, IReadOnlyList<string> LinkedTraces, TimeSpan Took);

/// <summary>A metric as a collector gets it: one name, one point's attributes, and its count or sum.</summary>
/// <param name="Name">The metric.</param>
/// <param name="Unit">Its unit.</param>
/// <param name="Attributes">What tells its points apart.</param>
/// <param name="Value">The count or sum.</param>
public sealed record ReceivedPoint(string Name, string Unit, IReadOnlyDictionary<string, string> Attributes, double Value);

/// <summary>An OpenTelemetry collector's OTLP/HTTP endpoint, on loopback.</summary>
public sealed class OtlpReceiver : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private readonly WebApplication app;
    private readonly ConcurrentQueue<byte[]> bodies = [];
    private readonly ConcurrentQueue<ReceivedSpan> spans = [];
    private readonly ConcurrentQueue<ReceivedPoint> points = [];
    private readonly SemaphoreSlim news = new(0);

    private OtlpReceiver(WebApplication app) => this.app = app;

    /// <summary>Where it listens.</summary>
    public string Endpoint => app.Urls.First();

    /// <summary>Everything that was sent, as text that any secret in it would show in.</summary>
    public string Everything => string.Join('\n', bodies.Select(Encoding.Latin1.GetString));

    /// <summary>The spans so far.</summary>
    public IReadOnlyCollection<ReceivedSpan> Spans => spans;

    /// <summary>The points so far.</summary>
    public IReadOnlyCollection<ReceivedPoint> Points => points;

    /// <summary>Starts one.</summary>
    public static async Task<OtlpReceiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var receiver = new OtlpReceiver(app);
        app.MapPost("/v1/traces", context => receiver.TakeAsync(context, receiver.TakeSpans));
        app.MapPost("/v1/metrics", context => receiver.TakeAsync(context, receiver.TakePoints));
        await app.StartAsync();
        return receiver;
    }

    /// <summary>What makes the product send here.</summary>
    public Dictionary<string, string> Settings() => new()
    {
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = Endpoint,
        ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
        ["OTEL_BSP_SCHEDULE_DELAY"] = "100",
        ["OTEL_METRIC_EXPORT_INTERVAL"] = "200",
        ["OTEL_SERVICE_NAME"] = "kontext-under-test",
    };

    /// <summary>Waits for a span.</summary>
    public async Task<ReceivedSpan> SpanAsync(Func<ReceivedSpan, bool> matches) =>
        await FirstAsync(spans, matches, () => string.Join('\n', spans.Select(span => $"{span.Trace} {span.Parent}>{span.Id} {span.Name}")));

    /// <summary>Waits for a point of a metric.</summary>
    public async Task<ReceivedPoint> PointAsync(string name, Func<ReceivedPoint, bool> matches) =>
        await FirstAsync(points, point => point.Name == name && matches(point), () => string.Join('\n', points.Select(point => point.Name).Distinct()));

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task<T> FirstAsync<T>(ConcurrentQueue<T> received, Func<T, bool> matches, Func<string> describe)
        where T : class
    {
        using var limit = new CancellationTokenSource(Limit);
        while (true)
        {
            if (received.FirstOrDefault(matches) is { } found)
                return found;
            try
            {
                await news.WaitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                throw new TimeoutException($"It was not received. Received were:\n{describe()}");
            }
        }
    }

    private async Task TakeAsync(HttpContext context, Action<ProtoMessage> take)
    {
        var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        bodies.Enqueue(body.ToArray());
        take(new ProtoMessage(body.ToArray()));
        news.Release();
        context.Response.ContentType = "application/x-protobuf";
    }

    private void TakeSpans(ProtoMessage request)
    {
        foreach (var span in request.Messages(1).SelectMany(resource => resource.Messages(2)).SelectMany(scope => scope.Messages(2)))
        {
            spans.Enqueue(new ReceivedSpan(
                span.Hex(1), span.Hex(2), span.Hex(4), span.Text(3), span.Text(5), (int)span.Number(6), span.Messages(15).Any(status => status.Number(3) == 2),
                AttributesOf(span.Messages(9)), [.. span.Messages(13).Select(link => link.Hex(1))], TimeSpan.FromTicks((long)(span.Number(8) - span.Number(7)) / TimeSpan.NanosecondsPerTick)));
        }
    }

    private void TakePoints(ProtoMessage request)
    {
        foreach (var metric in request.Messages(1).SelectMany(resource => resource.Messages(2)).SelectMany(scope => scope.Messages(2)))
        {
            foreach (var point in metric.Messages(7).SelectMany(sum => sum.Messages(1)))
                points.Enqueue(new ReceivedPoint(metric.Text(1), metric.Text(3), AttributesOf(point.Messages(7)), point.Has(6) ? point.Number(6) : BitConverter.UInt64BitsToDouble(point.Number(4))));
            foreach (var point in metric.Messages(9).SelectMany(histogram => histogram.Messages(1)))
                points.Enqueue(new ReceivedPoint(metric.Text(1), metric.Text(3), AttributesOf(point.Messages(9)), point.Number(4)));
        }
    }

    private static Dictionary<string, string> AttributesOf(IEnumerable<ProtoMessage> attributes)
    {
        var read = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var attribute in attributes)
        {
            var value = attribute.Messages(2).First();
            read[attribute.Text(1)] = value.Has(1) ? value.Text(1) : value.Number(value.Has(3) ? 3 : 2).ToString(CultureInfo.InvariantCulture);
        }
        return read;
    }
}

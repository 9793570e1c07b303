using System.Globalization;
using Kontext.Testing;
using Kontext.Testing.Telemetry;

namespace Kontext.Load.Runs;

/// <summary>How long a stage of a request takes.</summary>
/// <param name="Name">The span; of the request itself, the first.</param>
/// <param name="Median">What its spans take together in one request, the median over all requests.</param>
public sealed record StageTime(string Name, TimeSpan Median);

/// <summary>Times the stages of requests by the spans the product exports, one request at a time.</summary>
public sealed class StageTimes : IAsyncDisposable
{
    private const int WarmUp = 2_000;
    private const int Counted = 500;
    private readonly OtlpReceiver receiver;
    private readonly KontextServer server;

    private StageTimes(OtlpReceiver receiver, KontextServer server) => (this.receiver, this.server) = (receiver, server);

    private Uri Instance => server.Url;

    /// <summary>A table of the main requests' stages.</summary>
    public static async Task<IReadOnlyList<string>> TableAsync(Workplace workplace)
    {
        await using var times = await StartAsync(workplace);
        var rows = new List<string> { "| request | stage | microseconds |", "|---|---|---|" };
        foreach (var (name, next) in new (string, Func<HttpRequestMessage>)[]
        {
            ("token exchange", () => workplace.Exchange(times.Instance, "notes")),
            ("tools/call", () => Requests.Call(new Uri(times.Instance, "/mcp"), "up__echo", workplace.AccessToken)),
            ("GET through the proxy", () => Requests.Get(new Uri(times.Instance, "/proxy/up/notes/1"), workplace.AccessToken)),
        })
        {
            await workplace.RenewAsync();
            rows.AddRange((await times.MeasureAsync(next)).Select(stage => string.Create(CultureInfo.InvariantCulture, $"| {name} | {stage.Name} | {stage.Median.TotalMicroseconds:#,0} |")));
        }
        return rows;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        await receiver.DisposeAsync();
    }

    private static async Task<StageTimes> StartAsync(Workplace workplace)
    {
        var receiver = await OtlpReceiver.StartAsync();
        return new StageTimes(receiver, await workplace.StartAsync(settings: receiver.Settings()));
    }

    /// <summary>Sends requests one by one and takes the time of each stage from the last of them.</summary>
    private async Task<IReadOnlyList<StageTime>> MeasureAsync(Func<HttpRequestMessage> next)
    {
        for (var sent = 0; sent < WarmUp; sent++)
            await SendAsync(next());
        // The exporter hands over what it holds ten times a second, and drops what comes too fast.
        await Task.Delay(TimeSpan.FromSeconds(1));
        var before = receiver.Spans.Select(span => span.Trace).ToHashSet(StringComparer.Ordinal);
        for (var sent = 0; sent < Counted; sent++)
            await SendAsync(next());
        await Task.Delay(TimeSpan.FromSeconds(1));
        var traces = receiver.Spans.Where(span => !before.Contains(span.Trace)).GroupBy(span => span.Trace)
            .Where(trace => trace.Any(span => span.Kind == 2)).ToList();
        if (traces.Count < Counted / 2)
            throw new InvalidOperationException($"Only {traces.Count} of {Counted} requests were traced.");
        var spans = traces.SelectMany(trace => trace.Select(span => (span.Kind, span.Name))).Distinct().OrderBy(span => span.Kind != 2);
        return
        [
            .. spans.Select(span => new StageTime(span.Kind == 3 ? span.Name + ", at the service" : span.Name,
                    traces.Select(trace => TimeSpan.FromTicks(trace.Where(one => (one.Kind, one.Name) == span).Sum(one => one.Took.Ticks))).Median()))
                .Where(stage => stage.Median > TimeSpan.Zero),
        ];
    }

    private async Task SendAsync(HttpRequestMessage request)
    {
        using (request)
        using (var answer = await server.Http.SendAsync(request))
        {
            answer.EnsureSuccessStatusCode();
            await answer.Content.ReadAsByteArrayAsync();
        }
    }
}

using System.Globalization;
using Kontext.Load.Runs;

namespace Kontext.Load.Report;

/// <summary>The part about starting, lasting, and more load than can be answered.</summary>
public sealed class EnduranceReport(Document document, EchoUpstream upstream)
{
    private const double Megabyte = 1048576;

    /// <summary>Measures and writes it.</summary>
    /// <param name="capacity">Token exchanges a second that were measured before.</param>
    /// <param name="starts">How often to start a process.</param>
    /// <param name="requests">How many requests to last.</param>
    /// <param name="seconds">How long each stretch of load is.</param>
    public async Task RunAsync(int capacity, int starts, long requests, int seconds)
    {
        using var package = await Package.MakeAsync();
        await StartsAsync(package.Program, starts);
        await MemoryAsync(package.Program, requests);
        await OverloadAsync(capacity, seconds);
    }

    /// <summary>The table of starts.</summary>
    public static IEnumerable<string> Table(ColdStarts cold)
    {
        return
        [
            "| what | median | worst |", "|---|---|---|",
            Row("bare Kestrel, first answer", cold.Floor),
            Row("package, first answer", cold.Packaged.FirstAnswer),
            Row("package, first token", cold.Packaged.FirstToken),
            Row("as built, first answer", cold.Built.FirstAnswer),
            Row("as built, first token", cold.Built.FirstToken),
        ];
        static string Row(string name, IReadOnlyList<TimeSpan> times) => $"| {name} | {times.Median().Milliseconds()} | {times.Max().Milliseconds()} |";
    }

    /// <summary>The table of memory.</summary>
    public static IEnumerable<string> Table(IReadOnlyList<MemoryPoint> points) =>
        ["| requests answered | resident |", "|---|---|", .. points.Select(point => string.Create(CultureInfo.InvariantCulture, $"| {point.Requests:#,0} | {point.Bytes / Megabyte:0} MB |"))];

    private async Task StartsAsync(string program, int starts)
    {
        await using var workplace = await Workplace.CreateAsync(upstream);
        document.Heading("From process start to the first answer");
        document.Paragraph("On storage that is set up already; looked at every 50 ms. The package is what `infra/deploy` makes, with native code; what `dotnet build` leaves is compiled as it runs. "
            + "The first token includes reading settings, keys and rules from Azurite and one durable audit entry.");
        var cold = await ColdStart.RunAsync(workplace, program, starts);
        document.Rows([], Table(cold));
        var median = cold.Packaged.FirstAnswer.Median();
        document.Against("process start to first answer about a second", median.Milliseconds(), median.TotalMilliseconds <= 1200,
            $"bare Kestrel takes {cold.Floor.Median().Milliseconds()} on the same cores; the rest is the program's own start");
    }

    private async Task MemoryAsync(string program, long requests)
    {
        await using var workplace = await Workplace.CreateAsync(upstream);
        document.Heading("Memory");
        document.Paragraph(string.Create(CultureInfo.InvariantCulture, $"An instance of its own, of the package, answers {requests:#,0} requests, what ten a second are in an hour, half token exchanges and half tool calls, as fast as it can."));
        var points = await MemoryRun.RunAsync(workplace, program, requests);
        document.Rows([], Table(points));
        if (points.Count > 1)
            document.Picture("memory.svg", "Resident memory by requests answered", Chart.Lines("Resident memory", "requests answered", "MB", [new Line("resident, MB", [.. points.Select(point => ((double)point.Requests, point.Bytes / Megabyte))])]));
        var most = points.Max(point => point.Bytes) / Megabyte;
        document.Against("150 MB resident", string.Create(CultureInfo.InvariantCulture, $"{most:0} MB at most"), most <= 150, "see Memory: what a fresh instance holds before it has done much, and how that changes with requests");
    }

    private async Task OverloadAsync(int capacity, int seconds)
    {
        await using var workplace = await Workplace.CreateAsync(upstream);
        document.Heading("More than can be answered");
        document.Paragraph(string.Create(CultureInfo.InvariantCulture,
            $"Token exchanges that begin at a rate, whether or not earlier ones were answered: half of the {capacity:#,0} a second measured above, then twice as many, then half again. The instance works on {Overload.ConcurrentRequests} at a time here (`Kontext__Limits__ConcurrentRequests`); what comes beyond is answered 503 with Retry-After. Anything else than success and such a refusal counts as failed. The driver takes its part of the same cores, so what is accepted at twice the rate is less than what the instance can do alone."));
        var stretches = await Overload.RunAsync(workplace, capacity, seconds);
        document.Rows(["| load | begun per second | accepted per second | refused per second | failed | p50 of the accepted | p99 of the accepted | resident at the end |", "|---|---|---|---|---|---|---|---|"], stretches.Select(Row));
        var all = stretches.SelectMany(stretch => stretch.Seconds).ToList();
        document.Picture("overload.svg", "Accepted and refused per second", Chart.Lines("Half, twice and half of the capacity", "second", "per second",
        [
            new Line("accepted", [.. all.Select((second, at) => ((double)at, (double)second.Accepted))]),
            new Line("refused with 503 and Retry-After", [.. all.Select((second, at) => ((double)at, (double)second.Refused))]),
        ]));
        static string Row(Stretch stretch)
        {
            var latencies = new LatencyHistogram();
            foreach (var second in stretch.Seconds)
                latencies.Add(second.Latencies);
            return string.Create(CultureInfo.InvariantCulture,
                $"| {stretch.Name} | {stretch.PerSecond:#,0} | {stretch.Seconds.Average(second => second.Accepted):#,0} | {stretch.Seconds.Average(second => second.Refused):#,0} | {stretch.Seconds.Sum(second => second.Failed)} | {latencies.Percentile(0.5).TotalMilliseconds:0.0} ms | {latencies.Percentile(0.99).TotalMilliseconds:0.0} ms | {stretch.Seconds[^1].ResidentBytes / Megabyte:0} MB |");
        }
    }
}

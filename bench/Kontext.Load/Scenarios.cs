using System.Globalization;

namespace Kontext.Load;

/// <summary>The product's main operations, each beside its floor.</summary>
public static class Scenarios
{
    private const string All = "all";

    private static readonly (string Name, Func<EchoUpstream, Workplace, IReadOnlyList<Side>> Sides)[] Known =
    [
        ("exchange", (_, workplace) => Exchange(workplace)),
        ("tools-call", (upstream, workplace) => Call(upstream, workplace, "echo", "tools/call")),
        ("tools-call-large", (upstream, workplace) => Call(upstream, workplace, "large", "tools/call of 1 MB")),
        ("tools-call-stream", (upstream, workplace) => Call(upstream, workplace, "stream", "tools/call with progress")),
        ("proxy", Proxy),
    ];

    /// <summary>Whether a command is a scenario, or all of them.</summary>
    public static bool Has(string command) => command == All || Known.Any(scenario => scenario.Name == command);

    /// <summary>Runs one scenario or all and prints a table.</summary>
    public static async Task RunAsync(Options options)
    {
        await using var upstream = await EchoUpstream.StartAsync();
        await using var workplace = await Workplace.CreateAsync(upstream);
        foreach (var line in Table.Head)
            Console.WriteLine(line);
        foreach (var (name, sides) in Known)
        {
            if (options.Command != All && options.Command != name)
                continue;
            await workplace.RenewAsync();
            foreach (var line in Table.Rows(await Comparison.RunAsync(sides(upstream, workplace), options.Connections, options.Duration, options.Passes)))
                Console.WriteLine(line);
        }
    }

    /// <summary>Exchange of a token for a person's stored credential, beside the floor.</summary>
    public static IReadOnlyList<Side> Exchange(Workplace workplace) =>
        [Floors.SideOf(Floors.Es256), Side.Of("token exchange", _ => workplace.Exchange(workplace.Kontext.Url, "notes"), workplace.Kontext.ProcessId)];

    /// <summary>A call of a tool through the gateway, beside the direct one.</summary>
    public static IReadOnlyList<Side> Call(EchoUpstream upstream, Workplace workplace, string tool, string name)
    {
        var gateway = new Uri(workplace.Kontext.Url, "/mcp");
        return
        [
            Side.Of($"{name}, direct", _ => Requests.Call(upstream.Address, tool, EchoUpstream.Token)),
            Side.Of($"{name}, gateway", _ => Requests.Call(gateway, "up__" + tool, workplace.AccessToken), workplace.Kontext.ProcessId),
        ];
    }

    /// <summary>A request through the REST proxy, beside the direct one.</summary>
    public static IReadOnlyList<Side> Proxy(EchoUpstream upstream, Workplace workplace)
    {
        var direct = new Uri(upstream.Api + "/notes/1");
        var proxied = new Uri(workplace.Kontext.Url, "/proxy/up/notes/1");
        return
        [
            Side.Of("GET, direct", _ => Requests.Get(direct, EchoUpstream.Token)),
            Side.Of("GET, proxy", _ => Requests.Get(proxied, workplace.AccessToken), workplace.Kontext.ProcessId),
        ];
    }
}

/// <summary>Results as a Markdown table: the median pass, the worst one's rate, and what the first row, the floor, compares to.</summary>
public static class Table
{
    /// <summary>Its head.</summary>
    public static readonly IReadOnlyList<string> Head = ["| what | connections | requests/s | worst pass | p50 | p99 | resident | of the first |", "|---|---|---|---|---|---|---|---|"];

    /// <summary>Its rows.</summary>
    public static IEnumerable<string> Rows(IReadOnlyList<Measured> sides) => sides.Select((side, index) => Row(side, index == 0 ? null : sides[0]));

    private static string Row(Measured side, Measured? first)
    {
        var median = side.Median;
        var resident = median.ResidentBytes is { } bytes ? string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:0} MB") : "";
        var ratio = first is null ? "" : string.Create(CultureInfo.InvariantCulture, $"{median.PerSecond / first.Median.PerSecond:0.00}");
        return string.Create(CultureInfo.InvariantCulture,
            $"| {side.Name} | {median.Connections} | {median.PerSecond:0} | {side.Worst:0} | {Ms(0.5)} | {Ms(0.99)} | {resident} | {ratio} |");
        string Ms(double share) => string.Create(CultureInfo.InvariantCulture, $"{median.Latencies.Percentile(share).TotalMilliseconds:0.00} ms");
    }
}

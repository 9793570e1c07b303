namespace Kontext.Load;

/// <summary>The product's main operations, each beside its floor.</summary>
public static class Scenarios
{
    private const string All = "all";
    private static readonly (string Name, Func<EchoUpstream, Workplace, Options, Task<long>> RunAsync)[] Known =
    [
        ("exchange", ExchangeAsync),
        ("tools-call", (upstream, workplace, options) => CallAsync(upstream, workplace, options, "echo", "tools/call")),
        ("tools-call-large", (upstream, workplace, options) => CallAsync(upstream, workplace, options, "large", "tools/call of 1 MB")),
        ("tools-call-stream", (upstream, workplace, options) => CallAsync(upstream, workplace, options, "stream", "tools/call with progress")),
        ("proxy", ProxyAsync),
    ];

    /// <summary>Whether a command is a scenario, or all of them.</summary>
    public static bool Has(string command) => command == All || Known.Any(scenario => scenario.Name == command);

    /// <summary>Runs one scenario or all and prints a table.</summary>
    public static async Task<int> RunAsync(Options options)
    {
        await using var upstream = await EchoUpstream.StartAsync();
        await using var workplace = await Workplace.CreateAsync(upstream);
        Comparison.WriteHead();
        var errors = 0L;
        foreach (var (name, run) in Known)
        {
            if (options.Command == All || options.Command == name)
                errors += await run(upstream, workplace, options);
        }
        return errors == 0 ? 0 : 1;
    }

    private static Task<long> ExchangeAsync(EchoUpstream upstream, Workplace workplace, Options options) => Comparison.RunAsync(options.Passes,
        () => Floors.RunAsync(Floors.Es256, options.Connections, options.Duration),
        () => LoadAsync("token exchange", _ => Requests.Exchange(workplace), workplace.Kontext.ProcessId, options));

    private static Task<long> CallAsync(EchoUpstream upstream, Workplace workplace, Options options, string tool, string name)
    {
        var gateway = new Uri(workplace.Kontext.Url, "/mcp");
        return Comparison.RunAsync(options.Passes,
            () => LoadAsync($"{name}, direct", _ => Requests.Call(upstream.Address, tool, EchoUpstream.Token), null, options),
            () => LoadAsync($"{name}, gateway", _ => Requests.Call(gateway, "up__" + tool, workplace.AccessToken), workplace.Kontext.ProcessId, options));
    }

    private static Task<long> ProxyAsync(EchoUpstream upstream, Workplace workplace, Options options)
    {
        var direct = new Uri(upstream.Api + "/notes/1");
        var proxied = new Uri(workplace.Kontext.Url, "/proxy/up/notes/1");
        return Comparison.RunAsync(options.Passes,
            () => LoadAsync("GET, direct", _ => Requests.Get(direct, EchoUpstream.Token), null, options),
            () => LoadAsync("GET, proxy", _ => Requests.Get(proxied, workplace.AccessToken), workplace.Kontext.ProcessId, options));
    }

    private static async Task<LoadResult> LoadAsync(string name, Func<int, HttpRequestMessage> request, int? server, Options options)
    {
        var load = LoadRun.RunAsync(request, options.Connections, options.Duration);
        var most = server is { } process ? await ServerMemory.MostAsync(process, load) : default(long?);
        return await load with { Name = name, ResidentBytes = most };
    }
}

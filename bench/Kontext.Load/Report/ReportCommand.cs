using System.Globalization;
using Kontext.Bench;
using Kontext.Load.Peers;
using Kontext.Load.Runs;
using Kontext.Testing;

namespace Kontext.Load.Report;

/// <summary>Measures everything and writes the report.</summary>
public sealed class ReportCommand(Options options)
{
    private const string Folder = "bench/report";
    private const string Slow = "every answer waits for Azurite, which shares the cores; its own figure is under Token exchange";

    private readonly Document document = new(Directory.CreateDirectory(Path.Combine(RepositoryFiles.Root, Folder)).FullName);
    private readonly int passes = options.Passes;
    private readonly TimeSpan duration = options.Duration;

    /// <summary>Runs.</summary>
    public async Task RunAsync()
    {
        var machine = Machine.Describe();
        await using var upstream = await EchoUpstream.StartAsync();
        // Azurite's own work grows with its tables: every part has an installation of its own.
        var capacity = await ExchangeAsync(upstream);
        await InstancesAsync(upstream);
        await CallsAsync(upstream);
        await ContentAsync(upstream);
        await GatewaysAsync(upstream);
        await FlowAsync(upstream);
        await CostAsync(upstream);
        await StagesAsync(upstream);
        document.Save(machine);
        Say("starts, memory and overload");
        await new EnduranceReport(document, upstream).RunAsync(capacity, Number("starts", 5), Number("requests", (int)MemoryRun.HourOfRequests), Number("overload-seconds", 10));
        document.Save(machine);
        Say("audit");
        var audit = new AuditReport(document);
        await audit.AppendAsync();
        await audit.RunAsync(upstream);
        await RefreshesAsync();
        await RevocationsAsync(upstream);
        await DecisionsAsync();
        SingleMethods();
        Say("scale");
        new ScaleReport(document).Run();
        document.Save(machine);
        Console.WriteLine($"{Folder}/README.md");
    }

    private async Task<int> ExchangeAsync(EchoUpstream upstream)
    {
        Say("token exchange");
        await using var workplace = await Workplace.CreateAsync(upstream);
        document.Heading("Token exchange");
        document.Paragraph("A person's stored token, or a token of Kontext's own for the gateway: client, subject token, policy, credential, and an audit entry that is durable on Azurite before the answer. "
            + "The first row is what no token exchange can do less than, verifying one ES256 signature and making another on bare Kestrel; the product remembers that a subject token was good, so the stored token needs neither. "
            + "oidc-provider keeps its state in memory and records nothing.");
        await using var issuer = await Issuer.StartAsync();
        var azurite = await new AzuriteFloor(workplace.Storage).PrepareAsync();
        await workplace.RenewAsync();
        var sides = await Comparison.RunAsync(
        [
            Floors.SideOf(Floors.Es256),
            Side.Of("exchange for a stored token", _ => workplace.Exchange(workplace.Kontext.Url, "notes"), workplace.Kontext.ProcessId),
            Side.Of("exchange for a gateway token", _ => workplace.Exchange(workplace.Kontext.Url, workplace.Gateway), workplace.Kontext.ProcessId),
            Side.Of("client credentials", _ => workplace.ClientCredentials(), workplace.Kontext.ProcessId),
            Issuer.Exchange(issuer),
            Issuer.ClientCredentials(issuer),
            azurite,
            Floors.SideOf(Floors.Kestrel),
        ], options.Connections, duration, passes);
        document.Rows(Table.Head, Table.Rows(sides));
        document.Picture("exchange.svg", "Token exchange per second", Chart.Bars("Requests per second, 16 connections", "/s", BarsOf(sides, "exchange for", "client credentials")));
        var stored = sides[1];
        document.Against("token exchange with policy, vault and durable audit, 4,000/s", Rate(stored), stored.Median.PerSecond >= 4000, Slow);
        return (int)stored.Median.PerSecond;
    }

    private async Task InstancesAsync(EchoUpstream upstream)
    {
        Say("token exchange by connections and instances");
        document.Heading("Token exchange by connections and instances");
        var rows = new List<string>();
        foreach (var connections in new[] { 1, 16, 64 })
        {
            await using var workplace = await Workplace.CreateAsync(upstream);
            await using var second = await workplace.StartAsync();
            var one = Side.Of("one instance", _ => workplace.Exchange(workplace.Kontext.Url, "notes"), workplace.Kontext.ProcessId);
            var two = Side.Of("two instances", connection => workplace.Exchange(connection % 2 == 0 ? workplace.Kontext.Url : second.Url, "notes"), workplace.Kontext.ProcessId);
            rows.AddRange(Table.Rows(await Comparison.RunAsync(connections == 1 ? [one] : [one, two], connections, duration, passes)));
        }
        document.Rows(Table.Head, rows);
    }

    private async Task CallsAsync(EchoUpstream upstream)
    {
        Say("tools/call");
        document.Heading("Calls through the gateway");
        document.Paragraph("`tools/call` with two audit entries, both durable before the answer leaves, beside the same upstream called directly by the same driver; and alone what both entries wait for, a write to Azurite.");
        var rows = new List<string>();
        IReadOnlyList<Measured> small = [];
        foreach (var connections in new[] { 1, 16, 64 })
        {
            await using var workplace = await Workplace.CreateAsync(upstream);
            var azurite = await new AzuriteFloor(workplace.Storage).PrepareAsync();
            var measured = await Comparison.RunAsync([.. Scenarios.Call(upstream, workplace, "echo", "tools/call"), azurite], connections, duration, passes);
            rows.AddRange(Table.Rows(measured));
            if (connections == 1)
            {
                var added = measured[1].Median.Latencies.Percentile(0.5) - measured[0].Median.Latencies.Percentile(0.5);
                document.Against("tools/call adds at most 0.5 ms at the median", string.Create(CultureInfo.InvariantCulture, $"{added.TotalMilliseconds:0.00} ms with one connection"), added.TotalMilliseconds <= 0.5,
                    string.Create(CultureInfo.InvariantCulture, $"two audit entries, each a write of its own at one connection; they are under way at the same time, but Azurite does one after the other; a write of 1 kB to it took {measured[2].Median.Latencies.Percentile(0.5).TotalMilliseconds:0.00} ms in the same run, and both have to be durable before the answer leaves"));
            }
            small = connections == options.Connections ? measured : small;
        }
        document.Rows(Table.Head, rows);
        document.Against("tools/call through the gateway, 2,500/s", Rate(small[1]), small[1].Median.PerSecond >= 2500, Slow);
    }

    private async Task ContentAsync(EchoUpstream upstream)
    {
        Say("large, streamed, proxied");
        document.Heading("Large and streamed results, and the REST proxy");
        document.Paragraph("`tools/call` with a result of 1 MB, and with 20 reports of progress before its result; a `GET` of a small document through the REST proxy.");
        var rows = new List<string>();
        foreach (var sides in new Func<Workplace, IReadOnlyList<Side>>[] { workplace => Scenarios.Call(upstream, workplace, "large", "1 MB"), workplace => Scenarios.Call(upstream, workplace, "stream", "20 events"), workplace => Scenarios.Proxy(upstream, workplace) })
        {
            foreach (var connections in new[] { 1, 16, 64 })
            {
                await using var workplace = await Workplace.CreateAsync(upstream);
                rows.AddRange(Table.Rows(await Comparison.RunAsync(sides(workplace), connections, duration, passes)));
            }
        }
        document.Rows(Table.Head, rows);
    }

    private async Task GatewaysAsync(EchoUpstream upstream)
    {
        Say("other gateways");
        await using var workplace = await Workplace.CreateAsync(upstream);
        document.Heading("Beside other gateways");
        document.Paragraph("mcp-proxy and supergateway put a server that speaks stdio on HTTP; behind them is a server of thirty lines that echoes. They check no token, know no people and record nothing.");
        var (mcpProxy, first) = await StdioBridges.McpProxyAsync();
        await using (mcpProxy)
        {
            var (supergateway, other) = await StdioBridges.SupergatewayAsync();
            await using (supergateway)
            {
                var sides = await Comparison.RunAsync([Scenarios.Call(upstream, workplace, "echo", "Kontext")[1], first, other], options.Connections, duration, passes);
                document.Rows(Table.Head, Table.Rows(sides));
                document.Picture("gateways.svg", "Tool calls per second", Chart.Bars("tools/call per second, 16 connections", "/s", BarsOf(sides, "Kontext")));
            }
        }
    }

    private async Task FlowAsync(EchoUpstream upstream)
    {
        Say("authorize to token");
        await using var workplace = await Workplace.CreateAsync(upstream);
        document.Heading("From authorization request to tokens");
        document.Paragraph("With everything in between: the consent page, its form, the code, its redemption with PKCE, five requests in all, by four people who are signed in. The time is that of the whole way.");
        var measured = new List<LoadResult>();
        for (var pass = 0; pass < passes; pass++)
            measured.Add(await AuthorizeRun.RunAsync(workplace, 4, duration));
        document.Rows(Table.Head, Table.Rows([new Measured("authorize to token", measured)]));
    }

    private async Task CostAsync(EchoUpstream upstream)
    {
        Say("cost");
        await using var workplace = await Workplace.CreateAsync(upstream);
        document.Heading("What a request costs at the table service");
        document.Paragraph("Counted on the wire between one instance and Azurite. Entries that arrive together share one write, so the cost of one falls as more come at a time. "
            + "At $0.00036 per 10,000 operations (docs/costs.md, T1) the last column is what a million requests cost in storage operations. No vault is asked while data keys are in memory.");
        await using var cost = await StorageCost.StartAsync(workplace);
        await workplace.RenewAsync();
        var rows = new List<string>();
        foreach (var connections in new[] { 1, 16, 64 })
        {
            rows.Add(Row(await cost.MeasureAsync("token exchange", _ => workplace.Exchange(cost.Instance, "notes"), connections, duration)));
            rows.Add(Row(await cost.MeasureAsync("tools/call", _ => Requests.Call(new Uri(cost.Instance, "/mcp"), "up__echo", workplace.AccessToken), connections, duration)));
        }
        document.Rows(["| what | connections | reads | writes | bytes written | bytes read | per million |", "|---|---|---|---|---|---|---|"], rows);
        static string Row(Cost cost) => string.Create(CultureInfo.InvariantCulture,
            $"| {cost.Name} | {cost.Connections} | {StorageCost.Each(cost.Reads, cost)} | {StorageCost.Each(cost.Writes, cost)} | {cost.BytesUp / cost.Requests} | {cost.BytesDown / cost.Requests} | ${(double)(cost.Reads + cost.Writes) / cost.Requests * 1_000_000 / 10_000 * 0.00036:0.000} |");
    }

    private async Task StagesAsync(EchoUpstream upstream)
    {
        Say("stages");
        await using var workplace = await Workplace.CreateAsync(upstream);
        document.Heading("Where the time of a request goes");
        document.Paragraph("By the spans the product exports, one request at a time; the medians of five hundred requests, in microseconds. The first row is the whole request; a stage may contain another. Exporting spans itself takes time, so requests are a little slower here than above.");
        document.Rows([], await StageTimes.TableAsync(workplace));
    }

    private async Task RefreshesAsync()
    {
        Say("refresh");
        document.Heading("Refreshing connections");
        document.Paragraph(string.Create(CultureInfo.InvariantCulture,
            $"Connections at the provider simulator that are all due at once; the provider takes {RefreshRun.ProviderTakes} ms for each. An instance lets eight at a time through to one provider. Each refresh takes a lease, a journal entry, the new credential sealed and stored, and an audit entry."));
        var count = Number("refreshes", 100);
        var rows = new List<string>();
        foreach (var instances in new[] { 1, 2 })
        {
            var refreshed = await RefreshRun.RunAsync(instances, count);
            rows.Add(string.Create(CultureInfo.InvariantCulture, $"| {refreshed.Instances} | {refreshed.Connections} | {refreshed.Took.TotalSeconds:0.00} s | {refreshed.PerSecond:0} | {refreshed.Twice} |"));
        }
        document.Rows(["| instances | connections | first to last | per second | refresh tokens presented twice |", "|---|---|---|---|---|"], rows);
    }

    private async Task RevocationsAsync(EchoUpstream upstream)
    {
        Say("revocation");
        document.Heading("From a revocation to the last answer");
        var revoked = await RevocationRun.RunAsync(upstream, Number("revocations", 10));
        document.Paragraph(string.Create(CultureInfo.InvariantCulture,
            $"An agent asks two instances for credentials without a pause and is cut off {revoked.Count} times, by an order to the first. Times count from the order's answer; zero means that nothing came after it. Somebody else goes on meanwhile: {revoked.Sum(one => one.OthersRefused)} of their requests failed."));
        document.Rows(["| what | median | worst |", "|---|---|---|"],
        [
            Row("the order", one => one.Answered),
            Row("last credential from the instance that took it", one => one.Here),
            Row("last credential from the other instance", one => one.Elsewhere),
            Row("reinstating, until both serve again", one => one.Again),
        ]);
        var last = revoked.Max(one => one.Here > one.Elsewhere ? one.Here : one.Elsewhere);
        document.Against("revoke to last success under one second on every instance", string.Create(CultureInfo.InvariantCulture, $"{last.Milliseconds()} at the worst of {revoked.Count}"), last < TimeSpan.FromSeconds(1));
        string Row(string name, Func<Revoked, TimeSpan> time) => $"| {name} | {revoked.Select(time).ToList().Median().Milliseconds()} | {revoked.Max(time).Milliseconds()} |";
    }

    private async Task DecisionsAsync()
    {
        Say("decisions");
        document.Heading("A policy decision by number of rules");
        document.Paragraph("The rules are about other agents, people, roles and integrations; in the column of patterns, about patterns of other tools of the call's own integration. Cedar is its WebAssembly build with the policies parsed beforehand, Casbin its Node package; both look at every rule.");
        var decisions = await Decisions.RunAsync(passes, TimeSpan.FromSeconds(Math.Min(duration.TotalSeconds, 2)));
        document.Rows(["| rules | Kontext | with conditions on arguments | among patterns | Cedar | Casbin |", "|---|---|---|---|---|---|"], decisions.Select(decision => string.Create(CultureInfo.InvariantCulture,
            $"| {decision.Rules:#,0} | {decision.Kontext:0} ns | {decision.Conditions:0} ns | {decision.Patterns:0} ns | {Us(decision.Cedar)} | {Us(decision.Casbin)} |")));
        document.Picture("decisions.svg", "Nanoseconds per decision by number of rules", Chart.Lines("One policy decision", "rules", "nanoseconds", [
            new Line("Kontext", [.. decisions.Select(decision => ((double)decision.Rules, decision.Kontext))]),
            new Line("Kontext, with conditions on arguments", [.. decisions.Select(decision => ((double)decision.Rules, decision.Conditions))]),
            new Line("Kontext, among patterns", [.. decisions.Select(decision => ((double)decision.Rules, decision.Patterns))]),
            new Line("Cedar (WebAssembly)", [.. decisions.Where(decision => decision.Cedar is not null).Select(decision => ((double)decision.Rules, decision.Cedar!.Value))]),
            new Line("Casbin (Node)", [.. decisions.Where(decision => decision.Casbin is not null).Select(decision => ((double)decision.Rules, decision.Casbin!.Value))]),
        ], logarithmic: true));
        var large = decisions.Single(decision => decision.Rules == 10_000);
        document.Against("a policy decision in about a microsecond at 10,000 rules", string.Create(CultureInfo.InvariantCulture, $"{large.Kontext / 1000:0.00} us"), large.Kontext <= 1500, "");
        static string Us(double? nanoseconds) => nanoseconds is { } value ? string.Create(CultureInfo.InvariantCulture, $"{value / 1000:#,0} us") : "not tried";
    }

    private void SingleMethods()
    {
        Say("single methods");
        document.Heading("Single methods");
        document.Paragraph("By BenchmarkDotNet (short runs, in the driver's process). `PolicyDecisions` decides on one call among rules that are about something else; compiling is what a change of the rules costs each instance once.");
        document.Rows([], Benchmarks.Table());
    }

    private int Number(string name, int otherwise) => options.Number(name) ?? otherwise;

    private static void Say(string what) => Console.Error.WriteLine($"measuring: {what}");

    private static string Rate(Measured side) => string.Create(CultureInfo.InvariantCulture, $"{side.Median.PerSecond:#,0}/s, worst pass {side.Worst:#,0}/s");

    private static List<Bar> BarsOf(IReadOnlyList<Measured> sides, params string[] own) =>
        [.. sides.Select(side => new Bar(side.Name, side.Median.PerSecond, own.Any(name => side.Name.StartsWith(name, StringComparison.Ordinal))))];
}

using System.Globalization;
using System.Net.Http.Headers;
using System.Text;

namespace Kontext.Load;

/// <summary>The product's main operations, each beside its floor: passes of both alternate, so that whatever else the machine does falls on both.</summary>
public static class Scenarios
{
    /// <summary>Runs one scenario or all and prints a table.</summary>
    public static async Task<int> RunAsync(Options options)
    {
        await using var upstream = await EchoUpstream.StartAsync();
        await using var workplace = await Workplace.CreateAsync(upstream.Address);
        var passes = options.Number("passes") ?? 3;
        Console.WriteLine("| what | requests/s | p50 | p99 | resident | of the floor |");
        Console.WriteLine("|---|---|---|---|---|---|");
        var errors = 0L;
        if (options.Command is "exchange" or "all")
        {
            errors += await CompareAsync(passes,
                () => Floors.RunAsync(Floors.Es256, options.Connections, options.Duration),
                () => LoadAsync("token exchange", _ => Exchange(workplace), workplace.Kontext.ProcessId, options));
        }
        if (options.Command is "tools-call" or "all")
        {
            errors += await CompareAsync(passes,
                () => LoadAsync("tools/call, direct", _ => Call(upstream.Address, "echo", EchoUpstream.Token), null, options),
                () => LoadAsync("tools/call, gateway", _ => Call(new Uri(workplace.Kontext.Url, "/mcp"), "up__echo", workplace.AccessToken), workplace.Kontext.ProcessId, options));
        }
        return errors == 0 ? 0 : 1;
    }

    private static async Task<long> CompareAsync(int passes, Func<Task<LoadResult>> floor, Func<Task<LoadResult>> product)
    {
        var (floors, products) = (new List<LoadResult>(), new List<LoadResult>());
        for (var pass = 0; pass < passes; pass++)
        {
            floors.Add(await floor());
            products.Add(await product());
        }
        var best = Median(floors);
        Console.WriteLine(Row(floors, null));
        Console.WriteLine(Row(products, best));
        var errors = floors.Concat(products).Where(result => result.Errors > 0).ToList();
        foreach (var result in errors)
            Console.Error.WriteLine($"{result.Name}: {result.Errors} errors, the first: {result.FirstError}");
        return errors.Sum(result => result.Errors);
    }

    // The median pass, and the worst one's rate behind it.
    private static string Row(List<LoadResult> results, LoadResult? floor)
    {
        var median = Median(results);
        var resident = median.ResidentBytes is { } bytes ? string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:0} MB") : "";
        var ratio = floor is null ? "" : string.Create(CultureInfo.InvariantCulture, $"{median.PerSecond / floor.PerSecond:0.00}");
        return string.Create(CultureInfo.InvariantCulture,
            $"| {median.Name} | {median.PerSecond:0} (worst pass {results.Min(result => result.PerSecond):0}) | {median.Latencies.Percentile(0.5).TotalMilliseconds:0.00} ms | {median.Latencies.Percentile(0.99).TotalMilliseconds:0.00} ms | {resident} | {ratio} |");
    }

    private static LoadResult Median(List<LoadResult> results) => results.OrderBy(result => result.PerSecond).ElementAt(results.Count / 2);

    private static async Task<LoadResult> LoadAsync(string name, Func<int, HttpRequestMessage> request, int? server, Options options)
    {
        var result = await LoadRun.RunAsync(request, options.Connections, options.Duration);
        return result with { Name = name, ResidentBytes = server is { } process ? ServerMemory.Resident(process) : null };
    }

    private static HttpRequestMessage Exchange(Workplace workplace) => new(HttpMethod.Post, new Uri(workplace.Kontext.Url, "/oauth2/token"))
    {
        Content = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "urn:ietf:params:oauth:grant-type:token-exchange",
            ["client_id"] = workplace.ClientId,
            ["subject_token_type"] = "urn:ietf:params:oauth:token-type:access_token",
            ["subject_token"] = workplace.AccessToken,
            ["resource"] = "notes",
        }),
    };

    private static HttpRequestMessage Call(Uri endpoint, string tool, string token)
    {
        var body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"" + tool + "\",\"arguments\":{\"text\":\"hello\"},"
            + "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\"io.modelcontextprotocol/clientCapabilities\":{}}}}";
        var request = new HttpRequestMessage(HttpMethod.Post, endpoint) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        request.Headers.Accept.ParseAdd("application/json");
        request.Headers.Accept.ParseAdd("text/event-stream");
        request.Headers.Add("MCP-Protocol-Version", "2026-07-28");
        request.Headers.Add("Mcp-Method", "tools/call");
        request.Headers.Add("Mcp-Name", tool);
        return request;
    }
}

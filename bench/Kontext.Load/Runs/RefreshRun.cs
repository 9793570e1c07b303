using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Load.Runs;

/// <summary>How fast due connections are refreshed.</summary>
/// <param name="Instances">How many instances worked.</param>
/// <param name="Connections">How many connections were due.</param>
/// <param name="Took">From the first refresh token the provider saw to the last.</param>
/// <param name="Twice">Refresh tokens the provider saw a second time.</param>
public sealed record Refreshed(int Instances, int Connections, TimeSpan Took, int Twice)
{
    /// <summary>Refreshes per second.</summary>
    public double PerSecond => Connections / Took.TotalSeconds;
}

/// <summary>Connections at the provider simulator that are all due at once, refreshed by the timer and the queue, with the lease, the journal and the audit entry each takes.</summary>
public static class RefreshRun
{
    private const int ProviderMilliseconds = 20;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    /// <summary>What the provider takes for each.</summary>
    public static int ProviderTakes => ProviderMilliseconds;

    /// <summary>Runs on an installation of its own.</summary>
    public static async Task<Refreshed> RunAsync(int instances, int connections)
    {
        await using var provider = await UpstreamIdp.StartAsync(("ACCESS_TTL", "5"), ("REFRESHED_TTL", "3600"), ("REFRESH_WORK_MS", ProviderMilliseconds.ToString(CultureInfo.InvariantCulture)));
        await using var azurite = new AzuriteFixture();
        var keys = Directory.CreateTempSubdirectory("kontext-bench-").FullName;
        try
        {
            var storage = await azurite.ConnectionStringAsync();
            // As under a host that posts nothing: it connects, and refreshes nothing.
            await using var first = await KontextServer.StartAsync(storage, keys, settings: new Dictionary<string, string> { ["KontextQueue"] = storage, ["Kontext__Limits__CreationsPerMinute"] = "1000000" }, handler: true);
            await ConnectAsync(first, provider, connections);
            var workers = await Task.WhenAll(Enumerable.Range(0, instances).Select(_ => KontextServer.StartAsync(storage, keys, first.Url)));
            var clock = Stopwatch.StartNew();
            while (await provider.RefreshesAsync() < connections)
            {
                if (clock.Elapsed > Limit)
                    throw new TimeoutException($"{await provider.RefreshesAsync()} of {connections} connections were refreshed.");
                // The timer; its own turn would come within a minute.
                using var happened = new StringContent("""{"Data":{},"Metadata":{}}""", Encoding.UTF8, "application/json");
                using var fired = await first.Http.PostAsync(new Uri("/fn-refresh-sweep", UriKind.Relative), happened);
                await Task.Delay(50);
            }
            var presented = (await provider.StateAsync())["events"]!.AsArray().Where(happened => (string?)happened!["type"] == "refresh.presented").Select(happened => (long)happened!["t"]!).Order().ToList();
            foreach (var worker in workers)
                await worker.DisposeAsync();
            return new Refreshed(instances, connections, TimeSpan.FromMilliseconds(presented[^1] - presented[0]), await provider.RefreshesAsync("reuseDetected"));
        }
        finally
        {
            Directory.Delete(keys, recursive: true);
        }
    }

    private static async Task ConnectAsync(KontextServer kontext, UpstreamIdp provider, int connections)
    {
        var agent = new TestAgent(kontext.Url);
        var owner = await agent.ManagementTokenAsync(Workplace.Person);
        for (var number = 0; number < connections; number++)
        {
            var made = await agent.ApiAsync(HttpMethod.Post, "/integrations", owner, new JsonObject
            {
                ["name"] = $"s{number}",
                ["url"] = "http://127.0.0.1:9/mcp",
                ["authMode"] = "oauth",
                ["oauth"] = new JsonObject
                {
                    ["authorizationUrl"] = $"{provider.Issuer}/authorize?login_hint=s{number}",
                    ["tokenUrl"] = $"{provider.Issuer}/token",
                    ["clientId"] = "vault-public",
                    ["scopes"] = new JsonArray("openid", "api.read"),
                },
            });
            if (made.Status != HttpStatusCode.Created)
                throw new InvalidOperationException($"The set-up failed: {made.Json}");
        }
        using var browser = new FormBrowser();
        await agent.AuthorizeAsync(browser, TestAgent.CommandLineClient, Workplace.Person, agent.Api, "openid management:all");
        var page = await browser.OpenAsync(new Uri(kontext.Url, "/integrations"));
        foreach (var form in page.Document.Forms.Where(form => form.GetAttribute("action")!.EndsWith("/connect", StringComparison.Ordinal) && form.GetAttribute("action")!.Contains("/s", StringComparison.Ordinal)))
        {
            var onward = await browser.SubmitAsync(page, form.QuerySelector("button")!);
            var returned = await browser.OpenAsync(new Uri(onward.Document.QuerySelector("main a.button")?.GetAttribute("href") ?? throw new InvalidOperationException($"No way to the provider: {onward.Text.Trim()}")));
            var finish = returned.Document.Forms.FirstOrDefault(candidate => candidate.GetAttribute("action")!.EndsWith("/callback", StringComparison.Ordinal))
                ?? throw new InvalidOperationException($"The provider did not lead back to the page that finishes: {returned.Url} {returned.Text.Trim()}");
            await browser.SubmitAsync(returned, finish.QuerySelector("button")!);
        }
        var grants = (await provider.StateAsync())["grants"]!.AsArray().Count;
        if (grants != connections)
            throw new InvalidOperationException($"{grants} of {connections} connections were made.");
    }
}

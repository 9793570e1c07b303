using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Hostile;

/// <summary>Every address that an administrator or a client can set, pointed at places of our own network: nothing ever connects unless the installation allows it (CWE-918).</summary>
public sealed class PrivateAddressTests : IAsyncLifetime
{
    private readonly DirectoryInfo keys = Directory.CreateTempSubdirectory("kontext-keys-");
    private readonly TcpListener listener = new(IPAddress.IPv6Any, 0) { Server = { DualMode = true } };
    private readonly ConcurrentQueue<string> connections = [];
    private readonly CancellationTokenSource ended = new();
    private KontextServer server = null!;
    private TestAgent agent = null!;
    private string owner = "";
    private int made;

    public ValueTask InitializeAsync()
    {
        listener.Start();
        _ = AcceptAsync();
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await ended.CancelAsync();
        listener.Dispose();
        await server.DisposeAsync();
        ended.Dispose();
        keys.Delete(recursive: true);
    }

    private int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    [Fact]
    public async Task Nothing_connects_to_an_address_of_ours_however_it_is_written()
    {
        await StartAsync(allowed: false);
        var tried = 0;
        foreach (var host in Hosts())
        {
            foreach (var (what, attempt) in Attempts())
            {
                await attempt($"https://{host}:{Port}/mcp");
                tried++;
                Assert.True(connections.IsEmpty, $"{what} connected to {host}");
            }
        }
        foreach (var address in new[] { $"http://127.0.0.1:{Port}/", $"ftp://127.0.0.1:{Port}/", "file:///etc/passwd", $"gopher://127.0.0.1:{Port}/x", $"https://public.example@127.0.0.1:{Port}/", $"https://127.0.0.1:{Port}#@public.example/", $"https://127.0.0.1:{Port}\\@public.example/", $"//127.0.0.1:{Port}/", $"unix:/tmp/x", $"https:127.0.0.1:{Port}" })
        {
            foreach (var (what, attempt) in Attempts())
            {
                await attempt(address);
                tried++;
                Assert.True(connections.IsEmpty, $"{what} connected to {address}");
            }
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{tried} attempts");
        Assert.True(tried > 150, $"{tried} attempts");
    }

    /// <summary>What shows that the attempts above go as far as connecting, where they may.</summary>
    [Fact]
    public async Task Where_private_addresses_are_allowed_every_attempt_connects()
    {
        await StartAsync(allowed: true);
        var host = 1;
        foreach (var (what, attempt) in Attempts())
        {
            connections.Clear();
            // Each at an address of its own: one that does not answer is left alone for a while.
            await attempt($"https://127.0.0.{++host}:{Port}/mcp");
            for (var wait = 0; wait < 100 && connections.IsEmpty; wait++)
                await Task.Delay(100, TestContext.Current.CancellationToken);
            Assert.False(connections.IsEmpty, $"{what} does not connect where it may");
        }
    }

    /// <summary>An installation that is not on loopback fetches no client's document or keys from there.</summary>
    [Fact]
    public async Task Documents_and_keys_of_clients_are_not_fetched_from_our_network()
    {
        server = await KontextServer.StartAsync("memory", keys.FullName, new Uri("https://kontext.example"), new Dictionary<string, string> { ["Kontext__AllowPrivateUpstreams"] = "true" });
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = server.Url };
        foreach (var host in Hosts())
        {
            using var asked = await http.GetAsync($"/oauth2/auth?response_type=code&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcb&client_id={Uri.EscapeDataString($"https://{host}:{Port}/client.json")}");
            Assert.True((int)asked.StatusCode is >= 300 and < 500, $"{host}: {(int)asked.StatusCode}");
            var registered = await TestAgent.CallAsync(server.Url, HttpMethod.Post, "/oauth2/register", null, new JsonObject
            {
                ["redirect_uris"] = new JsonArray(TestAgent.RedirectUri), ["token_endpoint_auth_method"] = "private_key_jwt", ["jwks_uri"] = $"https://{host}:{Port}/jwks",
            });
            if (registered["client_id"] is { } client)
            {
                using var key = new OAuth.TestKey();
                await new TestAgent(server.Url).TokenAsync(new()
                {
                    ["grant_type"] = "refresh_token", ["refresh_token"] = "x", ["client_id"] = client, ["client_assertion_type"] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                    ["client_assertion"] = key.Sign(OAuth.TestKey.Claims(client, "https://kontext.example", TimeProvider.System.GetUtcNow().AddMinutes(2))),
                });
            }
            Assert.True(connections.IsEmpty, $"A document or a key set was fetched from {host}");
        }
    }

    /// <summary>Names and numbers of this machine and of what stands beside it.</summary>
    private static IEnumerable<string> Hosts() =>
    [
        "127.0.0.1", "localhost", "localhost.", "LOCALHOST", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.0.0.1.", "0.0.0.0", "0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[0:0:0:0:0:0:0:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
        "\u2460\u2461\u2466.0.0.1", "127\u30020\u30020\u30021", "%31%32%37.0.0.1", Dns.GetHostName(), .. Own(), "169.254.169.254", "[fe80::1]", "10.0.0.1", "192.168.0.1", "168.63.129.16",
    ];

    // The machine's own addresses: private, but not loopback.
    private static IEnumerable<string> Own() => Dns.GetHostAddresses(Dns.GetHostName()).Where(address => !IPAddress.IsLoopback(address) && address.AddressFamily == AddressFamily.InterNetwork).Select(address => address.ToString());

    private (string What, Func<string, Task> Attempt)[] Attempts() =>
    [
        ("the MCP address, asked for validation", async address =>
        {
            if (await IntegrationAsync(new JsonObject { ["url"] = address, ["authMode"] = "server_token", ["serverToken"] = "x" }) is { } id)
                await agent.ApiAsync(HttpMethod.Post, $"/integrations/{id}/validate", owner);
        }),
        ("the MCP address, asked for its tools", async address =>
        {
            if (await IntegrationAsync(new JsonObject { ["url"] = address, ["authMode"] = "server_token", ["serverToken"] = "x" }) is { } id)
                await agent.McpAsync(await AgentTokenAsync(id), "tools/list");
        }),
        ("the proxy's base address", async address =>
        {
            if (await IntegrationAsync(new JsonObject { ["url"] = "https://mcp.example.invalid/mcp", ["category"] = "internal_mcp_credentials", ["authMode"] = "server_token", ["serverToken"] = "x", ["proxy"] = new JsonObject { ["baseUrl"] = address } }) is not { } id)
                return;
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server.Url, $"/proxy/{names[id]}/x"));
            request.Headers.Authorization = new("Bearer", await AgentTokenAsync(id));
            using var answer = await server.Http.SendAsync(request);
        }),
        ("an issuer", async address => await StartConnectAsync(new JsonObject { ["issuer"] = address, ["clientId"] = "x" })),
        ("a token endpoint", async address =>
        {
            if (await StartConnectAsync(new JsonObject { ["authorizationUrl"] = "https://login.example.invalid/authorize", ["tokenUrl"] = address, ["clientId"] = "x" }) is not { } started)
                return;
            var page = await browser!.OpenAsync(new Uri(server.Url, $"/oauth/callback?code=x&state={Uri.EscapeDataString(Microsoft.AspNetCore.WebUtilities.QueryHelpers.ParseQuery(started.Query)["state"].ToString())}"));
            // The answer to a person's own page goes on with a form.
            if (page.Document.QuerySelector("form[action*='/callback'] button") is { } finish)
                await browser.SubmitAsync(page, finish);
        }),
        ("an MCP server that names its authorization server", async address => await StartConnectAsync(null, address)),
        ("a webhook", async address =>
        {
            var webhook = await agent.ApiAsync(HttpMethod.Post, "/webhooks", owner, new JsonObject { ["url"] = address });
            if ((string?)webhook.Json?["webhook"]?["id"] is not { } id)
                return;
            await agent.ApiAsync(HttpMethod.Post, $"/webhooks/{id}/test", owner);
            for (var wait = 0; wait < 30 && connections.IsEmpty; wait++)
            {
                var delivery = (await agent.ApiAsync(HttpMethod.Get, $"/webhooks/{id}/deliveries", owner)).Json!["items"]!.AsArray().FirstOrDefault();
                if (delivery?["lastAttemptAt"] is not null)
                    break;
                await Task.Delay(100, TestContext.Current.CancellationToken);
            }
            await agent.ApiAsync(HttpMethod.Delete, $"/webhooks/{id}", owner);
        }),
    ];

    private readonly Dictionary<string, string> names = [];
    private FormBrowser? browser;
    private string application = "";

    private async Task StartAsync(bool allowed)
    {
        server = await KontextServer.StartAsync("memory", keys.FullName, settings: new Dictionary<string, string>
        {
            ["Kontext__AllowPrivateUpstreams"] = allowed ? "true" : "false", ["Kontext__Limits__ApiRequestsPerMinute"] = "1000000", ["Kontext__Limits__CallsPerMinuteAndAgent"] = "0", ["Kontext__Limits__CallsPerMinuteAndPerson"] = "0",
        });
        agent = new TestAgent(server.Url);
        owner = await agent.ManagementTokenAsync(KontextFixture.Owner);
        browser = new FormBrowser();
        var created = await agent.ApiAsync(HttpMethod.Post, "/applications", owner, new JsonObject { ["name"] = "Agent", ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) } });
        application = (string)created.Json!["application"]!["id"]!;
        await agent.AuthorizeAsync(browser, "app_" + application, KontextFixture.Owner, agent.Gateway);
    }

    /// <summary>An integration; null when it is refused.</summary>
    private async Task<string?> IntegrationAsync(JsonObject body)
    {
        body["name"] = $"s{++made}";
        var answer = await agent.ApiAsync(HttpMethod.Post, "/integrations", owner, body);
        if ((string?)answer.Json?["integration"]?["id"] is not { } id)
        {
            Assert.Equal((HttpStatusCode.BadRequest, "kontext_validation_error"), (answer.Status, answer["code"]));
            return null;
        }
        names[id] = (string)body["name"]!;
        return id;
    }

    private async Task<string> AgentTokenAsync(string integration)
    {
        Assert.Equal(HttpStatusCode.OK, (await agent.ApiAsync(HttpMethod.Put, $"/applications/{application}/integrations", owner, new JsonObject { ["integrationIds"] = new JsonArray(integration) })).Status);
        // The person has not allowed it yet.
        return (await agent.AuthorizeAsync(browser!, "app_" + application, KontextFixture.Owner, agent.Gateway))["access_token"]!;
    }

    /// <summary>The person begins to connect; gives the address the browser is sent to.</summary>
    private async Task<Uri?> StartConnectAsync(JsonObject? oauth, string url = "https://mcp.example.invalid/mcp")
    {
        var body = new JsonObject { ["url"] = url, ["authMode"] = "oauth" };
        if (oauth is not null)
            body["oauth"] = oauth;
        if (await IntegrationAsync(body) is not { } id)
            return null;
        var page = await browser!.OpenAsync(new Uri(server.Url, "/integrations"));
        var form = page.Document.QuerySelectorAll("form").Single(form => form.GetAttribute("action") == $"/integrations/{id}/connect" || form.GetAttribute("action") == $"/integrations/{names[id]}/connect");
        page = await browser.SubmitAsync(page, form.QuerySelector("button")!, null, target => target.Authority != server.Url.Authority);
        return page.Location ?? (page.Document.QuerySelector("a[href*='state=']")?.GetAttribute("href") is { } onward ? new Uri(onward) : null);
    }

    private async Task AcceptAsync()
    {
        while (!ended.IsCancellationRequested)
        {
            try
            {
                using var client = await listener.AcceptTcpClientAsync(ended.Token);
                connections.Enqueue(client.Client.RemoteEndPoint?.ToString() ?? "");
            }
            catch (Exception over) when (over is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }
}

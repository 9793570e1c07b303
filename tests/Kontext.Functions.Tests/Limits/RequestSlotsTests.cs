using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Limits;

/// <summary>An instance that works on at most two requests at a time refuses the third, whatever it asks for, and goes on as soon as there is room.</summary>
public sealed class RequestSlotsTests : IAsyncLifetime
{
    private readonly string keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;
    private KontextServer server = null!;
    private TestAgent agent = null!;

    public async ValueTask InitializeAsync()
    {
        server = await KontextServer.StartAsync("memory", keys, settings: new Dictionary<string, string> { ["Kontext__Limits__ConcurrentRequests"] = "2" });
        agent = new TestAgent(server.Url);
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        Directory.Delete(keys, recursive: true);
    }

    [Theory]
    [InlineData("GET", "/api/v1/applications", "kontext_unavailable")]
    [InlineData("POST", "/oauth2/token", "temporarily_unavailable")]
    [InlineData("POST", "/mcp", "Too many requests are being worked on.")]
    [InlineData("GET", "/proxy/notes/me", "Too many requests are being worked on.")]
    [InlineData("GET", "/integrations", "Retry")]
    public async Task A_busy_instance_says_when_to_come_back(string method, string path, string expected)
    {
        using (await HoldAsync())
        using (await HoldAsync())
        {
            using var answer = await SendAsync(method, path);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
            Assert.Equal(TimeSpan.FromSeconds(1), answer.Headers.RetryAfter!.Delta);
            Assert.Contains(expected, await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            using var health = await server.Http.GetAsync(new Uri("/healthz", UriKind.Relative));
            Assert.Equal(HttpStatusCode.OK, health.StatusCode);
        }
        // Nothing but their end was needed to make room. The product hears of it a moment later.
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            using var after = await SendAsync("GET", "/.well-known/oauth-authorization-server");
            if (after.StatusCode == HttpStatusCode.OK)
                break;
            await Task.Delay(20, limit.Token);
        }
    }

    [Fact]
    public async Task Streams_that_wait_for_changes_take_no_room()
    {
        var token = await GatewayTokenAsync();
        var streams = new List<HttpResponseMessage>();
        for (var opened = 0; opened < 4; opened++)
        {
            var stream = await ListenAsync(token);
            streams.Add(stream);
            using var reader = new StreamReader(await stream.Content.ReadAsStreamAsync(), leaveOpen: true);
            string? line;
            do
                line = await reader.ReadLineAsync();
            while (line is not null && !line.Contains("acknowledged", StringComparison.Ordinal));
            Assert.NotNull(line);
        }
        var list = await agent.McpAsync(token, "tools/list");
        Assert.Equal(HttpStatusCode.OK, list.Status);
        streams.ForEach(stream => stream.Dispose());
    }

    /// <summary>A request that is being worked on, and whose body does not come: the product has asked for it (RFC 9110 section 10.1.1).</summary>
    private async Task<TcpClient> HoldAsync()
    {
        var client = new TcpClient();
        await client.ConnectAsync(server.Url.Host, server.Url.Port);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"POST /oauth2/token HTTP/1.1\r\nHost: {server.Url.Authority}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"));
        using var reader = new StreamReader(client.GetStream(), Encoding.ASCII, leaveOpen: true);
        Assert.Equal("HTTP/1.1 100 Continue", await reader.ReadLineAsync());
        return client;
    }

    private async Task<HttpResponseMessage> SendAsync(string method, string path)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (method == "POST")
            request.Content = new StringContent("{}", Encoding.UTF8, "application/json");
        return await server.Http.SendAsync(request);
    }

    private async Task<string> GatewayTokenAsync()
    {
        var owner = await agent.ManagementTokenAsync("olivia");
        var made = await agent.ApiAsync(HttpMethod.Post, "/applications", owner, new JsonObject
        {
            ["name"] = "Listener",
            ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
        });
        using var browser = new FormBrowser();
        return (await agent.AuthorizeAsync(browser, (string)made.Json!["application"]!["clientId"]!, "olivia", agent.Gateway))["access_token"]!;
    }

    private async Task<HttpResponseMessage> ListenAsync(string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/mcp")
        {
            Content = new StringContent("""{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}""", Encoding.UTF8, "application/json"),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        request.Headers.Accept.ParseAdd("application/json, text/event-stream");
        request.Headers.Add("MCP-Protocol-Version", "2026-07-28");
        request.Headers.Add("Mcp-Method", "subscriptions/listen");
        return await server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }
}

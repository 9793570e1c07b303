using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests.Mcp;

/// <summary>Two instances of the product with the suite's servers behind them, each as an integration that any agent gets, and an agent.</summary>
internal sealed class TwoInstances : IAsyncDisposable
{
    private static readonly HttpClient Http = new();
    private readonly Installation installation;
    private readonly ListeningProgram servers;
    private readonly Uri[] instances;
    private readonly TestAgent agent;
    private readonly string client;

    private TwoInstances(Installation installation, ListeningProgram servers, Uri[] instances, TestAgent agent, string client, string token) =>
        (this.installation, this.servers, this.instances, this.agent, this.client, Token) = (installation, servers, instances, agent, client, token);

    /// <summary>Alice's agent's.</summary>
    public string Token { get; }

    public static async Task<TwoInstances> StartAsync(AzuriteFixture azurite)
    {
        var installation = await Installation.CreateAsync(azurite);
        var first = await installation.StartAsync();
        var second = await installation.StartAsync();
        var servers = await ListeningProgram.StartAsync("tests/mcp-conformance/fixture.mjs");
        var agent = new TestAgent(first.Url);
        var owner = await agent.ManagementTokenAsync("olivia");
        // Under the names that tests address them by, and, for all integrations at once, under those that clients call them by.
        foreach (var (name, path) in new[] { ("legacy", "/legacy"), ("modern", "/modern"), ("sse", "/sse"), ("old", "/legacy"), ("new", "/modern") })
        {
            var created = await agent.ApiAsync(HttpMethod.Post, "/integrations", owner, new JsonObject
            {
                ["name"] = name,
                ["url"] = new Uri(servers.Address, path).AbsoluteUri,
                ["authMode"] = "server_token",
                ["serverToken"] = "token-of-the-team",
                ["attachByDefault"] = true,
            });
            Assert.Equal(HttpStatusCode.Created, created.Status);
        }
        var registered = await TestAgent.CallAsync(first.Url, HttpMethod.Post, "/oauth2/register", token: null, new JsonObject
        {
            ["client_name"] = "Conformance",
            ["redirect_uris"] = new JsonArray(TestAgent.RedirectUri),
            ["grant_types"] = new JsonArray("authorization_code", "refresh_token"),
            ["response_types"] = new JsonArray("code"),
            ["token_endpoint_auth_method"] = "none",
        });
        var client = registered["client_id"]!;
        return new TwoInstances(installation, servers, [first.Url, second.Url], agent, client, await TokenAsync(agent, client, "alice"));
    }

    /// <summary>A token of the same agent for somebody.</summary>
    public Task<string> TokenAsync(string person) => TokenAsync(agent, client, person);

    /// <summary>Where the first instance serves an integration.</summary>
    public Uri AddressOf(string integration) => new(instances[0], "/mcp/" + integration);

    /// <summary>An address that needs no token and leads to both instances in turn.</summary>
    public Task<ListeningProgram> FrontAsync(string path) => ListeningProgram.StartAsync("tests/mcp-conformance/front.mjs", new Dictionary<string, string>
    {
        ["TOKEN"] = Token,
        ["TARGETS"] = string.Join(' ', instances.Select(instance => new Uri(instance, "/mcp" + path).AbsoluteUri)),
    });

    /// <summary>Sends a request of 2025-11-25 to the second instance, or, to open a session, to the first.</summary>
    public async Task<HttpResponseMessage> PostAsync(string? token, string? session, string method, JsonObject parameters)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(instances[session is null ? 0 : 1], "/mcp"));
        if (token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        request.Headers.Accept.ParseAdd("application/json");
        request.Headers.Accept.ParseAdd("text/event-stream");
        if (session is not null)
            request.Headers.Add("Mcp-Session-Id", session);
        request.Content = JsonContent.Create<JsonNode>(new JsonObject { ["jsonrpc"] = "2.0", ["id"] = 1, ["method"] = method, ["params"] = parameters });
        return await Http.SendAsync(request);
    }

    public async ValueTask DisposeAsync()
    {
        await servers.DisposeAsync();
        await installation.DisposeAsync();
    }

    private static async Task<string> TokenAsync(TestAgent agent, string client, string person)
    {
        using var browser = new FormBrowser();
        return (await agent.AuthorizeAsync(browser, client, person, agent.Gateway, "mcp:invoke"))["access_token"]!;
    }
}

using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Load;

/// <summary>The product on Azurite, set up through its public API and pages: one agent, approved by one person, with two integrations.</summary>
public sealed class Workplace : IAsyncDisposable
{
    private readonly AzuriteFixture azurite;
    private readonly string keys;

    private Workplace(AzuriteFixture azurite, string keys, KontextServer kontext, string clientId, string accessToken) =>
        (this.azurite, this.keys, Kontext, ClientId, AccessToken) = (azurite, keys, kontext, clientId, accessToken);

    /// <summary>The product.</summary>
    public KontextServer Kontext { get; }

    /// <summary>The agent.</summary>
    public string ClientId { get; }

    /// <summary>Its token for the gateway.</summary>
    public string AccessToken { get; }

    /// <summary>Starts everything and sets it up.</summary>
    public static async Task<Workplace> CreateAsync(EchoUpstream upstream)
    {
        var azurite = new AzuriteFixture();
        var keys = Directory.CreateTempSubdirectory("kontext-bench-").FullName;
        var kontext = await KontextServer.StartAsync(await azurite.ConnectionStringAsync(), keys, settings: new Dictionary<string, string>
        {
            // One agent stands in for many here.
            ["Kontext__Limits__CallsPerMinuteAndAgent"] = "0",
            ["Kontext__Limits__CallsPerMinuteAndPerson"] = "0",
        });
        var agent = new TestAgent(kontext.Url);
        var owner = await agent.ManagementTokenAsync("olivia");
        var echo = await AddAsync(agent, owner, "/integrations", "integration", new JsonObject
        {
            ["name"] = "up",
            ["url"] = upstream.Address.AbsoluteUri,
            ["authMode"] = "server_token",
            ["serverToken"] = EchoUpstream.Token,
            ["proxy"] = new JsonObject { ["baseUrl"] = upstream.Api.AbsoluteUri },
        });
        var notes = await AddAsync(agent, owner, "/integrations", "integration", new JsonObject { ["name"] = "notes", ["url"] = upstream.Address.AbsoluteUri, ["authMode"] = "user_token" });
        var application = await AddAsync(agent, owner, "/applications", "application", new JsonObject
        {
            ["name"] = "Bench",
            ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
        });
        await ExpectAsync(agent.ApiAsync(HttpMethod.Put, $"/applications/{(string)application["id"]!}/integrations", owner, new JsonObject { ["integrationIds"] = new JsonArray((string)echo["id"]!, (string)notes["id"]!) }));
        await ExpectAsync(agent.ApiAsync(HttpMethod.Post, $"/integrations/{(string)notes["id"]!}/connection", owner, new JsonObject { ["token"] = EchoUpstream.Token }));
        using var browser = new FormBrowser();
        var clientId = (string)application["clientId"]!;
        var tokens = await ExpectAsync(agent.AuthorizeAsync(browser, clientId, "olivia", agent.Gateway));
        return new Workplace(azurite, keys, kontext, clientId, tokens["access_token"]!);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Kontext.DisposeAsync();
        await azurite.DisposeAsync();
        Directory.Delete(keys, recursive: true);
    }

    private static async Task<JsonNode> AddAsync(TestAgent agent, string owner, string path, string envelope, JsonObject body) =>
        (await ExpectAsync(agent.ApiAsync(HttpMethod.Post, path, owner, body))).Json![envelope]!;

    private static async Task<JsonAnswer> ExpectAsync(Task<JsonAnswer> request)
    {
        var answer = await request;
        return (int)answer.Status < 300 ? answer : throw new InvalidOperationException($"The set-up failed: {(int)answer.Status} {answer.Json}");
    }
}

using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Load;

/// <summary>The product on Azurite, set up through its public API and pages: one agent, approved by one person, with an integration of each kind.</summary>
public sealed class Workplace : IAsyncDisposable
{
    /// <summary>The person.</summary>
    public const string Person = "olivia";

    private readonly AzuriteFixture azurite;
    private readonly string keys;
    private readonly TestAgent agent;
    private string owner;
    private readonly FormBrowser browser = new();

    private Workplace(AzuriteFixture azurite, string storage, string keys, KontextServer kontext, string owner) =>
        (this.azurite, Storage, this.keys, Kontext, this.owner, agent) = (azurite, storage, keys, kontext, owner, new TestAgent(kontext.Url));

    /// <summary>The first instance, whose address is the installation's.</summary>
    public KontextServer Kontext { get; }

    /// <summary>The agent.</summary>
    public string ClientId { get; private set; } = "";

    /// <summary>Its id.</summary>
    public string ApplicationId { get; private set; } = "";

    /// <summary>Its token for the gateway.</summary>
    public string AccessToken { get; private set; } = "";

    /// <summary>A service account, as <c>id:secret</c>.</summary>
    public string ServiceAccount { get; private set; } = "";

    /// <summary>The gateway's resource.</summary>
    public string Gateway => agent.Gateway;

    /// <summary>The connection string of the storage account.</summary>
    public string Storage { get; }

    /// <summary>The table service's address.</summary>
    public Uri Tables => new(Storage.Split("TableEndpoint=")[1].Split(';')[0]);

    /// <summary>Starts everything and sets it up.</summary>
    /// <param name="upstream">The server of the integrations.</param>
    public static async Task<Workplace> CreateAsync(EchoUpstream upstream)
    {
        var azurite = new AzuriteFixture();
        var keys = Directory.CreateTempSubdirectory("kontext-bench-").FullName;
        var storage = await azurite.EmptyAccountAsync();
        var kontext = await KontextServer.StartAsync(storage, keys, settings: Settings);
        var workplace = new Workplace(azurite, storage, keys, kontext, await new TestAgent(kontext.Url).ManagementTokenAsync(Person));
        await workplace.SetUpAsync(upstream);
        return workplace;
    }

    /// <summary>One more instance of the installation.</summary>
    /// <param name="tables">Where it finds the table service, if not at its own address.</param>
    /// <param name="settings">More settings.</param>
    /// <param name="program">The program of an unpacked package; what was built with the driver otherwise.</param>
    public Task<KontextServer> StartAsync(Uri? tables = null, IReadOnlyDictionary<string, string>? settings = null, string? program = null)
    {
        var reached = tables is null ? Storage : Storage.Replace(Tables.GetLeftPart(UriPartial.Authority), tables.GetLeftPart(UriPartial.Authority), StringComparison.Ordinal);
        return KontextServer.StartAsync(reached, keys, Kontext.Url, Settings.Concat(settings ?? new Dictionary<string, string>()).ToDictionary(), program: program);
    }

    /// <summary>Asks an instance for a credential of the person's, or for a token of Kontext's own.</summary>
    public HttpRequestMessage Exchange(Uri instance, string resource) => Requests.Form(new Uri(instance, "/oauth2/token"), new Dictionary<string, string>
    {
        ["grant_type"] = "urn:ietf:params:oauth:grant-type:token-exchange",
        ["client_id"] = ClientId,
        ["subject_token_type"] = "urn:ietf:params:oauth:token-type:access_token",
        ["subject_token"] = AccessToken,
        ["resource"] = resource,
    });

    /// <summary>The service account asks for a token of the management API.</summary>
    public HttpRequestMessage ClientCredentials() => Requests.Form(new Uri(Kontext.Url, "/oauth2/token"), new Dictionary<string, string> { ["grant_type"] = "client_credentials", ["scope"] = "management:all" }, ServiceAccount);

    /// <summary>A request of the owner's to the management API.</summary>
    public async Task<JsonNode> ManageAsync(HttpMethod method, string path, JsonObject? body = null) => (await ExpectAsync(agent.ApiAsync(method, path, owner, body))).Json!;

    /// <summary>Downloads from the management API.</summary>
    public async Task DownloadAsync(string path, Stream to)
    {
        // Tokens live for ten minutes; the runs before took longer.
        owner = await agent.ManagementTokenAsync(Person);
        using var http = new HttpClient { Timeout = TimeSpan.FromMinutes(10) };
        using var request = Requests.Get(new Uri(Kontext.Url, path), owner);
        using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        answer.EnsureSuccessStatusCode();
        await answer.Content.CopyToAsync(to);
    }

    /// <summary>The whole way of an agent to its tokens: authorization request, the person's approval on the page, redemption.</summary>
    public async Task AuthorizeAsync(FormBrowser signedIn) => await ExpectAsync(agent.AuthorizeAsync(signedIn, ClientId, Person, agent.Gateway));

    /// <summary>A fresh token for the gateway: they live for ten minutes.</summary>
    public async Task RenewAsync() => AccessToken = (await ExpectAsync(agent.AuthorizeAsync(browser, ClientId, Person, agent.Gateway)))["access_token"]!;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        browser.Dispose();
        await Kontext.DisposeAsync();
        await azurite.DisposeAsync();
        Directory.Delete(keys, recursive: true);
    }

    // One agent stands in for many here.
    private static readonly Dictionary<string, string> Settings = new()
    {
        ["Kontext__Limits__CallsPerMinuteAndAgent"] = "0",
        ["Kontext__Limits__CallsPerMinuteAndPerson"] = "0",
        ["Kontext__Limits__ConcurrentCallsPerAgent"] = "0",
        ["Kontext__Limits__ConcurrentCallsPerPerson"] = "0",
        ["Kontext__Limits__CreationsPerMinute"] = "1000000",
        ["Kontext__Limits__FailuresPerMinute"] = "1000000",
    };

    private async Task SetUpAsync(EchoUpstream upstream)
    {
        var echo = await AddAsync("/integrations", "integration", new JsonObject
        {
            ["name"] = "up",
            ["url"] = upstream.Address.AbsoluteUri,
            ["authMode"] = "server_token",
            ["serverToken"] = EchoUpstream.Token,
            ["proxy"] = new JsonObject { ["baseUrl"] = upstream.Api.AbsoluteUri },
        });
        var notes = await AddAsync("/integrations", "integration", new JsonObject { ["name"] = "notes", ["url"] = upstream.Address.AbsoluteUri, ["authMode"] = "user_token" });
        var application = await AddAsync("/applications", "application", new JsonObject
        {
            ["name"] = "Bench",
            ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
        });
        await ExpectAsync(agent.ApiAsync(HttpMethod.Put, $"/applications/{(string)application["id"]!}/integrations", owner, new JsonObject { ["integrationIds"] = new JsonArray((string)echo["id"]!, (string)notes["id"]!) }));
        await ExpectAsync(agent.ApiAsync(HttpMethod.Post, $"/integrations/{(string)notes["id"]!}/connection", owner, new JsonObject { ["token"] = EchoUpstream.Token }));
        (ApplicationId, ClientId) = ((string)application["id"]!, (string)application["clientId"]!);
        await RenewAsync();
        var account = (await ExpectAsync(agent.ApiAsync(HttpMethod.Post, "/service-accounts", owner, new JsonObject { ["name"] = "bench" }))).Json!;
        ServiceAccount = $"{(string)account["credentials"]!["clientId"]!}:{(string)account["credentials"]!["clientSecret"]!}";
    }

    private async Task<JsonNode> AddAsync(string path, string envelope, JsonObject body) =>
        (await ExpectAsync(agent.ApiAsync(HttpMethod.Post, path, owner, body))).Json![envelope]!;

    private static async Task<JsonAnswer> ExpectAsync(Task<JsonAnswer> request)
    {
        var answer = await request;
        return (int)answer.Status < 300 ? answer : throw new InvalidOperationException($"The set-up failed: {(int)answer.Status} {answer.Json}");
    }
}

using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests.Refresh;

/// <summary>An integration of the proofs.</summary>
/// <param name="Name">Its name, which is also the name of the person's account at its provider.</param>
/// <param name="Id">Its id.</param>
internal sealed record Service(string Name, string Id);

/// <summary>An installation with a person, an agent that she allowed everything, and as many connected integrations as a proof needs; each has an account of its own at the provider.</summary>
internal sealed class Installed : IAsyncDisposable
{
    private const string Person = "olivia";

    private readonly Installation installation;
    private readonly FormBrowser browser = new();
    private readonly Dictionary<string, Service> services = new(StringComparer.Ordinal);
    private string owner = "";
    private string agentToken = "";
    private string clientId = "";
    private string applicationId = "";

    private readonly Wire? firstStorage;
    private readonly bool background;

    private Installed(Installation installation, KontextServer first, Wire? firstStorage, bool background)
    {
        (this.installation, First, this.firstStorage, this.background) = (installation, first, firstStorage, background);
        Agent = new TestAgent(first.Url);
    }

    /// <summary>The instance whose address is the installation's.</summary>
    public KontextServer First { get; }

    /// <summary>The agent.</summary>
    public TestAgent Agent { get; }

    /// <summary>Sets everything up. <paramref name="names"/> are the integrations to be, <paramref name="oauth"/> the OAuth settings of one;
    /// <paramref name="storageOfFirst"/> is the rule between the first instance and storage, if it is to have one; without
    /// <paramref name="background"/> work nothing is refreshed but what a proof asks for.</summary>
    public static async Task<Installed> CreateAsync(AzuriteFixture azurite, IEnumerable<string> names, Func<string, JsonObject> oauth, WireRule? storageOfFirst = null, bool background = false)
    {
        var installation = await Installation.CreateAsync(azurite);
        Wire? wire = null;
        if (storageOfFirst is not null)
        {
            wire = await Wire.OpenAsync(installation.Tables);
            wire.Rule = storageOfFirst;
        }
        var installed = new Installed(installation, await installation.StartAsync(wire?.Address, quiet: !background), wire, background);
        await installed.SetUpAsync(names, oauth);
        return installed;
    }

    /// <summary>OAuth settings for an account at the simulator; its token endpoint may be reached by way of a wire.</summary>
    public static JsonObject AccountAt(UpstreamIdp provider, string account, Uri? wire = null) => new()
    {
        ["authorizationUrl"] = $"{provider.Issuer}/authorize?login_hint={account}",
        ["tokenUrl"] = wire is null ? $"{provider.Issuer}/token" : new Uri(wire, $"/t/{account}/token").AbsoluteUri,
        ["clientId"] = "vault-public",
        ["scopes"] = new JsonArray("openid", "api.read"),
    };

    /// <summary>One more instance. <paramref name="storage"/> is a wire to the table service; <paramref name="handler"/> starts it as the Functions host does, with triggers to post to.</summary>
    public Task<KontextServer> StartAsync(Wire? storage = null, bool handler = false) => installation.StartAsync(storage?.Address, handler, quiet: !background && !handler);

    /// <summary>The table service's address, for wires to it.</summary>
    public Uri Tables => installation.Tables;

    /// <summary>One of the integrations.</summary>
    public Service this[string name] => services[name];

    /// <summary>Connects the person's account. Connecting again replaces the connection.</summary>
    public async Task ConnectAsync(string name)
    {
        var link = await TestAgent.CallAsync(First.Url, HttpMethod.Post, "/mcp/connect-session", agentToken, new JsonObject());
        var page = await browser.OpenAsync(new Uri(link["connectUrl"] ?? throw new InvalidOperationException($"No connect link: {link.Json}")));
        var form = page.Document.Forms.First(candidate => candidate.GetAttribute("action")!.EndsWith("/start", StringComparison.Ordinal)
            && candidate.QuerySelector("input[name=integration]")!.GetAttribute("value")!.EndsWith(services[name].Id, StringComparison.Ordinal));
        page = await browser.SubmitAsync(page, form.QuerySelector("button")!);
        Assert.True(page.Status == HttpStatusCode.OK && page.Text.Contains("connected", StringComparison.OrdinalIgnoreCase), page.Text);
    }

    /// <summary>Disconnects through the management API.</summary>
    public Task<JsonAnswer> DisconnectAsync(string name, KontextServer? at = null) =>
        TestAgent.CallAsync((at ?? First).Url, HttpMethod.Delete, $"/api/v1/integrations/{services[name].Id}/connection", owner);

    /// <summary>What the management API says of the connection.</summary>
    public async Task<JsonNode> ConnectionAsync(string name, KontextServer? at = null) =>
        (await TestAgent.CallAsync((at ?? First).Url, HttpMethod.Get, $"/api/v1/integrations/{services[name].Id}/connection", owner)).Json!["connection"]!;

    /// <summary>The agent's application.</summary>
    public string ApplicationId => applicationId;

    /// <summary>Calls the management API as the installation's owner.</summary>
    public Task<JsonAnswer> OwnerAsync(HttpMethod method, string path, JsonNode? body = null) => Agent.ApiAsync(method, path, owner, body);

    /// <summary>The agent asks an instance for the credential.</summary>
    public Task<JsonAnswer> ExchangeAsync(string name, KontextServer at) => new TestAgent(at.Url).ExchangeAsync(clientId, agentToken, name);

    /// <summary>Waits until the stored access token has ended.</summary>
    public async Task ExpireAsync(string name)
    {
        var end = DateTimeOffset.Parse((string)(await ConnectionAsync(name))["expiresAt"]!, System.Globalization.CultureInfo.InvariantCulture);
        while (TimeProvider.System.GetUtcNow() <= end)
            await Task.Delay(TimeSpan.FromMilliseconds(20));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        browser.Dispose();
        await installation.DisposeAsync();
        if (firstStorage is not null)
            await firstStorage.DisposeAsync();
    }

    private async Task SetUpAsync(IEnumerable<string> names, Func<string, JsonObject> oauth)
    {
        owner = await Agent.ManagementTokenAsync(Person);
        foreach (var name in names)
        {
            var made = await Agent.ApiAsync(HttpMethod.Post, "/integrations", owner, new JsonObject
            {
                ["name"] = name,
                ["url"] = "http://127.0.0.1:9/mcp",
                ["authMode"] = "oauth",
                ["oauth"] = oauth(name),
            });
            Assert.True(made.Status == HttpStatusCode.Created, made.Json?.ToJsonString());
            services[name] = new Service(name, (string)made.Json!["integration"]!["id"]!);
        }
        var created = await Agent.ApiAsync(HttpMethod.Post, "/applications", owner, new JsonObject
        {
            ["name"] = "Agent",
            ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
        });
        var application = created.Json!["application"]!;
        var attached = await Agent.ApiAsync(HttpMethod.Put, $"/applications/{application["id"]}/integrations", owner, new JsonObject
        {
            ["integrationIds"] = new JsonArray([.. services.Values.Select(service => (JsonNode)service.Id)]),
        });
        Assert.True(attached.Status == HttpStatusCode.OK, attached.Json?.ToJsonString());
        clientId = (string)application["clientId"]!;
        applicationId = (string)application["id"]!;
        var tokens = await Agent.AuthorizeAsync(browser, clientId, Person, Agent.Gateway);
        agentToken = tokens["access_token"] ?? throw new InvalidOperationException($"No token: {tokens.Json}");
    }
}

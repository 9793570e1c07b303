using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;
using Microsoft.Playwright;

namespace Kontext.EndToEnd.Tests.Pages;

/// <summary>What the tests of people's pages share: the product with its state in memory, a provider at which a person signs in and decides, and Chromium.</summary>
public sealed class PagesWorld : IAsyncLifetime
{
    private readonly string keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;
    private IPlaywright playwright = null!;
    private string owner = "";
    private int people;

    /// <summary>The product.</summary>
    public KontextServer Server { get; private set; } = null!;

    /// <summary>The provider.</summary>
    public UpstreamIdp Idp { get; private set; } = null!;

    /// <summary>Chromium.</summary>
    public IBrowser Chromium { get; private set; } = null!;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        Idp = await UpstreamIdp.StartAsync(("ACCESS_TTL", "3600"), ("AUTO_APPROVE", "0"));
        Server = await KontextServer.StartAsync("memory", keys);
        owner = await new TestAgent(Server.Url).ManagementTokenAsync("olivia");
        playwright = await Playwright.CreateAsync();
        Chromium = await playwright.Chromium.LaunchAsync(Options());
    }

    /// <summary>How Chromium is started for tests.</summary>
    public static BrowserTypeLaunchOptions Options() => new()
    {
        ExecutablePath = Environment.GetEnvironmentVariable("CHROMIUM") ?? "/usr/bin/chromium",
        Args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    };

    /// <summary>An integration of the organization.</summary>
    public Task<Offered> OfferAsync(string name, string authMode, JsonObject? more = null) => OfferAsync(Server, owner, name, authMode, more);

    /// <summary>An integration of an organization of any server.</summary>
    public static async Task<Offered> OfferAsync(KontextServer server, string owner, string name, string authMode, JsonObject? more = null)
    {
        var body = new JsonObject { ["name"] = name, ["url"] = "http://127.0.0.1:9/mcp", ["authMode"] = authMode };
        foreach (var (field, value) in more ?? [])
            body[field] = value?.DeepClone();
        var answer = await new TestAgent(server.Url).ApiAsync(HttpMethod.Post, "/integrations", owner, body);
        Assert.True(answer.Status == HttpStatusCode.Created, answer.Json?.ToJsonString());
        return new Offered(name, (string)answer.Json!["integration"]!["id"]!);
    }

    /// <summary>An integration that people authorize at the provider, under a name nobody else uses.</summary>
    public Task<Offered> OAuthAsync(string name, string scopes = "openid email offline_access api.read") => OfferAsync($"{name} {Guid.NewGuid():N}"[..24], "oauth", AtProvider(scopes));

    /// <summary>The settings of such an integration.</summary>
    public JsonObject AtProvider(string scopes = "openid email offline_access api.read") => new()
    {
        ["url"] = Idp.Issuer + "/api",
        ["category"] = "internal_mcp_credentials",
        ["oauth"] = new JsonObject { ["issuer"] = Idp.Issuer, ["clientId"] = "vault-client", ["clientSecret"] = "vault-secret", ["scopes"] = new JsonArray([.. scopes.Split(' ').Select(scope => (JsonNode)scope)]) },
    };

    /// <summary>A client of the product.</summary>
    public TestAgent Agent => new(Server.Url);

    /// <summary>A request of the owner to the management API.</summary>
    public Task<JsonAnswer> OwnerAsync(HttpMethod method, string path, JsonNode? body = null) => Agent.ApiAsync(method, path, owner, body);

    /// <summary>An agent to which integrations are attached; gives its client id.</summary>
    public async Task<string> AgentAsync(string name, params Offered[] services)
    {
        var made = await OwnerAsync(HttpMethod.Post, "/applications", new JsonObject { ["name"] = name, ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri), ["deviceGrant"] = true } });
        Assert.True(made.Status == HttpStatusCode.Created, made.Json?.ToJsonString());
        var id = (string)made.Json!["application"]!["id"]!;
        await OwnerAsync(HttpMethod.Put, $"/applications/{id}/integrations", new JsonObject { ["integrationIds"] = new JsonArray([.. services.Select(service => (JsonNode)service.Id)]) });
        return "app_" + id;
    }

    /// <summary>The gateway token of an agent that a person approved.</summary>
    public async Task<string> ApprovedAsync(string client, string person)
    {
        using var browser = new FormBrowser();
        return (await Agent.AuthorizeAsync(browser, client, person, Agent.Gateway))["access_token"]!;
    }

    /// <summary>Takes an integration away again.</summary>
    public Task WithdrawAsync(Offered offered) => new TestAgent(Server.Url).ApiAsync(HttpMethod.Delete, $"/integrations/{offered.Id}", owner);

    /// <summary>Somebody, by default nobody else, in a browser of their own, signed in and on a page.</summary>
    public async Task<PageOfPerson> PersonAsync(string path, BrowserNewContextOptions? options = null, string? name = null)
    {
        var context = await Chromium.NewContextAsync(options ?? new BrowserNewContextOptions());
        var person = new PageOfPerson(Server, context, await context.NewPageAsync(), name ?? $"person{Interlocked.Increment(ref people)}");
        await person.SignInAsync(path);
        return person;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Chromium.DisposeAsync();
        playwright.Dispose();
        await Server.DisposeAsync();
        await Idp.DisposeAsync();
        Directory.Delete(keys, recursive: true);
    }
}

/// <summary>An integration that was made.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Id">Its id.</param>
public sealed record Offered(string Name, string Id);

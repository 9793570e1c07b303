using System.Text.Json.Nodes;
using System.Web;
using Kontext.Functions.Tests.Api;
using Kontext.Functions.Tests.Mcp;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Organizations;

/// <summary>What people connect in these tests: a provider, and an MCP server that takes personal tokens.</summary>
public sealed class Services : IAsyncLifetime
{
    /// <summary>The provider.</summary>
    public UpstreamIdp Idp { get; private set; } = null!;

    internal McpServerDouble Server { get; private set; } = null!;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        Idp = await UpstreamIdp.StartAsync(("ACCESS_TTL", "3600"));
        Server = await McpServerDouble.StartAsync(modern: true);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await Idp.DisposeAsync();
    }

    /// <summary>The settings of an integration that people authorize at the provider.</summary>
    public JsonObject OAuth(string scopes = "openid email api.read") => new()
    {
        ["url"] = Idp.Issuer + "/api",
        ["category"] = "internal_mcp_credentials",
        ["oauth"] = new JsonObject
        {
            ["issuer"] = Idp.Issuer, ["clientId"] = "vault-client", ["clientSecret"] = "vault-secret", ["scopes"] = new JsonArray([.. scopes.Split(' ').Select(scope => (JsonNode)scope)]),
        },
    };

    /// <summary>Lets the person authorize at the provider, and gives what its redirect brings.</summary>
    public async Task<JsonObject> AuthorizeAsync(string link)
    {
        var query = HttpUtility.ParseQueryString((await Idp.AuthorizeAsync(new Uri(link))).Query);
        return new JsonObject { ["code"] = query["code"], ["state"] = query["state"], ["iss"] = query["iss"] };
    }
}

/// <summary>A person at the API of their own integrations, by a browser's sign-in or by an access token.</summary>
internal sealed class Person(KontextFixture kontext, FormBrowser? browser, string? token) : IDisposable
{
    private static readonly string Organization = Kontext.Domain.Ids.Named<Kontext.Domain.OrgId>("organization\ndev").ToString();

    /// <summary>The address of the API within the person's organization.</summary>
    public static string Root { get; } = $"/api/organizations/{Organization}/integrations";

    public static async Task<Person> InBrowserAsync(KontextFixture kontext, string name)
    {
        var browser = new FormBrowser();
        await browser.SubmitAsync(await browser.OpenAsync(new Uri(kontext.Server.Url, "/login")), "Sign in", new Dictionary<string, string> { ["username"] = name });
        return new Person(kontext, browser, null);
    }

    public static async Task<Person> WithTokenAsync(KontextFixture kontext, string name) => new(kontext, null, await kontext.Agent.ManagementTokenAsync(name));

    public string Token => token ?? throw new InvalidOperationException("This person uses a browser.");

    public Task<JsonAnswer> CallAsync(HttpMethod method, string path, JsonNode? body = null) => browser is null
        ? TestAgent.CallAsync(kontext.Server.Url, method, Root + path, token, body)
        : CallAsync(method, path, body, ("Origin", kontext.Server.Url.GetLeftPart(UriPartial.Authority)));

    public Task<JsonAnswer> CallAsync(HttpMethod method, string path, JsonNode? body, params (string Name, string Value)[] headers) =>
        browser!.CallAsync(method, new Uri(kontext.Server.Url, Root + path), body, headers);

    /// <summary>Connects a service by authorizing at its provider.</summary>
    public async Task<JsonAnswer> ConnectAsync(Services services, string service)
    {
        var link = await CallAsync(HttpMethod.Get, $"/{service}/auth_link");
        return await CallAsync(HttpMethod.Post, $"/{service}/callback", await services.AuthorizeAsync(link["auth_link"]!));
    }

    /// <summary>The person's record of a service; null when there is none.</summary>
    public async Task<JsonNode?> RecordAsync(string service) =>
        (await CallAsync(HttpMethod.Get, "")).Json!["integrations"]!.AsArray().SingleOrDefault(record => (string?)record!["service"] == service);

    /// <summary>The service as the person sees it offered.</summary>
    public async Task<JsonNode?> OfferAsync(string service) =>
        (await CallAsync(HttpMethod.Get, "")).Json!["services"]!.AsArray().SingleOrDefault(offer => (string?)offer!["service"] == service);

    public void Dispose() => browser?.Dispose();
}

/// <summary>An agent with one integration attached, approved by a person.</summary>
internal sealed record AttachedAgent(string ClientId, string Token)
{
    public static async Task<AttachedAgent> CreateAsync(KontextFixture kontext, string integrationId, string person)
    {
        var (id, _) = await kontext.ApplicationAsync();
        await kontext.Agent.ApiAsync(HttpMethod.Post, $"/applications/{id}/integrations/{integrationId}", kontext.OwnerToken);
        using var browser = new FormBrowser();
        var tokens = await kontext.Agent.AuthorizeAsync(browser, $"app_{id}", person, kontext.Agent.Gateway);
        return new AttachedAgent($"app_{id}", tokens["access_token"]!);
    }

    public Task<JsonAnswer> ExchangeAsync(KontextFixture kontext, string service) => kontext.Agent.ExchangeAsync(ClientId, Token, service);
}

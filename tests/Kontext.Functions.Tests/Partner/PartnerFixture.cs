using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Api;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Partner;

/// <summary>An application that trusts a partner, as its backend knows it.</summary>
internal sealed record PartnerApplication(string Id, string Secret, string ApiKey)
{
    public string ClientId => "app_" + Id;

    public string Basic => $"{ClientId}:{Secret}";
}

/// <summary>The product on Azurite, and a partner's server beside it.</summary>
public sealed class PartnerFixture(AzuriteFixture azurite) : IAsyncLifetime
{
    /// <summary>Where connect sessions may return to.</summary>
    public const string ReturnUrl = "https://app.partner.example/done";

    private const string Audience = "https://kontext.example";
    private readonly string keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;

    public KontextServer Server { get; private set; } = null!;

    public TestAgent Agent { get; private set; } = null!;

    public string OwnerToken { get; private set; } = "";

    internal PartnerHost Partner { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Partner = await PartnerHost.StartAsync();
        Server = await KontextServer.StartAsync(await azurite.EmptyAccountAsync(), keys);
        Agent = new TestAgent(Server.Url);
        OwnerToken = await Agent.ManagementTokenAsync(KontextFixture.Owner);
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await Partner.DisposeAsync();
        Directory.Delete(keys, recursive: true);
    }

    /// <summary>A confidential application with trust in the partner; fields of externalAuth can be replaced.</summary>
    internal async Task<PartnerApplication> ApplicationAsync(JsonObject? more = null, params string[] integrations)
    {
        var created = await OwnerAsync(HttpMethod.Post, "/applications", new JsonObject
        {
            ["name"] = ApiCalls.Unique("partner"),
            ["oauth"] = new JsonObject { ["type"] = "confidential", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
        });
        Assert.Equal(HttpStatusCode.Created, created.Status);
        var id = (string)created.Json!["application"]!["id"]!;
        var key = Guid.NewGuid().ToString("n") + Guid.NewGuid().ToString("n");
        await TrustAsync(id, new JsonObject { ["partnerApiKey"] = key });
        if (more is not null)
            await TrustAsync(id, more);
        if (integrations.Length > 0)
            Assert.Equal(HttpStatusCode.OK, (await OwnerAsync(HttpMethod.Put, $"/applications/{id}/integrations", new JsonObject { ["integrationIds"] = new JsonArray([.. integrations.Select(name => (JsonNode)name)]) })).Status);
        return new PartnerApplication(id, (string)created.Json["oauth"]!["clientSecret"]!, key);
    }

    /// <summary>Sets externalAuth, with what the test does not say as the partner has it.</summary>
    internal async Task TrustAsync(string application, JsonObject more)
    {
        var trust = new JsonObject
        {
            ["enabled"] = true,
            ["issuer"] = Partner.Issuer,
            ["jwksUrl"] = Partner.JwksUrl,
            ["audience"] = Audience,
            ["allowedAlgorithms"] = new JsonArray("RS256", "ES256"),
            ["allowedReturnUrls"] = new JsonArray(ReturnUrl),
        };
        foreach (var (field, value) in more)
            trust[field] = value?.DeepClone();
        Assert.Equal(HttpStatusCode.OK, (await OwnerAsync(HttpMethod.Patch, $"/applications/{application}", new JsonObject { ["externalAuth"] = trust })).Status);
    }

    /// <summary>An integration; gives id and name.</summary>
    internal async Task<(string Id, string Name)> IntegrationAsync(string authMode, JsonObject? more = null)
    {
        var body = new JsonObject { ["name"] = ApiCalls.Unique("service"), ["url"] = "https://mcp.example.com/mcp", ["authMode"] = authMode };
        foreach (var (field, value) in more ?? [])
            body[field] = value?.DeepClone();
        var created = await OwnerAsync(HttpMethod.Post, "/integrations", body);
        Assert.Equal(HttpStatusCode.Created, created.Status);
        return ((string)created.Json!["integration"]!["id"]!, (string)body["name"]!);
    }

    /// <summary>The claims the partner makes about one of its users.</summary>
    internal JsonObject Claims(string subject)
    {
        var now = TimeProvider.System.GetUtcNow();
        return new JsonObject
        {
            ["iss"] = Partner.Issuer,
            ["aud"] = Audience,
            ["sub"] = subject,
            ["name"] = "User " + subject,
            ["iat"] = now.ToUnixTimeSeconds(),
            ["exp"] = now.AddMinutes(5).ToUnixTimeSeconds(),
        };
    }

    /// <summary>POST /partner/connect-session as the partner's backend does it.</summary>
    internal Task<JsonAnswer> ConnectAsync(PartnerApplication application, string subject, string? returnUrl = null) =>
        ConnectAsync(application.Id, application.ApiKey, Partner.Key.Sign(Claims(subject), "RS256"), returnUrl);

    internal async Task<JsonAnswer> ConnectAsync(string application, string? apiKey, string? token, string? returnUrl = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(Server.Url, "/partner/connect-session"));
        if (apiKey is not null)
            request.Headers.Add("X-Api-Key", apiKey);
        if (token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        var body = new JsonObject { ["applicationId"] = application };
        if (returnUrl is not null)
            body["returnUrl"] = returnUrl;
        request.Content = JsonContent.Create(body);
        using var answer = await Server.Http.SendAsync(request);
        return new JsonAnswer(answer.StatusCode, JsonNode.Parse(await answer.Content.ReadAsStringAsync()), answer.Headers);
    }

    /// <summary>The exchange that names the partner's own user (contract 3.4.4 b).</summary>
    internal Task<JsonAnswer> ExchangeAsync(PartnerApplication application, string subject, string resource, string type = "urn:kontext:user-id") => Agent.TokenAsync(new()
    {
        ["grant_type"] = "urn:ietf:params:oauth:grant-type:token-exchange",
        ["subject_token_type"] = type,
        ["subject_token"] = subject,
        ["resource"] = resource,
    }, application.Basic);

    /// <summary>The user types a token into the connect page the link leads to.</summary>
    internal static async Task<BrowserPage> SaveTokenAsync(FormBrowser browser, string connectUrl, string token)
    {
        var page = await browser.OpenAsync(new Uri(connectUrl));
        Assert.Equal(HttpStatusCode.OK, page.Status);
        return await browser.SubmitAsync(page, "Save token", new Dictionary<string, string> { ["token"] = token });
    }

    internal Task<JsonAnswer> OwnerAsync(HttpMethod method, string path, JsonNode? body = null) => Agent.ApiAsync(method, path, OwnerToken, body);
}

/// <summary>Tests that share the product and the partner.</summary>
[CollectionDefinition(Name)]
public sealed class Partners : ICollectionFixture<PartnerFixture>
{
    public const string Name = "partners";
}

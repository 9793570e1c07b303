using System.Net;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Functions.Tests.OAuth;
using Kontext.Testing;
using Microsoft.Extensions.Configuration;

namespace Kontext.Functions.Tests.SignIn;

/// <summary>Several organizations in one installation: each has people, owners, applications and a sign-in provider of its own.</summary>
public sealed class OrganizationsTests : IAsyncLifetime
{
    private static readonly string GlobexClient = Ids.Named<AppId>("command line\nglobex").ClientId;

    private readonly DirectoryInfo keys = Directory.CreateTempSubdirectory("kontext-keys-");
    private KontextServer server = null!;
    private TestAgent agent = null!;

    public async ValueTask InitializeAsync()
    {
        server = await KontextServer.StartAsync("memory", keys.FullName, settings: new Dictionary<string, string> { ["Kontext__Organizations__globex__Name"] = "Globex" });
        agent = new TestAgent(server.Url);
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        keys.Delete(recursive: true);
    }

    [Fact]
    public async Task Who_signs_in_without_an_agent_names_the_organization_and_learns_of_no_other()
    {
        using var browser = new FormBrowser();
        var page = await browser.OpenAsync(new Uri(server.Url, "/sessions"));
        Assert.Equal(("/login", "Which organization?"), (page.Url.AbsolutePath, page.Document.QuerySelector("h1")!.TextContent));
        Assert.DoesNotContain("Globex", page.Text, StringComparison.Ordinal);
        page = await OrganizationAsync(browser, page, "nowhere");
        Assert.Equal(HttpStatusCode.BadRequest, page.Status);
        page = await OrganizationAsync(browser, page, " Globex ");
        Assert.Contains("to Globex", page.Document.QuerySelector(".lead")!.TextContent.Trim(), StringComparison.Ordinal);
        page = await browser.SubmitAsync(page, "Sign in", new Dictionary<string, string> { ["username"] = "alice" });
        Assert.Equal("/sessions", page.Url.AbsolutePath);
    }

    [Fact]
    public async Task The_same_name_in_two_organizations_is_two_people_and_two_owners()
    {
        using var dev = new FormBrowser();
        using var globex = new FormBrowser();
        var inDev = Jwt.Payload((await agent.AuthorizeAsync(dev, TestAgent.CommandLineClient, "olivia", agent.Api, "openid management:all"))["access_token"]!);
        var inGlobex = Jwt.Payload((await agent.AuthorizeAsync(globex, GlobexClient, "olivia", agent.Api, "openid management:all"))["access_token"]!);
        Assert.NotEqual((string?)inDev["sub"], (string?)inGlobex["sub"]);
        Assert.NotEqual((string?)inDev["org"], (string?)inGlobex["org"]);
    }

    [Fact]
    public async Task What_belongs_to_one_organization_is_not_there_for_the_other()
    {
        var dev = await agent.ManagementTokenAsync("olivia");
        using var browser = new FormBrowser();
        var globex = (await agent.AuthorizeAsync(browser, GlobexClient, "olivia", agent.Api, "openid management:all"))["access_token"]!;
        var created = await agent.ApiAsync(HttpMethod.Post, "/applications", globex, new JsonObject
        {
            ["name"] = "Globex agent", ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
        });
        Assert.Equal(HttpStatusCode.Created, created.Status);
        var id = (string)created.Json!["application"]!["id"]!;
        var foreign = await agent.ApiAsync(HttpMethod.Get, $"/applications/{id}", dev);
        var unknown = await agent.ApiAsync(HttpMethod.Get, $"/applications/{Guid.NewGuid()}", dev);
        Assert.Equal((HttpStatusCode.NotFound, unknown["message"]), (foreign.Status, foreign["message"]));
        Assert.Equal("Globex", (string?)(await agent.ApiAsync(HttpMethod.Get, "/organization", globex)).Json!["organization"]!["name"]);

        // The agent's organization is known: nobody is asked for it, and a sign-in elsewhere does not count.
        using var other = new FormBrowser();
        await agent.AuthorizeAsync(other, TestAgent.CommandLineClient, "alice", agent.Api, "openid management:all");
        var page = await other.OpenAsync(agent.AuthorizeUrl($"app_{id}", agent.Gateway).Url);
        Assert.Contains("to Globex", page.Document.QuerySelector(".lead")!.TextContent.Trim(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task People_sign_in_at_their_own_organizations_provider()
    {
        await using var first = await UpstreamIdp.StartAsync(("AUTO_APPROVE", "0"));
        await using var second = await UpstreamIdp.StartAsync(("AUTO_APPROVE", "0"));
        await using var installation = await KontextServer.StartAsync("memory", keys.FullName, settings: new Dictionary<string, string>
        {
            ["Kontext__SignIn__Issuer"] = first.Issuer, ["Kontext__SignIn__ClientId"] = "vault-client", ["Kontext__SignIn__ClientSecret"] = "vault-secret",
            ["Kontext__Organizations__globex__SignIn__Issuer"] = second.Issuer, ["Kontext__Organizations__globex__SignIn__ClientId"] = "vault-client",
            ["Kontext__Organizations__globex__SignIn__ClientSecret"] = "vault-secret", ["Kontext__Organizations__globex__SignIn__Administrators"] = "olivia",
        });
        var agents = new TestAgent(installation.Url);
        foreach (var (client, provider, status) in new[] { (TestAgent.CommandLineClient, first, HttpStatusCode.Forbidden), (GlobexClient, second, HttpStatusCode.OK) })
        {
            using var browser = new FormBrowser();
            var consent = await ProviderFixture.SignInAsync(browser, "olivia", agents.AuthorizeUrl(client, agents.Api, "openid management:all").Url, provider);
            Assert.Equal("/oauth2/auth", consent.Url.AbsolutePath);
            var token = (await agents.AuthorizeAsync(browser, client, "olivia", agents.Api, "openid management:all"))["access_token"]!;
            // Olivia is named as administrator in one of the two only.
            Assert.Equal(status, (await agents.ApiAsync(HttpMethod.Patch, "/organization", token, new JsonObject { ["name"] = "Renamed" })).Status);
        }
    }

    [Theory]
    [InlineData(true, "Kontext:Organizations:Acme.Corp:Name", "Acme", "Kontext__Organizations__Acme.Corp")]
    [InlineData(true, "Kontext:Organizations:dev:Name", "Dev", "Kontext__Organizations__dev")]
    [InlineData(true, "Kontext:Organizations:acme:SignIn:Issuer", "https://idp.example", "Kontext__Organizations__acme__SignIn__ClientId is missing")]
    [InlineData(false, "Kontext:Organizations:acme:Name", "Acme", "Kontext__Organizations__acme__SignIn__Issuer is missing")]
    public void Settings_that_leave_an_organization_without_a_sign_in_are_named(bool development, string name, string value, string named)
    {
        var settings = new Dictionary<string, string?> { ["Kontext:Storage"] = "memory", ["Kontext:KeyDirectory"] = "/keys", [name] = value };
        if (!development)
            (settings["Kontext:PublicUrl"], settings["Kontext:Organization"], settings["Kontext:SignIn:Issuer"], settings["Kontext:SignIn:ClientId"]) = ("https://kontext.example", "main", "https://idp.example", "kontext");
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings).Build();
        Assert.StartsWith(named, Assert.Throws<InvalidSettingException>(() => KontextSettings.Read(configuration, development)).Message, StringComparison.Ordinal);
    }

    private static Task<BrowserPage> OrganizationAsync(FormBrowser browser, BrowserPage page, string organization) =>
        browser.OpenAsync(new Uri(page.Url, $"/login?organization={Uri.EscapeDataString(organization)}&return_to=%2Fsessions"));
}

using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Api;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Organizations;

/// <summary>The API of seed 004 on the running program, with the provider simulator at the other end.</summary>
public sealed class OrganizationIntegrationsTests(KontextFixture kontext, Services services) : IClassFixture<Services>
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_person_connects_validates_and_disconnects_by_browser_and_by_token(bool inBrowser)
    {
        var service = await OAuthServiceAsync();
        var name = inBrowser ? "berta" : "bruno";
        using var person = inBrowser ? await Person.InBrowserAsync(kontext, name) : await Person.WithTokenAsync(kontext, name);
        Assert.Null(await person.RecordAsync(service));
        Assert.False((bool)(await person.OfferAsync(service))!["connected"]!);

        var connected = await person.ConnectAsync(services, service);
        Assert.Equal(HttpStatusCode.OK, connected.Status);
        var record = (await person.RecordAsync(service))!;
        Assert.Equal("valid", (string?)record["status"]);
        Assert.Equal("alice@example.test", (string?)record["oauth_user_id"]);
        Assert.True((bool)(await person.OfferAsync(service))!["connected"]!);

        var validated = await person.CallAsync(HttpMethod.Post, $"/{service}");
        Assert.True((bool)validated.Json!["is_valid"]!);
        Assert.Equal("valid", (string?)validated.Json["integration"]!["status"]);

        var before = (await services.Idp.StateAsync())["counters"]!["revoke"]!.GetValue<int>();
        var ended = await person.CallAsync(HttpMethod.Delete, $"/{service}");
        Assert.Equal("revoked", (string?)ended.Json!["revocation"]!["provider"]);
        Assert.True((bool)ended.Json["revocation"]!["secrets_deleted"]!);
        Assert.Equal(before + 1, (await services.Idp.StateAsync())["counters"]!["revoke"]!.GetValue<int>());
        Assert.Null(await person.RecordAsync(service));
        Assert.Equal("you disconnected it", (string?)(await person.OfferAsync(service))!["reason"]);
        Assert.Equal(HttpStatusCode.OK, (await person.CallAsync(HttpMethod.Delete, $"/{service}")).Status);
    }

    [Fact]
    public async Task Records_are_the_persons_own()
    {
        var service = await OAuthServiceAsync();
        using var first = await Person.WithTokenAsync(kontext, "carla");
        using var second = await Person.WithTokenAsync(kontext, "conny");
        await first.ConnectAsync(services, service);
        Assert.Null(await second.RecordAsync(service));
        Assert.Equal(HttpStatusCode.NotFound, (await second.CallAsync(HttpMethod.Post, $"/{service}")).Status);
        Assert.Equal(HttpStatusCode.OK, (await second.CallAsync(HttpMethod.Delete, $"/{service}")).Status);
        Assert.NotNull(await first.RecordAsync(service));
    }

    [Fact]
    public async Task An_answer_of_the_provider_connects_only_who_asked_for_it_and_once()
    {
        var service = await OAuthServiceAsync();
        using var victim = await Person.InBrowserAsync(kontext, "dora");
        using var attacker = await Person.InBrowserAsync(kontext, "dirk");
        using var sameInAnotherBrowser = await Person.InBrowserAsync(kontext, "dirk");
        var link = await attacker.CallAsync(HttpMethod.Get, $"/{service}/auth_link");
        var answer = await services.AuthorizeAsync(link["auth_link"]!);
        Assert.Equal(HttpStatusCode.BadRequest, (await victim.CallAsync(HttpMethod.Post, $"/{service}/callback", answer.DeepClone())).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await sameInAnotherBrowser.CallAsync(HttpMethod.Post, $"/{service}/callback", answer.DeepClone())).Status);
        Assert.Null(await victim.RecordAsync(service));
        Assert.Equal(HttpStatusCode.OK, (await attacker.CallAsync(HttpMethod.Post, $"/{service}/callback", answer.DeepClone())).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await attacker.CallAsync(HttpMethod.Post, $"/{service}/callback", answer.DeepClone())).Status);
    }

    [Fact]
    public async Task A_link_made_with_a_token_is_finished_in_a_browser_of_the_same_person_only()
    {
        var service = await OAuthServiceAsync();
        using var person = await Person.WithTokenAsync(kontext, "edith");
        using var other = new FormBrowser();
        using var own = new FormBrowser();
        var link = await person.CallAsync(HttpMethod.Get, $"/{service}/auth_link");
        var back = await services.Idp.AuthorizeAsync(new Uri(link["auth_link"]!));
        foreach (var (browser, name) in new[] { (other, "erwin"), (own, "edith") })
        {
            Assert.Null(await person.RecordAsync(service));
            await browser.SubmitAsync(await browser.OpenAsync(new Uri(kontext.Server.Url, "/login")), "Sign in", new Dictionary<string, string> { ["username"] = name });
            var page = await browser.OpenAsync(new Uri(kontext.Server.Url, back.PathAndQuery));
            Assert.EndsWith("/callback", page.Url.AbsolutePath, StringComparison.Ordinal);
            await browser.SubmitAsync(page, "Finish connecting");
        }
        Assert.Equal("valid", (string?)(await person.RecordAsync(service))!["status"]);
    }

    [Fact]
    public async Task A_request_another_site_could_make_a_browser_send_is_refused()
    {
        var service = await OAuthServiceAsync();
        using var person = await Person.InBrowserAsync(kontext, "fred");
        await person.ConnectAsync(services, service);
        Assert.Equal(HttpStatusCode.Forbidden, (await person.CallAsync(HttpMethod.Delete, $"/{service}", null, [])).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await person.CallAsync(HttpMethod.Delete, $"/{service}", null, ("Origin", "https://attacker.test"))).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await person.CallAsync(HttpMethod.Delete, $"/{service}", null, ("Origin", "null"))).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await person.CallAsync(HttpMethod.Delete, $"/{service}", null, ("X-CSRF-Token", "guessed"))).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await person.CallAsync(HttpMethod.Get, $"/{service}/auth_link", null, ("Sec-Fetch-Site", "cross-site"))).Status);
        Assert.NotNull(await person.RecordAsync(service));
    }

    [Fact]
    public async Task Without_authentication_in_another_organization_or_for_an_unknown_service_there_is_nothing()
    {
        var service = await OAuthServiceAsync();
        using var person = await Person.WithTokenAsync(kontext, "gina");
        Task<JsonAnswer> CallAsync(string path, string? token) => TestAgent.CallAsync(kontext.Server.Url, HttpMethod.Get, path, token);
        Assert.Equal(HttpStatusCode.Unauthorized, (await CallAsync(Person.Root, null)).Status);
        foreach (var organization in new[] { Guid.NewGuid().ToString(), "dev", "%20" })
            Assert.Equal(HttpStatusCode.NotFound, (await CallAsync($"/api/organizations/{organization}/integrations", person.Token)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await person.CallAsync(HttpMethod.Get, "/nobody/auth_link")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await person.CallAsync(HttpMethod.Get, $"/{service}/unheard_of")).Status);

        var account = await kontext.Agent.ApiAsync(HttpMethod.Post, "/service-accounts", kontext.OwnerToken, new JsonObject { ["name"] = "robot" });
        var credentials = account.Json!["credentials"]!;
        var robot = await kontext.Agent.TokenAsync(new() { ["grant_type"] = "client_credentials" }, $"{credentials["clientId"]}:{credentials["clientSecret"]}");
        Assert.Equal(HttpStatusCode.Forbidden, (await CallAsync(Person.Root, robot["access_token"])).Status);
    }

    [Fact]
    public async Task A_service_is_found_by_its_providers_key_too()
    {
        var id = await kontext.IntegrationAsync("oauth", new JsonObject { ["oauth"] = new JsonObject { ["provider"] = "dropbox" } });
        using var person = await Person.WithTokenAsync(kontext, "gina");
        // No app of the operator is configured here: that is said, with the settings to set.
        var answer = await person.CallAsync(HttpMethod.Get, "/dropbox/auth_link");
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.Contains("Providers__dropbox__ClientId", answer["message"], StringComparison.Ordinal);
        await kontext.Agent.ApiAsync(HttpMethod.Delete, $"/integrations/{id}", kontext.OwnerToken);
        Assert.Equal(HttpStatusCode.NotFound, (await person.CallAsync(HttpMethod.Get, "/dropbox/auth_link")).Status);
    }

    [Fact]
    public async Task Google_is_offered_from_the_start()
    {
        using var person = await Person.WithTokenAsync(kontext, "gerda");
        var google = (await person.OfferAsync("google"))!;
        Assert.Equal(("Google", "google", "oauth"), ((string?)google["name"], (string?)google["provider"], (string?)google["auth_mode"]));
        Assert.Equal("Connect Gmail, Calendar, and Drive with read-only access.", (string?)google["description"]);
    }

    [Fact]
    public async Task A_provider_that_does_not_answer_says_nothing_about_a_connection()
    {
        var service = await OAuthServiceAsync();
        using var person = await Person.WithTokenAsync(kontext, "hanna");
        await person.ConnectAsync(services, service);
        await services.Idp.FaultAsync("userinfo", "unavailable");
        var answer = await person.CallAsync(HttpMethod.Post, $"/{service}");
        Assert.False((bool)answer.Json!["is_valid"]!);
        Assert.Equal("unknown", (string?)answer.Json["integration"]!["status"]);
        Assert.True((bool)answer.Json["integration"]!["connected"]!);
        Assert.Contains("could not be checked", answer["message"], StringComparison.Ordinal);
        Assert.True((bool)(await person.CallAsync(HttpMethod.Post, $"/{service}")).Json!["is_valid"]!);
    }

    [Fact]
    public async Task An_access_token_that_ended_early_is_renewed_and_the_connection_is_valid()
    {
        var service = await OAuthServiceAsync();
        using var person = await Person.WithTokenAsync(kontext, "ines");
        await person.ConnectAsync(services, service);
        var before = await services.Idp.RefreshesAsync();
        await services.Idp.FaultAsync("userinfo", "status", more: [("status", 401)]);
        Assert.True((bool)(await person.CallAsync(HttpMethod.Post, $"/{service}")).Json!["is_valid"]!);
        Assert.Equal(before + 1, await services.Idp.RefreshesAsync());
    }

    private async Task<string> OAuthServiceAsync()
    {
        var id = await kontext.IntegrationAsync("oauth", services.OAuth());
        return (string)(await kontext.Agent.ApiAsync(HttpMethod.Get, $"/integrations/{id}", kontext.OwnerToken)).Json!["integration"]!["name"]!;
    }
}

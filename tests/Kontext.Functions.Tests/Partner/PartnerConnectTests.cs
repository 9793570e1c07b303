using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.OAuth;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Partner;

/// <summary>POST /partner/connect-session: what is believed of a partner, and what is not (contract 5.4).</summary>
[Collection(Partners.Name)]
public sealed class PartnerConnectTests(PartnerFixture world)
{
    [Fact]
    public async Task A_partners_user_connects_without_signing_in_and_the_application_gets_the_credential()
    {
        var (integration, name) = await world.IntegrationAsync("user_token");
        var application = await world.ApplicationAsync(null, integration);
        var unknown = await world.ExchangeAsync(application, "user-1", name);
        Assert.Equal((HttpStatusCode.BadRequest, "integration_required", integration), (unknown.Status, unknown["error"], unknown["integration_id"]));

        var session = await world.ConnectAsync(application, "user-1", PartnerFixture.ReturnUrl);
        Assert.Equal(HttpStatusCode.OK, session.Status);
        Assert.StartsWith(world.Server.Url + "oauth/connect?session=", session["connectUrl"], StringComparison.Ordinal);
        Assert.True(session.Headers.CacheControl!.NoStore);
        Assert.Equal("integration_required", (await world.ExchangeAsync(application, "user-1", name))["error"]);

        using var browser = new FormBrowser();
        var saved = await PartnerFixture.SaveTokenAsync(browser, session["connectUrl"]!, "ghp_of_user_1");
        Assert.Contains("is connected", saved.Text, StringComparison.Ordinal);
        Assert.Contains("User user-1", saved.Text, StringComparison.Ordinal);
        Assert.NotNull(saved.Document.QuerySelector($"a[href='{PartnerFixture.ReturnUrl}']"));

        var exchanged = await world.ExchangeAsync(application, " user-1 ", name);
        Assert.Equal((HttpStatusCode.OK, "ghp_of_user_1", "Bearer"), (exchanged.Status, exchanged["access_token"], exchanged["token_type"]));
        Assert.Null(exchanged.Json!["expires_in"]);
    }

    [Theory]
    [InlineData("""{"iss":"https://elsewhere.example"}""", "another issuer")]
    [InlineData("""{"aud":"https://elsewhere.example"}""", "another audience")]
    [InlineData("""{"aud":["https://elsewhere.example"]}""", "another audience")]
    [InlineData("""{"aud":null}""", "another audience")]
    [InlineData("""{"exp":1000}""", "expired")]
    [InlineData("""{"exp":null}""", "expired")]
    [InlineData("""{"iat":1000}""", "older than 600 seconds")]
    [InlineData("""{"iat":null}""", "no iat")]
    [InlineData("""{"iat":9999999999}""", "issued in the future")]
    [InlineData("""{"nbf":9999999999}""", "not valid yet")]
    [InlineData("""{"sub":""}""", "no sub")]
    [InlineData("""{"sub":" padded "}""", "no sub")]
    [InlineData("""{"sub":7}""", "no sub")]
    [InlineData("""{"sub":"a\u202eb"}""", "no sub")]
    public async Task A_claim_the_trust_does_not_cover_is_refused_and_named(string changes, string reason)
    {
        var application = await world.ApplicationAsync();
        var claims = world.Claims("user-1");
        foreach (var (name, value) in JsonNode.Parse(changes)!.AsObject())
        {
            if (value is null)
                claims.Remove(name);
            else
                claims[name] = value.DeepClone();
        }
        var refused = await world.ConnectAsync(application.Id, application.ApiKey, world.Partner.Key.Sign(claims, "RS256"));
        Assert.Equal((HttpStatusCode.Unauthorized, "kontext_authorization_required"), (refused.Status, refused["code"]));
        Assert.Contains(reason, refused["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_the_published_keys_and_the_allowed_algorithms_count()
    {
        var application = await world.ApplicationAsync(new JsonObject { ["allowedAlgorithms"] = new JsonArray("RS256") });
        using var foreign = new TestKey();
        var good = world.Partner.Key.Sign(world.Claims("user-1"), "RS256");
        var parts = good.Split('.');
        string[] attacks =
        [
            foreign.Sign(world.Claims("user-1"), "RS256"),
            foreign.Sign(world.Claims("user-1"), "RS256", withKeyId: false),
            world.Partner.Key.Sign(world.Claims("user-1"), "ES256"),
            world.Partner.Key.Sign(world.Claims("user-1"), "PS256"),
            world.Partner.Key.Sign(world.Claims("user-1"), "HS256"),
            world.Partner.Key.Sign(world.Claims("user-1"), "none"),
            $"{parts[0]}.{parts[1]}.",
            $"{parts[0]}.{world.Partner.Key.Sign(world.Claims("user-2"), "RS256").Split('.')[1]}.{parts[2]}",
            "nonsense",
        ];
        foreach (var attack in attacks)
            Assert.Equal(HttpStatusCode.Unauthorized, (await world.ConnectAsync(application.Id, application.ApiKey, attack)).Status);
        Assert.Equal(HttpStatusCode.OK, (await world.ConnectAsync(application.Id, application.ApiKey, good)).Status);
    }

    [Fact]
    public async Task A_wrong_key_and_an_unknown_application_look_the_same()
    {
        var (application, other) = (await world.ApplicationAsync(), await world.ApplicationAsync());
        var token = world.Partner.Key.Sign(world.Claims("user-1"), "RS256");
        var wrongKey = await world.ConnectAsync(application.Id, other.ApiKey, token);
        var unknown = await world.ConnectAsync(Guid.CreateVersion7().ToString(), application.ApiKey, token);
        Assert.Equal(HttpStatusCode.Unauthorized, wrongKey.Status);
        Assert.Equal(wrongKey.Json!.ToJsonString(), unknown.Json!.ToJsonString());
        Assert.Equal(HttpStatusCode.Unauthorized, (await world.ConnectAsync(application.Id, null, token)).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await world.ConnectAsync(application.Id, application.ApiKey, null)).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await world.ConnectAsync("nonsense", application.ApiKey, token)).Status);
    }

    [Fact]
    public async Task Required_claims_have_to_be_there_with_their_values()
    {
        var application = await world.ApplicationAsync(new JsonObject { ["requiredClaims"] = new JsonObject { ["tenant"] = "acme", ["verified"] = "true" } });
        var claims = world.Claims("user-1");
        Assert.Equal(HttpStatusCode.Unauthorized, (await world.ConnectAsync(application.Id, application.ApiKey, world.Partner.Key.Sign(claims, "RS256"))).Status);
        claims["tenant"] = "acme";
        Assert.Equal(HttpStatusCode.Unauthorized, (await world.ConnectAsync(application.Id, application.ApiKey, world.Partner.Key.Sign(claims, "RS256"))).Status);
        claims["verified"] = true;
        Assert.Equal(HttpStatusCode.OK, (await world.ConnectAsync(application.Id, application.ApiKey, world.Partner.Key.Sign(claims, "RS256"))).Status);
        claims["tenant"] = "other";
        Assert.Equal(HttpStatusCode.Unauthorized, (await world.ConnectAsync(application.Id, application.ApiKey, world.Partner.Key.Sign(claims, "RS256"))).Status);
    }

    [Fact]
    public async Task A_return_address_has_to_be_listed_exactly()
    {
        var application = await world.ApplicationAsync();
        foreach (var foreign in new[] { "https://evil.example/", PartnerFixture.ReturnUrl + "/../x", PartnerFixture.ReturnUrl + "?a=b", "javascript:alert(1)", TestAgent.RedirectUri })
        {
            var refused = await world.ConnectAsync(application, "user-1", foreign);
            Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
            Assert.NotNull(refused.Json!["validationErrors"]!["returnUrl"]);
        }
    }

    [Fact]
    public async Task Trust_that_is_switched_off_ends_everything_at_once()
    {
        var (integration, name) = await world.IntegrationAsync("user_token");
        var application = await world.ApplicationAsync(null, integration);
        using var browser = new FormBrowser();
        var link = (await world.ConnectAsync(application, "user-1"))["connectUrl"]!;
        await PartnerFixture.SaveTokenAsync(browser, link, "ghp_1");
        var gateway = (await world.ExchangeAsync(application, "user-1", "mcp-gateway"))["access_token"]!;
        await world.TrustAsync(application.Id, new JsonObject { ["enabled"] = false });
        Assert.Equal(HttpStatusCode.Forbidden, (await world.ConnectAsync(application, "user-1")).Status);
        Assert.Equal("unauthorized_client", (await world.ExchangeAsync(application, "user-1", name))["error"]);
        Assert.Equal(HttpStatusCode.Unauthorized, (await world.Agent.McpAsync(gateway, "tools/list")).Status);
        Assert.NotEqual(HttpStatusCode.OK, (await browser.OpenAsync(new Uri(link))).Status);
    }

    [Fact]
    public async Task A_link_works_in_the_first_browser_only_and_signs_nobody_in()
    {
        var (integration, _) = await world.IntegrationAsync("user_token");
        var application = await world.ApplicationAsync(null, integration);
        var link = new Uri((await world.ConnectAsync(application, "user-1"))["connectUrl"]!);
        using var first = new FormBrowser();
        using var second = new FormBrowser();
        Assert.Equal(HttpStatusCode.OK, (await first.OpenAsync(link)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await second.OpenAsync(link)).Status);
        Assert.Equal(HttpStatusCode.OK, (await first.OpenAsync(link)).Status);

        // The pages of people of the organization still ask for a sign-in.
        var (authorize, _) = world.Agent.AuthorizeUrl(application.ClientId, world.Agent.Gateway);
        var page = await first.OpenAsync(authorize);
        Assert.NotNull(page.Document.QuerySelector("input[name=username]"));
    }

    [Fact]
    public async Task Somebody_signed_in_stays_who_they_are_beside_the_link()
    {
        var (integration, name) = await world.IntegrationAsync("user_token");
        var application = await world.ApplicationAsync(null, integration);
        using var browser = new FormBrowser();
        var (authorize, _) = world.Agent.AuthorizeUrl(TestAgent.CommandLineClient, null, "openid");
        await TestAgent.DecideAsync(browser, authorize, "erin");
        var saved = await PartnerFixture.SaveTokenAsync(browser, (await world.ConnectAsync(application, "user-7"))["connectUrl"]!, "ghp_of_user_7");
        Assert.Contains("User user-7", saved.Text, StringComparison.Ordinal);
        Assert.Equal("ghp_of_user_7", (await world.ExchangeAsync(application, "user-7", name))["access_token"]);
        var erin = await world.Agent.ManagementTokenAsync("erin");
        var own = await world.Agent.ApiAsync(HttpMethod.Get, $"/integrations/{integration}/connection", erin);
        Assert.NotEqual("true", own.Json!["connected"]?.ToJsonString());
    }

    [Fact]
    public async Task What_was_vouched_for_and_what_was_refused_is_recorded_without_secrets()
    {
        var application = await world.ApplicationAsync();
        await world.ConnectAsync(application, "user-1");
        var claims = world.Claims("user-1");
        claims["aud"] = "https://elsewhere.example";
        await world.ConnectAsync(application.Id, application.ApiKey, world.Partner.Key.Sign(claims, "RS256"));
        var events = (await world.OwnerAsync(HttpMethod.Get, $"/audit/events?type=user.vouched&applicationId={application.Id}")).Json!["items"]!.AsArray();
        Assert.Equal(["error_auth", "ok"], events.Select(entry => (string?)entry!["status"]));
        Assert.DoesNotContain(application.ApiKey, events.ToJsonString(), StringComparison.Ordinal);
        Assert.DoesNotContain("eyJ", events.ToJsonString(), StringComparison.Ordinal);
        Assert.DoesNotContain(application.ApiKey, world.Server.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_partner_key_is_written_and_never_read()
    {
        var application = await world.ApplicationAsync();
        var read = (await world.OwnerAsync(HttpMethod.Get, $"/applications/{application.Id}")).Json!["application"]!["externalAuth"]!;
        Assert.True((bool)read["partnerApiKeyConfigured"]!);
        Assert.Null(read["partnerApiKey"]);
        Assert.DoesNotContain(application.ApiKey, read.ToJsonString(), StringComparison.Ordinal);

        // A new key replaces the old one; a change of something else leaves it.
        await world.TrustAsync(application.Id, new JsonObject { ["maxTokenAgeSeconds"] = 60 });
        Assert.Equal(HttpStatusCode.OK, (await world.ConnectAsync(application, "user-1")).Status);
        var next = application with { ApiKey = new string('k', 64) };
        await world.TrustAsync(application.Id, new JsonObject { ["partnerApiKey"] = next.ApiKey });
        Assert.Equal(HttpStatusCode.Unauthorized, (await world.ConnectAsync(application, "user-1")).Status);
        Assert.Equal(HttpStatusCode.OK, (await world.ConnectAsync(next, "user-1")).Status);
    }

    [Fact]
    public async Task A_member_cannot_decide_whose_word_counts()
    {
        var member = await world.Agent.ManagementTokenAsync("mia");
        var created = await world.Agent.ApiAsync(HttpMethod.Post, "/applications", member, new JsonObject
        {
            ["name"] = Api.ApiCalls.Unique("own"),
            ["oauth"] = new JsonObject { ["type"] = "confidential", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
        });
        var id = (string)created.Json!["application"]!["id"]!;
        var answer = await world.Agent.ApiAsync(HttpMethod.Patch, $"/applications/{id}", member, new JsonObject
        {
            ["externalAuth"] = new JsonObject { ["enabled"] = true, ["issuer"] = "https://mia.example", ["jwksUrl"] = "https://mia.example/keys", ["audience"] = "a" },
        });
        Assert.Equal(HttpStatusCode.Forbidden, answer.Status);
    }
}

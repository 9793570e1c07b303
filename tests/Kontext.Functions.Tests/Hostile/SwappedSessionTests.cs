using System.Net;
using System.Text.Json.Nodes;
using AngleSharp.Html.Dom;
using Kontext.Functions.Tests.Api;
using Kontext.Functions.Tests.OAuth;
using Kontext.Testing;
using Microsoft.AspNetCore.WebUtilities;

namespace Kontext.Functions.Tests.Hostile;

/// <summary>One person finishing what another began: nobody's grant, connection or approval ever becomes somebody else's (RFC 9700 section 4.7, RFC 8628 section 5.4).</summary>
public sealed class SwappedSessionTests(HostileWorld world) : IClassFixture<HostileWorld>
{
    private readonly TestAgent agent = world.Agent;

    [Fact]
    public async Task A_consent_that_one_person_was_asked_for_is_not_anothers_to_give()
    {
        var client = await RegisterAsync();
        using var alice = new FormBrowser();
        using var bob = await Visitor.SignInAsync(world.Server.Url, "bob");
        var (url, verifier) = agent.AuthorizeUrl(client, agent.Gateway);
        var page = await SignInAsync(alice, url, "aline");
        var fields = page.Document.QuerySelectorAll("form input[type=hidden]").OfType<IHtmlInputElement>().Select(input => (input.Name!, input.Value)).ToList();
        var action = page.Document.QuerySelector("button[value=approve]")!.Closest("form")!.GetAttribute("action")!;
        // Alice's form from Bob's browser, as it is, proves nothing about Bob.
        var stolen = await bob.PostAsync(action, [.. fields, ("decision", "approve"), ("action", "approve")]);
        Assert.Equal(HttpStatusCode.BadRequest, stolen.Status);
        Assert.Equal("", stolen.Header("Location"));
        // With his own token it is his own decision: what comes of it is his, whoever's page it was.
        var own = await bob.PostAsync(action, [.. fields.Where(field => field.Item1 != "csrf"), ("csrf", bob.Csrf), ("decision", "approve"), ("action", "approve")]);
        if (own.Header("Location") is { Length: > 0 } location && QueryHelpers.ParseQuery(new Uri(location).Query).TryGetValue("code", out var code))
        {
            var tokens = await RedeemAsync(client, code.ToString(), verifier);
            Assert.Equal("bob", await NameAsync(tokens["access_token"]!));
        }
        Assert.Empty(await SessionsAsync("aline"));
    }

    [Fact]
    public async Task A_browser_whose_person_changed_meanwhile_decides_nothing()
    {
        var client = await RegisterAsync();
        using var browser = new FormBrowser();
        var page = await SignInAsync(browser, agent.AuthorizeUrl(client, agent.Gateway).Url, "anna");
        var home = await browser.OpenAsync(new Uri(world.Server.Url, "/sessions"));
        await browser.SubmitAsync(home, home.Document.QuerySelector("form[action^='/logout'] button")!);
        await SignInAsync(browser, new Uri(world.Server.Url, "/login?organization=dev"), "ben");
        var decided = await browser.SubmitAsync(page, "Allow", null, target => target.Authority != world.Server.Url.Authority);
        Assert.Null(decided.Location);
        Assert.Equal(HttpStatusCode.BadRequest, decided.Status);
        Assert.Empty(await SessionsAsync("anna"));
        Assert.Empty(await SessionsAsync("ben"));
    }

    [Fact]
    public async Task A_code_is_redeemed_by_the_client_and_for_the_person_it_was_given_for()
    {
        var (mine, theirs) = (await RegisterAsync(), await RegisterAsync());
        using var browser = new FormBrowser();
        var (url, verifier) = agent.AuthorizeUrl(mine, agent.Gateway);
        var code = (await TestAgent.DecideAsync(browser, url, "carla"))["code"];
        Assert.Equal("invalid_grant", (await RedeemAsync(theirs, code, verifier))["error"]);
        // Whoever tried has spent it: a code that two clients hold was stolen (RFC 9700 section 2.1.1), or is still the one's it was for.
        var tokens = await RedeemAsync(mine, code, verifier);
        if (tokens["access_token"] is { } token)
            Assert.Equal("carla", await NameAsync(token));
    }

    [Fact]
    public async Task A_connect_link_and_a_providers_answer_bind_nothing_to_whoever_else_opens_them()
    {
        await using var provider = await EchoingProvider.StartAsync("victims-access-token", "victims-refresh-token");
        var owner = await agent.ManagementTokenAsync(KontextFixture.Owner);
        var name = $"p{Guid.NewGuid():n}"[..12];
        var integration = (string)(await world.MakeAsync("/integrations", owner, new JsonObject
        {
            ["name"] = name, ["url"] = provider.Url, ["category"] = "internal_mcp_credentials", ["authMode"] = "oauth", ["attachByDefault"] = true,
            ["oauth"] = new JsonObject { ["authorizationUrl"] = provider.Url + "/authorize", ["tokenUrl"] = provider.Url + "/token", ["clientId"] = "kontext" },
        }))["integration"]!["id"]!;
        using var alice = new FormBrowser();
        using var bob = new FormBrowser();
        await SignInAsync(bob, new Uri(world.Server.Url, "/login?organization=dev"), "bob");
        var token = (await agent.AuthorizeAsync(alice, await RegisterAsync(), "alice", agent.Gateway))["access_token"]!;
        var link = (await TestAgent.CallAsync(world.Server.Url, HttpMethod.Post, "/mcp/connect-session", token, new JsonObject()))["connectUrl"]!;
        // Her link in his browser.
        var opened = await bob.OpenAsync(new Uri(link));
        Assert.True((int)opened.Status >= 400, opened.Text);
        Assert.Null(opened.Document.QuerySelector("form[action^='/oauth/connect']"));

        // What the provider answers to her, in his browser, and then in nobody's.
        var state = await StartAsync(alice, integration, name);
        var answer = new Uri(world.Server.Url, $"/oauth/callback?code=hers&state={Uri.EscapeDataString(state)}");
        await FinishAsync(bob, answer);
        using (var nobody = new FormBrowser())
            await FinishAsync(nobody, answer);
        Assert.Empty(await ConnectionsAsync(owner, integration));
        // It is hers still.
        await FinishAsync(alice, answer);
        Assert.Equal("alice", Assert.Single(await ConnectionsAsync(owner, integration)));
        // And his own state in her browser connects neither.
        var his = new Uri(world.Server.Url, $"/oauth/callback?code=his&state={Uri.EscapeDataString(await StartAsync(bob, integration, name))}");
        await FinishAsync(alice, his);
        Assert.Equal("alice", Assert.Single(await ConnectionsAsync(owner, integration)));
    }

    [Fact]
    public async Task A_code_on_a_device_is_unknown_to_people_of_another_organization()
    {
        var owner = await agent.ManagementTokenAsync(KontextFixture.Owner);
        var created = await world.MakeAsync("/applications", owner, new JsonObject { ["name"] = ApiCalls.Unique("device"), ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri), ["deviceGrant"] = true } });
        var client = (string)created["oauth"]!["clientId"]!;
        var flow = new DeviceFlow(world.Server.Url);
        var started = await flow.StartAsync(client);
        using var gloria = await Visitor.SignInAsync(world.Server.Url, "gloria", "globex");
        var code = started["user_code"]!;
        var shown = await gloria.PostAsync("/device", [("csrf", gloria.Csrf), ("user_code", code)]);
        Assert.True((int)shown.Status >= 400, shown.Text);
        Assert.Null(shown.Page!.QuerySelector("button[value=approve]"));
        var decided = await gloria.PostAsync("/device/decision", [("csrf", gloria.Csrf), ("request", code), ("user_code", code), ("started", "yes"), ("decision", "approve"), ("action", "approve")]);
        Assert.True((int)decided.Status >= 400, decided.Text);
        Assert.True((await flow.PollAsync(client, started["device_code"]!))["error"] is "authorization_pending" or "slow_down");
        // One of another client's programs cannot fetch what is for this one.
        Assert.Equal("invalid_grant", (await flow.PollAsync(await RegisterAsync(), started["device_code"]!))["error"] is "invalid_grant" or "unauthorized_client" ? "invalid_grant" : "taken");
    }

    /// <summary>Goes all the way that a provider's answer leads to.</summary>
    private static async Task FinishAsync(FormBrowser browser, Uri answer)
    {
        var page = await browser.OpenAsync(answer);
        if (page.Document.QuerySelector("form[action*='/callback'] button") is { } finish)
            await browser.SubmitAsync(page, finish);
    }

    private async Task<string> StartAsync(FormBrowser browser, string integration, string name)
    {
        var page = await browser.OpenAsync(new Uri(world.Server.Url, "/integrations"));
        var form = page.Document.QuerySelectorAll("form").First(form => form.GetAttribute("action") == $"/integrations/{name}/connect" || form.GetAttribute("action") == $"/integrations/{integration}/connect");
        page = await browser.SubmitAsync(page, form.QuerySelector("button")!, null, target => target.Authority != world.Server.Url.Authority);
        var onward = page.Location ?? new Uri(page.Document.QuerySelector("a[href*='state=']")!.GetAttribute("href")!);
        return QueryHelpers.ParseQuery(onward.Query)["state"].ToString();
    }

    private async Task<List<string>> ConnectionsAsync(string owner, string integration) =>
        [.. (await agent.ApiAsync(HttpMethod.Get, $"/integrations/{integration}/connections", owner)).Json!["items"]!.AsArray().Select(item => (string?)item!["user"]?["name"] ?? (string?)item["userName"] ?? (string?)item["name"] ?? item.ToJsonString())];

    private async Task<BrowserPage> SignInAsync(FormBrowser browser, Uri url, string user)
    {
        var page = await browser.OpenAsync(url);
        return page.Document.QuerySelector("input[name=username]") is null ? page : await browser.SubmitAsync(page, "Sign in", new Dictionary<string, string> { ["username"] = user });
    }

    private Task<JsonAnswer> RedeemAsync(string client, string code, string verifier) =>
        agent.TokenAsync(new() { ["grant_type"] = "authorization_code", ["client_id"] = client, ["code"] = code, ["redirect_uri"] = TestAgent.RedirectUri, ["code_verifier"] = verifier });

    /// <summary>The person a token is for: the ID that a management token of theirs has.</summary>
    private async Task<string> NameAsync(string token)
    {
        var subject = (string?)Jwt.Payload(token)["sub"];
        foreach (var name in new[] { "bob", "carla" })
        {
            if ((string?)Jwt.Payload(await agent.ManagementTokenAsync(name))["sub"] == subject)
                return name;
        }
        return subject ?? "";
    }

    /// <summary>Sessions of a person with agents, that of the management token aside.</summary>
    private async Task<List<JsonNode?>> SessionsAsync(string user)
    {
        var token = await agent.ManagementTokenAsync(user);
        var all = (await agent.ApiAsync(HttpMethod.Get, "/me/sessions", token)).Json!["items"]!.AsArray();
        var commandLine = TestAgent.CommandLineClient[4..];
        return [.. all.Where(session => !session!.ToJsonString().Contains(commandLine, StringComparison.Ordinal))];
    }

    private async Task<string> RegisterAsync() => (await TestAgent.CallAsync(world.Server.Url, HttpMethod.Post, "/oauth2/register", null, new JsonObject
    {
        ["client_name"] = "Swapped", ["redirect_uris"] = new JsonArray(TestAgent.RedirectUri), ["token_endpoint_auth_method"] = "none", ["grant_types"] = new JsonArray("authorization_code", "refresh_token"),
    }))["client_id"]!;
}

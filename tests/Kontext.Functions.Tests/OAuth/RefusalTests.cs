using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>What a refused request must not do.</summary>
public sealed class RefusalTests(KontextFixture kontext)
{
    private readonly TestAgent agent = kontext.Agent;

    [Fact]
    public async Task A_refused_refresh_does_not_spend_the_token()
    {
        var client = await Clients.RegisterAsync(kontext, "Refused refresher");
        using var browser = new FormBrowser();
        var first = (await agent.AuthorizeAsync(browser, client, "rita", agent.Gateway))["refresh_token"]!;
        var second = (await RefreshAsync(client, first))["refresh_token"]!;
        Assert.Equal("invalid_target", (await RefreshAsync(client, second, resource: agent.Api))["error"]);
        Assert.Equal("invalid_scope", (await RefreshAsync(client, second, scope: "management:all"))["error"]);
        // Had a refusal rotated, the first token would now be two generations old and its use would end the session.
        Assert.Equal(HttpStatusCode.OK, (await RefreshAsync(client, first)).Status);
    }

    [Fact]
    public async Task A_sign_in_that_has_to_be_fresh_is_asked_for_once()
    {
        var client = await Clients.RegisterAsync(kontext, "Careful client");
        using var browser = new FormBrowser();
        var (url, _) = agent.AuthorizeUrl(client, agent.Gateway, more: new Dictionary<string, string> { ["max_age"] = "0" });
        Assert.NotEmpty((await TestAgent.DecideAsync(browser, url, "rita"))["code"]);
    }

    [Theory]
    [InlineData("bank\u202emoc.live")]
    [InlineData("a\nb")]
    [InlineData("invisible\u200b")]
    public async Task A_client_cannot_register_a_name_that_deceives(string name)
    {
        var answer = await TestAgent.CallAsync(kontext.Server.Url, HttpMethod.Post, "/oauth2/register", token: null, new JsonObject { ["client_name"] = name, ["redirect_uris"] = new JsonArray(TestAgent.RedirectUri) });
        Assert.Equal((HttpStatusCode.BadRequest, "invalid_client_metadata"), (answer.Status, answer["error"]));
    }

    private Task<JsonAnswer> RefreshAsync(string client, string token, string resource = "", string scope = "") =>
        agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = client, ["refresh_token"] = token, ["resource"] = resource, ["scope"] = scope });
}

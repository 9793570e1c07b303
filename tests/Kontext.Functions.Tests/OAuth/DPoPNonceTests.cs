using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>Nonces (RFC 9449 sections 8 and 9), where the installation demands them and where it does not.</summary>
public sealed class DPoPNonceTests(KontextFixture lenient) : IAsyncLifetime
{
    private readonly string keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;
    private readonly DPoPKey key = new();
    private KontextServer server = null!;
    private DPoPAgent agent = null!;

    public async ValueTask InitializeAsync()
    {
        server = await KontextServer.StartAsync("memory", keys, settings: new Dictionary<string, string> { ["Kontext__DPoPNonceRequired"] = "true" });
        agent = new DPoPAgent(server.Url, key);
    }

    public async ValueTask DisposeAsync()
    {
        agent.Dispose();
        key.Dispose();
        await server.DisposeAsync();
        Directory.Delete(keys, recursive: true);
    }

    [Fact]
    public async Task Where_nonces_are_demanded_a_client_learns_them_and_goes_on()
    {
        using var browser = new FormBrowser();
        var test = new TestAgent(server.Url);
        var (url, verifier) = test.AuthorizeUrl(TestAgent.CommandLineClient, test.Gateway, "openid mcp:invoke");
        var returned = await TestAgent.DecideAsync(browser, url, "alice");
        var form = new Dictionary<string, string> { ["grant_type"] = "authorization_code", ["client_id"] = TestAgent.CommandLineClient, ["code"] = returned["code"], ["code_verifier"] = verifier };

        var asked = await agent.TokenAsync(form);
        Assert.Equal((HttpStatusCode.BadRequest, "use_dpop_nonce"), (asked.Status, asked["error"]));
        var tokens = await agent.TokenAsync(form, [key.Proof("POST", agent.TokenEndpoint, nonce: NonceOf(asked))]);
        Assert.Equal((HttpStatusCode.OK, "DPoP"), (tokens.Status, tokens["token_type"]));

        var token = tokens["access_token"]!;
        var refused = await agent.CallAsync(HttpMethod.Post, "/mcp", token, body: Message);
        Assert.Equal(HttpStatusCode.Unauthorized, refused.Status);
        Assert.Contains("error=\"use_dpop_nonce\"", refused.Headers.WwwAuthenticate.Single(challenge => challenge.Scheme == "DPoP").Parameter, StringComparison.Ordinal);
        var listed = await agent.CallAsync(HttpMethod.Post, "/mcp", token, [key.Proof("POST", agent.At("/mcp"), token, NonceOf(refused))], Message);
        Assert.Equal(HttpStatusCode.OK, listed.Status);
        var userinfo = await agent.CallAsync(HttpMethod.Get, "/oauth2/userinfo", token, [key.Proof("GET", agent.At("/oauth2/userinfo"), token, NonceOf(listed))]);
        Assert.Equal(HttpStatusCode.OK, userinfo.Status);
        NonceOf(userinfo);
    }

    [Fact]
    public async Task A_nonce_that_was_made_up_is_refused_and_another_given()
    {
        var answer = await agent.RefreshAsync(TestAgent.CommandLineClient, "none", [key.Proof("POST", agent.TokenEndpoint, nonce: "made-up")]);
        Assert.Equal((HttpStatusCode.BadRequest, "use_dpop_nonce"), (answer.Status, answer["error"]));
        var next = await agent.RefreshAsync(TestAgent.CommandLineClient, "none", [key.Proof("POST", agent.TokenEndpoint, nonce: NonceOf(answer))]);
        Assert.Equal("invalid_grant", next["error"]);
    }

    [Fact]
    public async Task A_nonce_that_is_no_text_makes_the_proof_invalid()
    {
        var answer = await agent.RefreshAsync(TestAgent.CommandLineClient, "none", [key.Proof("POST", agent.TokenEndpoint, change: (_, claims) => claims["nonce"] = 7)]);
        Assert.Equal("invalid_dpop_proof", answer["error"]);
    }

    [Fact]
    public async Task Bearer_clients_are_not_concerned()
    {
        var test = new TestAgent(server.Url);
        using var browser = new FormBrowser();
        var tokens = await test.AuthorizeAsync(browser, TestAgent.CommandLineClient, "alice", test.Gateway);
        Assert.Equal("Bearer", tokens["token_type"]);
        Assert.False(tokens.Headers.Contains("DPoP-Nonce"));
        Assert.Equal(HttpStatusCode.OK, (await test.McpAsync(tokens["access_token"]!, "tools/list")).Status);
    }

    [Fact]
    public async Task Where_nonces_are_not_demanded_a_wrong_one_is_still_refused()
    {
        using var other = new DPoPAgent(lenient.Server.Url, key);
        var answer = await other.RefreshAsync(TestAgent.CommandLineClient, "none", [key.Proof("POST", other.TokenEndpoint, nonce: "made-up")]);
        Assert.Equal((HttpStatusCode.BadRequest, "use_dpop_nonce"), (answer.Status, answer["error"]));
        var next = await other.RefreshAsync(TestAgent.CommandLineClient, "none", [key.Proof("POST", other.TokenEndpoint, nonce: NonceOf(answer))]);
        Assert.Equal("invalid_grant", next["error"]);
        Assert.False(next.Headers.Contains("DPoP-Nonce"));
    }

    private static JsonObject Message => new() { ["jsonrpc"] = "2.0", ["id"] = 1, ["method"] = "tools/list", ["params"] = new JsonObject() };

    private static string NonceOf(JsonAnswer answer) => Assert.Single(answer.Headers.GetValues("DPoP-Nonce"));
}

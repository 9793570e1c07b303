using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>Bound tokens at everything that takes access tokens (RFC 9449 section 7): the gateway, the management API, userinfo.</summary>
public sealed class DPoPResourceTests(KontextFixture kontext) : IAsyncLifetime
{
    private const string Mcp = "/mcp";
    private readonly DPoPKey key = new();
    private readonly DPoPKey other = new();
    private DPoPAgent agent = null!;
    private string client = "";
    private string token = "";

    public async ValueTask InitializeAsync()
    {
        agent = new DPoPAgent(kontext.Server.Url, key);
        client = await Clients.RegisterAsync(kontext, "Agent with a key");
        token = (await agent.AuthorizeAsync(client, "alice", kontext.Agent.Gateway, "openid mcp:invoke"))["access_token"]!;
    }

    public ValueTask DisposeAsync()
    {
        agent.Dispose();
        key.Dispose();
        other.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_bound_token_with_a_proof_of_its_key_works_everywhere()
    {
        Assert.Equal(HttpStatusCode.OK, (await ListAsync()).Status);
        Assert.NotNull((await agent.CallAsync(HttpMethod.Get, "/oauth2/userinfo", token))["sub"]);
        Assert.Equal(HttpStatusCode.OK, (await agent.CallAsync(HttpMethod.Get, "/mcp/integrations", token)).Status);
        var tokens = await agent.AuthorizeAsync(TestAgent.CommandLineClient, KontextFixture.Owner, kontext.Agent.Api, "openid management:all");
        Assert.Equal(HttpStatusCode.OK, (await agent.CallAsync(HttpMethod.Get, "/api/v1/applications", tokens["access_token"]!)).Status);
    }

    [Fact]
    public async Task The_name_of_the_scheme_is_read_whatever_its_case() => Assert.Equal(HttpStatusCode.OK, (await agent.CallAsync(HttpMethod.Post, Mcp, token, body: Message, scheme: "dpop")).Status);

    [Fact]
    public async Task A_bound_token_sent_as_Bearer_is_refused()
    {
        RefusedWith("invalid_token", "Bearer", await agent.CallAsync(HttpMethod.Post, Mcp, token, [], Message, "Bearer"));
        RefusedWith("invalid_token", "Bearer", await agent.CallAsync(HttpMethod.Post, Mcp, token, body: Message, scheme: "Bearer"));
    }

    [Fact]
    public async Task An_unbound_token_sent_as_DPoP_is_refused()
    {
        using var browser = new FormBrowser();
        var bearer = (await kontext.Agent.AuthorizeAsync(browser, client, "alice", kontext.Agent.Gateway))["access_token"]!;
        RefusedWith("invalid_token", "DPoP", await agent.CallAsync(HttpMethod.Post, Mcp, bearer, body: Message));
        Assert.Equal(HttpStatusCode.OK, (await kontext.Agent.McpAsync(bearer, "tools/list")).Status);
    }

    [Fact]
    public async Task A_request_without_proof_is_refused() => RefusedWith("invalid_dpop_proof", "DPoP", await ListAsync([]));

    [Fact]
    public async Task A_request_with_two_proofs_is_refused() => RefusedWith("invalid_dpop_proof", "DPoP", await ListAsync([Proof(), Proof()]));

    [Fact]
    public async Task A_proof_without_ath_is_refused() => RefusedWith("invalid_dpop_proof", "DPoP", await ListAsync([Proof((_, claims) => claims.Remove("ath"))]));

    [Fact]
    public async Task A_proof_with_the_ath_of_another_token_is_refused() => RefusedWith("invalid_dpop_proof", "DPoP", await ListAsync([key.Proof("POST", agent.At(Mcp), token + "x")]));

    [Fact]
    public async Task A_proof_of_another_key_is_refused() => RefusedWith("invalid_token", "DPoP", await ListAsync([other.Proof("POST", agent.At(Mcp), token)]));

    [Fact]
    public async Task A_proof_for_another_method_is_refused() => RefusedWith("invalid_dpop_proof", "DPoP", await ListAsync([key.Proof("GET", agent.At(Mcp), token)]));

    [Fact]
    public async Task A_proof_for_another_address_is_refused() => RefusedWith("invalid_dpop_proof", "DPoP", await ListAsync([key.Proof("POST", agent.At("/mcp/github"), token)]));

    [Fact]
    public async Task A_proof_for_the_host_that_the_request_names_is_refused()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, agent.At("/oauth2/userinfo"));
        request.Headers.Host = "evil.example";
        request.Headers.Authorization = new AuthenticationHeaderValue("DPoP", token);
        request.Headers.Add("DPoP", key.Proof("GET", "http://evil.example/oauth2/userinfo", token));
        using var answer = await kontext.Server.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Contains("invalid_dpop_proof", answer.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-3600)]
    [InlineData(3600)]
    public async Task An_old_or_early_proof_is_refused(int seconds) =>
        RefusedWith("invalid_dpop_proof", "DPoP", await ListAsync([Proof((_, claims) => claims["iat"] = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() + seconds)]));

    [Fact]
    public async Task A_query_is_no_part_of_what_is_proven() => Assert.Equal(HttpStatusCode.OK, (await agent.CallAsync(HttpMethod.Post, "/mcp?mode=search", token, [Proof()], Message)).Status);

    [Fact]
    public async Task A_replayed_proof_is_refused()
    {
        var proof = Proof();
        Assert.Equal(HttpStatusCode.OK, (await ListAsync([proof])).Status);
        RefusedWith("invalid_dpop_proof", "DPoP", await ListAsync([proof]));
    }

    [Fact]
    public async Task Of_many_uses_of_one_proof_at_once_one_is_accepted()
    {
        var proof = Proof();
        var answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => ListAsync([proof])));
        Assert.Single(answers, answer => answer.Status == HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_token_that_is_none_is_refused_before_its_proof_is_looked_at() => RefusedWith("invalid_token", "DPoP", await agent.CallAsync(HttpMethod.Post, Mcp, "none", ["none"], Message));

    [Fact]
    public async Task Userinfo_and_the_API_refuse_a_wrong_proof_with_401_in_their_own_words()
    {
        var userinfo = await agent.CallAsync(HttpMethod.Get, "/oauth2/userinfo", token, [Proof()]);
        RefusedWith("invalid_dpop_proof", "DPoP", userinfo);
        Assert.Equal("invalid_dpop_proof", userinfo["error"]);
        var tokens = await agent.AuthorizeAsync(TestAgent.CommandLineClient, KontextFixture.Owner, kontext.Agent.Api, "openid management:all");
        var api = await agent.CallAsync(HttpMethod.Get, "/api/v1/applications", tokens["access_token"]!, [Proof()]);
        RefusedWith("invalid_dpop_proof", "DPoP", api);
        Assert.Equal("kontext_authorization_required", api["code"]);
        RefusedWith("invalid_token", "Bearer", await agent.CallAsync(HttpMethod.Get, "/api/v1/applications", tokens["access_token"]!, [], scheme: "Bearer"));
    }

    [Theory]
    [InlineData("/mcp")]
    [InlineData("/oauth2/userinfo")]
    [InlineData("/api/v1/applications")]
    public async Task Who_sends_no_token_is_offered_both_schemes(string path)
    {
        using var answer = await kontext.Server.Http.SendAsync(new HttpRequestMessage(path == "/mcp" ? HttpMethod.Post : HttpMethod.Get, path));
        var challenges = answer.Headers.WwwAuthenticate.ToList();
        Assert.Equal(["Bearer", "DPoP"], challenges.Select(challenge => challenge.Scheme));
        Assert.Contains("algs=\"ES256 ES384 ES512 PS256 RS256\"", challenges[1].Parameter, StringComparison.Ordinal);
        Assert.DoesNotContain("error", answer.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Browser_based_clients_may_send_proofs_and_read_nonces()
    {
        using var asked = new HttpRequestMessage(HttpMethod.Options, "/oauth2/token");
        asked.Headers.Add("Origin", "https://inspector.example");
        asked.Headers.Add("Access-Control-Request-Method", "POST");
        asked.Headers.Add("Access-Control-Request-Headers", "dpop");
        using var allowed = await kontext.Server.Http.SendAsync(asked);
        Assert.Equal("dpop", string.Join(',', allowed.Headers.GetValues("Access-Control-Allow-Headers")).ToLowerInvariant());

        using var sent = new HttpRequestMessage(HttpMethod.Get, "/oauth2/userinfo");
        sent.Headers.Add("Origin", "https://inspector.example");
        using var answer = await kontext.Server.Http.SendAsync(sent);
        Assert.Contains("DPoP-Nonce", string.Join(',', answer.Headers.GetValues("Access-Control-Expose-Headers")), StringComparison.Ordinal);

        using var gateway = new HttpRequestMessage(HttpMethod.Post, "/mcp");
        gateway.Headers.Add("Origin", kontext.Server.Url.OriginalString.TrimEnd('/'));
        using var challenged = await kontext.Server.Http.SendAsync(gateway);
        Assert.Contains("DPoP-Nonce", string.Join(',', challenged.Headers.GetValues("Access-Control-Expose-Headers")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_metadata_of_protected_resources_names_the_algorithms()
    {
        var answer = await TestAgent.CallAsync(kontext.Server.Url, HttpMethod.Get, "/.well-known/oauth-protected-resource/mcp", null);
        Assert.Equal(["ES256", "ES384", "ES512", "PS256", "RS256"], answer.Json!["dpop_signing_alg_values_supported"]!.AsArray().Select(name => (string?)name));
    }

    private static JsonObject Message => new() { ["jsonrpc"] = "2.0", ["id"] = 1, ["method"] = "tools/list", ["params"] = new JsonObject() };

    private string Proof(Action<JsonObject, JsonObject>? change = null) => key.Proof("POST", agent.At(Mcp), token, change: change);

    private Task<JsonAnswer> ListAsync(IReadOnlyList<string>? proofs = null) => agent.CallAsync(HttpMethod.Post, Mcp, token, proofs, Message);

    private static void RefusedWith(string error, string scheme, JsonAnswer answer)
    {
        Assert.Equal(HttpStatusCode.Unauthorized, answer.Status);
        var challenge = answer.Headers.WwwAuthenticate.Single(candidate => candidate.Scheme == scheme);
        Assert.Contains($"error=\"{error}\"", challenge.Parameter, StringComparison.Ordinal);
        Assert.All(answer.Headers.WwwAuthenticate.Where(candidate => candidate.Scheme != scheme), candidate => Assert.DoesNotContain("error=", candidate.Parameter ?? "", StringComparison.Ordinal));
    }
}

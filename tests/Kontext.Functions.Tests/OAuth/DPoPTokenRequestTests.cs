using System.Buffers.Text;
using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>Proofs at the token endpoint (RFC 9449 sections 4.3 and 5): what is accepted, and everything that is not. A request whose proof is accepted gets as far as its refresh token, which is none.</summary>
public sealed class DPoPTokenRequestTests(KontextFixture kontext) : IDisposable
{
    private readonly DPoPKey key = new();
    private readonly DPoPKey other = new();

    private string TokenEndpoint => kontext.Server.Url.OriginalString.TrimEnd('/') + "/oauth2/token";

    private static long Now => TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();

    public void Dispose()
    {
        key.Dispose();
        other.Dispose();
    }

    [Fact]
    public Task A_good_proof_is_accepted() => AcceptedAsync(Proof());

    [Theory]
    [InlineData("ES256")]
    [InlineData("ES384")]
    [InlineData("ES512")]
    [InlineData("PS256")]
    [InlineData("RS256")]
    public async Task Every_advertised_algorithm_is_accepted(string algorithm)
    {
        using var signer = new DPoPKey(algorithm);
        await AcceptedAsync(signer.Proof("POST", TokenEndpoint));
        var metadata = await TestAgent.CallAsync(kontext.Server.Url, HttpMethod.Get, "/.well-known/oauth-authorization-server", null);
        Assert.Contains(algorithm, metadata.Json!["dpop_signing_alg_values_supported"]!.AsArray().Select(name => (string?)name));
    }

    [Fact]
    public Task The_name_of_the_header_is_read_whatever_its_case() => AcceptedAsync([Proof()], "DPOP");

    [Fact]
    public Task The_name_of_the_type_is_read_whatever_its_case() => AcceptedAsync(Proof((header, _) => header["typ"] = "DPoP+JWT"));

    [Fact]
    public Task Header_members_and_claims_nobody_knows_are_ignored() => AcceptedAsync(Proof((header, claims) => (header["kid"], claims["exp"], claims["sub"], claims["list"]) = ("1", 1, "me", new JsonArray(1, 2))));

    [Fact]
    public Task A_query_and_a_fragment_in_htu_are_ignored() => AcceptedAsync(Proof((_, claims) => claims["htu"] = TokenEndpoint + "?a=b#c"));

    [Fact]
    public Task The_case_of_scheme_and_host_in_htu_does_not_matter() => AcceptedAsync(Proof((_, claims) => claims["htu"] = TokenEndpoint.Replace("http://", "HTTP://", StringComparison.Ordinal)));

    [Theory]
    [InlineData(-10)]
    [InlineData(10)]
    [InlineData(-50)]
    [InlineData(50)]
    public Task A_clock_that_is_a_little_off_is_accepted(int seconds) => AcceptedAsync(Proof((_, claims) => claims["iat"] = Now + seconds));

    [Theory]
    [InlineData(-3600)]
    [InlineData(3600)]
    [InlineData(-90)]
    [InlineData(90)]
    public Task A_clock_that_is_far_off_is_refused(int seconds) => RefusedAsync(Proof((_, claims) => claims["iat"] = Now + seconds));

    [Fact]
    public Task A_proof_without_typ_is_refused() => RefusedAsync(Proof((header, _) => header.Remove("typ")));

    [Fact]
    public Task A_proof_of_another_type_is_refused() => RefusedAsync(Proof((header, _) => header["typ"] = "JWT"));

    [Fact]
    public Task A_proof_without_alg_is_refused() => RefusedAsync(Proof((header, _) => header.Remove("alg")));

    [Fact]
    public Task A_proof_without_jwk_is_refused() => RefusedAsync(Proof((header, _) => header.Remove("jwk")));

    [Fact]
    public Task A_proof_with_kid_instead_of_jwk_is_refused() => RefusedAsync(Proof((header, _) => (header["kid"], header["jwk"]) = ("1", null)));

    [Fact]
    public Task A_proof_with_a_private_jwk_is_refused() => RefusedAsync(Proof((header, _) => header["jwk"]!["d"] = key.PrivateMember));

    [Fact]
    public Task A_proof_with_a_shared_jwk_is_refused() => RefusedAsync(Proof((header, _) => header["jwk"] = new JsonObject { ["kty"] = "oct", ["k"] = "c2VjcmV0" }));

    [Fact]
    public Task A_proof_without_jti_is_refused() => RefusedAsync(Proof((_, claims) => claims.Remove("jti")));

    [Fact]
    public Task A_proof_with_an_empty_jti_is_refused() => RefusedAsync(Proof((_, claims) => claims["jti"] = ""));

    [Fact]
    public Task A_proof_with_a_jti_that_is_no_text_is_refused() => RefusedAsync(Proof((_, claims) => claims["jti"] = 7));

    [Fact]
    public Task A_proof_without_htm_is_refused() => RefusedAsync(Proof((_, claims) => claims.Remove("htm")));

    [Fact]
    public Task A_proof_with_another_htm_is_refused() => RefusedAsync(Proof((_, claims) => claims["htm"] = "GET"));

    [Fact]
    public Task A_proof_with_htm_in_another_case_is_refused() => RefusedAsync(Proof((_, claims) => claims["htm"] = "post"));

    [Fact]
    public Task A_proof_without_htu_is_refused() => RefusedAsync(Proof((_, claims) => claims.Remove("htu")));

    [Fact]
    public Task A_proof_with_the_htu_of_another_endpoint_is_refused() => RefusedAsync(Proof((_, claims) => claims["htu"] = TokenEndpoint + "s"));

    [Fact]
    public Task A_proof_with_the_htu_of_another_server_is_refused() => RefusedAsync(Proof((_, claims) => claims["htu"] = "https://elsewhere.example/oauth2/token"));

    [Fact]
    public Task A_proof_with_a_relative_htu_is_refused() => RefusedAsync(Proof((_, claims) => claims["htu"] = "/oauth2/token"));

    [Fact]
    public Task A_proof_without_iat_is_refused() => RefusedAsync(Proof((_, claims) => claims.Remove("iat")));

    [Fact]
    public Task A_proof_with_iat_as_text_is_refused() => RefusedAsync(Proof((_, claims) => claims["iat"] = "1562262616"));

    [Theory]
    [InlineData("none")]
    [InlineData("None")]
    [InlineData("nOnE")]
    public Task An_unsigned_proof_is_refused(string algorithm) => RefusedAsync(Unsigned(algorithm));

    [Theory]
    [InlineData("HS256")]
    [InlineData("EdDSA")]
    [InlineData("ES256K")]
    [InlineData("RS384")]
    public Task An_algorithm_that_is_not_advertised_is_refused(string algorithm) => RefusedAsync(Proof((header, _) => header["alg"] = algorithm));

    [Fact]
    public async Task RS384_is_refused_even_when_it_is_signed_so()
    {
        using var signer = new DPoPKey("RS384");
        await RefusedAsync(signer.Proof("POST", TokenEndpoint));
    }

    [Fact]
    public Task An_algorithm_that_does_not_suit_the_key_is_refused() => RefusedAsync(Proof((header, _) => header["alg"] = "ES384"));

    [Fact]
    public Task A_signature_of_another_key_is_refused() => RefusedAsync(other.Proof("POST", TokenEndpoint, change: (header, _) => header["jwk"] = key.Jwk.DeepClone()));

    [Fact]
    public async Task A_signature_that_was_cut_off_is_refused()
    {
        for (var length = 1; length <= 8; length++)
            await RefusedAsync(Proof()[..^length]);
    }

    [Fact]
    public Task A_payload_that_was_changed_is_refused()
    {
        var (one, two) = (Proof().Split('.'), Proof().Split('.'));
        return RefusedAsync($"{one[0]}.{two[1]}.{one[2]}");
    }

    [Fact]
    public Task A_point_beside_the_curve_is_refused() => RefusedAsync(Proof((header, _) => header["jwk"]!["y"] = header["jwk"]!["x"]!.DeepClone()));

    [Fact]
    public Task A_proof_that_names_an_extension_is_refused() => RefusedAsync(Proof((header, _) => header["crit"] = new JsonArray("b64")));

    [Fact]
    public Task A_header_with_a_member_twice_is_refused() => RefusedAsync(key.Sign(
        $$"""{"typ":"dpop+jwt","alg":"ES256","jwk":{{other.Jwk.ToJsonString()}},"jwk":{{key.Jwk.ToJsonString()}}}""", $$"""{"jti":"1","htm":"POST","htu":"{{TokenEndpoint}}","iat":{{Now}}}"""));

    [Theory]
    [InlineData("no jwt")]
    [InlineData("a.b.c")]
    [InlineData("W10.W10.AA")]
    [InlineData("e30.e30.AA")]
    [InlineData("..")]
    [InlineData(" ")]
    public Task What_is_no_JWT_is_refused(string text) => RefusedAsync(text);

    [Fact]
    public Task Two_proofs_are_refused() => RefusedAsync(Proof(), Proof());

    [Fact]
    public Task Two_proofs_in_one_header_are_refused() => RefusedAsync($"{Proof()}, {Proof()}");

    [Fact]
    public async Task A_replayed_proof_is_refused()
    {
        var (proof, basic) = (Proof(), await ServiceAccountAsync());
        Assert.Equal(HttpStatusCode.OK, (await CredentialsAsync(proof, basic)).Status);
        var replayed = await CredentialsAsync(proof, basic);
        Assert.Equal((HttpStatusCode.BadRequest, "invalid_dpop_proof"), (replayed.Status, replayed["error"]));
    }

    [Fact]
    public async Task A_jti_used_twice_is_refused_whatever_else_differs()
    {
        var (jti, basic) = (Guid.NewGuid().ToString(), await ServiceAccountAsync());
        Assert.Equal(HttpStatusCode.OK, (await CredentialsAsync(Proof((_, claims) => claims["jti"] = jti), basic)).Status);
        Assert.Equal("invalid_dpop_proof", (await CredentialsAsync(Proof((_, claims) => (claims["jti"], claims["iat"]) = (jti, Now - 5)), basic))["error"]);
        Assert.Equal(HttpStatusCode.OK, (await CredentialsAsync(other.Proof("POST", TokenEndpoint, change: (_, claims) => claims["jti"] = jti), basic)).Status);
    }

    [Fact]
    public async Task Of_many_uses_of_one_proof_at_once_one_gets_a_token()
    {
        var (proof, basic) = (Proof(), await ServiceAccountAsync());
        var answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => CredentialsAsync(proof, basic)));
        Assert.Single(answers, answer => answer.Status == HttpStatusCode.OK);
        Assert.Equal(15, answers.Count(answer => answer["error"] == "invalid_dpop_proof"));
    }

    [Fact]
    public async Task A_proof_of_a_request_that_got_nothing_is_not_spent()
    {
        var (proof, basic) = (Proof(), await ServiceAccountAsync());
        await AcceptedAsync(proof);
        Assert.Equal(HttpStatusCode.OK, (await CredentialsAsync(proof, basic)).Status);
    }

    [Fact]
    public async Task A_refused_proof_spends_neither_code_nor_verifier()
    {
        var client = await Clients.RegisterAsync(kontext, "Agent with a key");
        using var agent = new DPoPAgent(kontext.Server.Url, key);
        using var browser = new FormBrowser();
        var (url, verifier) = kontext.Agent.AuthorizeUrl(client, kontext.Agent.Gateway);
        var returned = await TestAgent.DecideAsync(browser, url, "alice");
        var form = new Dictionary<string, string> { ["grant_type"] = "authorization_code", ["client_id"] = client, ["code"] = returned["code"], ["code_verifier"] = verifier };
        Assert.Equal("invalid_dpop_proof", (await agent.TokenAsync(form, [Proof((_, claims) => claims["htm"] = "GET")]))["error"]);
        Assert.Equal("DPoP", (await agent.TokenAsync(form))["token_type"]);
    }

    private string Proof(Action<JsonObject, JsonObject>? change = null) => key.Proof("POST", TokenEndpoint, change: change);

    private string Unsigned(string algorithm)
    {
        var parts = Proof((header, _) => header["alg"] = algorithm).Split('.');
        Assert.Equal(algorithm, (string?)JsonNode.Parse(Base64Url.DecodeFromChars(parts[0]))!["alg"]);
        return $"{parts[0]}.{parts[1]}.";
    }

    private async Task<string> ServiceAccountAsync()
    {
        var created = await kontext.Agent.ApiAsync(HttpMethod.Post, "/service-accounts", kontext.OwnerToken, new JsonObject { ["name"] = Api.ApiCalls.Unique("ci") });
        var credentials = created.Json!["credentials"]!;
        return $"{(string)credentials["clientId"]!}:{(string)credentials["clientSecret"]!}";
    }

    private async Task<JsonAnswer> CredentialsAsync(string proof, string basic)
    {
        using var agent = new DPoPAgent(kontext.Server.Url, key);
        return await agent.TokenAsync(new() { ["grant_type"] = "client_credentials" }, [proof], basic);
    }

    private Task AcceptedAsync(string proof) => AcceptedAsync([proof], "DPoP");

    private async Task AcceptedAsync(IReadOnlyList<string> proofs, string headerName)
    {
        var answer = await SendAsync(proofs, headerName);
        Assert.Equal((HttpStatusCode.BadRequest, "invalid_grant"), (answer.Status, answer["error"]));
    }

    private async Task RefusedAsync(params IReadOnlyList<string> proofs)
    {
        var answer = await SendAsync(proofs, "DPoP");
        Assert.Equal((HttpStatusCode.BadRequest, "invalid_dpop_proof"), (answer.Status, answer["error"]));
        Assert.NotEmpty(answer["error_description"]!);
        Assert.Empty(answer.Headers.WwwAuthenticate);
    }

    private async Task<JsonAnswer> SendAsync(IReadOnlyList<string> proofs, string headerName)
    {
        using var agent = new DPoPAgent(kontext.Server.Url, key);
        return await agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = TestAgent.CommandLineClient, ["refresh_token"] = "none" }, proofs, headerName: headerName);
    }
}

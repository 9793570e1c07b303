using System.Buffers.Text;
using System.Net;
using System.Numerics;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Api;
using Kontext.Functions.Tests.OAuth;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Hostile;

/// <summary>Tokens that were bent rather than forged, on every taker of tokens: beside the forgeries of <see cref="ForgedTokenTests"/> and the claims of <see cref="ClientAssertionTests"/>.</summary>
public sealed class TokenAttackTests(KontextFixture kontext)
{
    private const string Exchange = "urn:ietf:params:oauth:grant-type:token-exchange";

    // The order of P-256.
    private static readonly BigInteger Order = BigInteger.Parse("0FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture);

    private readonly TestAgent agent = kontext.Agent;

    [Fact]
    public async Task A_token_that_was_bent_is_refused_by_every_taker()
    {
        using var browser = new FormBrowser();
        var client = await Clients.RegisterAsync(kontext, "Bent");
        var tokens = await agent.AuthorizeAsync(browser, client, "alice", agent.Gateway, "openid mcp:invoke offline_access");
        var token = tokens["access_token"]!;
        var (header, payload, signature) = (token.Split('.')[0], token.Split('.')[1], token.Split('.')[2]);
        var raw = Base64Url.DecodeFromChars(signature);
        var (r, s) = (raw[..32], raw[32..]);
        var claims = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(payload));
        var bent = new Dictionary<string, string>
        {
            ["DER instead of two numbers"] = $"{header}.{payload}.{Base64Url.EncodeToString(Der(r, s))}",
            ["a truncated signature"] = $"{header}.{payload}.{Base64Url.EncodeToString(raw.AsSpan(0, 63))}",
            ["a longer signature"] = $"{header}.{payload}.{Base64Url.EncodeToString([.. raw, 0])}",
            ["r and s are zero"] = $"{header}.{payload}.{Base64Url.EncodeToString(new byte[64])}",
            ["s is zero"] = $"{header}.{payload}.{Base64Url.EncodeToString([.. r, .. new byte[32]])}",
            ["r and s swapped"] = $"{header}.{payload}.{Base64Url.EncodeToString([.. s, .. r])}",
            ["r and s are the order"] = $"{header}.{payload}.{Base64Url.EncodeToString([.. Bytes(Order), .. Bytes(Order)])}",
            ["no signature"] = $"{header}.{payload}.",
            ["spare bits"] = $"{header}.{payload}.{signature[..^1]}{(char)(signature[^1] + 1)}",
            ["padding"] = $"{header}.{payload}.{signature}==",
            ["plain base64"] = $"{header}.{payload}.{Convert.ToBase64String(raw)}",
            ["a line feed"] = $"{header}.{payload}\n.{signature}",
            ["a claim twice"] = $"{header}.{Encode(claims[..^1] + ",\"sub\":\"somebody-else\"}")}.{signature}",
            ["half a character"] = $"{Encode("{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"\\ud800\"}")}.{payload}.{signature}",
            ["a header that is a list"] = $"{Encode("[]")}.{payload}.{signature}",
            ["a payload that is a number"] = $"{header}.{Encode("1")}.{signature}",
            ["a deep header"] = $"{Encode(new string('[', 10_000) + new string(']', 10_000))}.{payload}.{signature}",
            ["a JWE"] = $"{Encode("{\"alg\":\"dir\",\"enc\":\"A256GCM\"}")}..AAAAAAAAAAAAAAAA.{payload}.{signature}",
            ["a compressed JWE"] = $"{Encode("{\"alg\":\"PBES2-HS256+A128KW\",\"enc\":\"A128CBC-HS256\",\"zip\":\"DEF\",\"p2c\":2147483647,\"p2s\":\"AA\"}")}.AA.AA.AA.AA",
            ["two dots more"] = $"{token}..",
            ["nothing but dots"] = "..",
            ["six thousand characters"] = $"{header}.{new string('A', 6000)}.{signature}",
            ["a JWS in JSON"] = $"{{\"payload\":\"{payload}\",\"signatures\":[{{\"protected\":\"{header}\",\"signature\":\"{signature}\"}}]}}",
            ["an ID token"] = tokens["id_token"]!,
            ["a refresh token"] = tokens["refresh_token"]!,
            ["a token in the wrong place"] = "Bearer " + token,
        };
        foreach (var (what, forged) in bent)
            await RefusedAsync(what, client, forged);
        // And as it was, it is good.
        Assert.Equal(HttpStatusCode.OK, (await agent.McpAsync(token, "tools/list")).Status);
    }

    /// <summary>ECDSA lets everybody turn a signature into a second one of the same text. The token is the same, so what was revoked stays so.</summary>
    [Fact]
    public async Task A_second_signature_of_a_revoked_token_brings_it_back_nowhere()
    {
        using var browser = new FormBrowser();
        var client = await Clients.RegisterAsync(kontext, "Malleable");
        var tokens = await agent.AuthorizeAsync(browser, client, "alice", agent.Gateway);
        var token = tokens["access_token"]!;
        var raw = Base64Url.DecodeFromChars(token.Split('.')[2]);
        var second = $"{token[..token.LastIndexOf('.')]}.{Base64Url.EncodeToString([.. raw[..32], .. Bytes(Order - new BigInteger(raw.AsSpan(32), isUnsigned: true, isBigEndian: true))])}";
        var before = await agent.McpAsync(second, "tools/list");
        Assert.True(before.Status is HttpStatusCode.OK or HttpStatusCode.Unauthorized);
        using (var revoked = await kontext.Server.Http.PostAsync(new Uri("/oauth2/revoke", UriKind.Relative), new FormUrlEncodedContent(new Dictionary<string, string> { ["client_id"] = client, ["token"] = tokens["refresh_token"]! })))
            Assert.Equal(HttpStatusCode.OK, revoked.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(token, "tools/list")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(second, "tools/list")).Status);
    }

    /// <summary>Audience and kind decide where a token is good (RFC 9068 section 4, RFC 8725 section 3.12).</summary>
    [Fact]
    public async Task A_good_token_is_good_in_its_own_place_only()
    {
        using var browser = new FormBrowser();
        var client = await Clients.RegisterAsync(kontext, "Elsewhere");
        var gateway = (await agent.AuthorizeAsync(browser, client, "alice", agent.Gateway))["access_token"]!;
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.ApiAsync(HttpMethod.Get, "/applications", gateway)).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(kontext.OwnerToken, "tools/list")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await TestAgent.CallAsync(kontext.Server.Url, HttpMethod.Get, "/proxy/x/y", kontext.OwnerToken)).Status);
        var (_, other) = await kontext.ApplicationAsync();
        Assert.NotEqual(HttpStatusCode.OK, (await agent.ExchangeAsync((string)other.Json!["oauth"]!["clientId"]!, gateway, "mcp-gateway")).Status);
        foreach (var type in new[] { "id_token", "refresh_token", "jwt", "saml2" })
        {
            var answer = await agent.TokenAsync(new() { ["grant_type"] = Exchange, ["client_id"] = client, ["subject_token"] = gateway, ["subject_token_type"] = "urn:ietf:params:oauth:token-type:" + type, ["resource"] = "mcp-gateway" });
            Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        }
    }

    [Fact]
    public async Task A_bent_assertion_authenticates_no_client()
    {
        using var key = new TestKey();
        var registered = await TestAgent.CallAsync(kontext.Server.Url, HttpMethod.Post, "/oauth2/register", null, new JsonObject { ["redirect_uris"] = new JsonArray(TestAgent.RedirectUri), ["token_endpoint_auth_method"] = "private_key_jwt", ["jwks"] = key.Jwks() });
        var client = registered["client_id"]!;
        string Good() => key.Sign(TestKey.Claims(client, kontext.Server.Url.OriginalString.TrimEnd('/'), TimeProvider.System.GetUtcNow().AddMinutes(2)));
        // As it should be, the client is known and only its refresh token is not.
        Assert.Equal("invalid_grant", (await PresentAsync(Good()))["error"]);
        var (header, payload, signature) = (Good().Split('.')[0], Good().Split('.')[1], Base64Url.DecodeFromChars(Good().Split('.')[2]));
        foreach (var bent in new[]
        {
            $"{header}.{payload}.{Base64Url.EncodeToString(Der(signature[..32], signature[32..]))}", $"{header}.{payload}.{Base64Url.EncodeToString(new byte[64])}", $"{header}.{payload}.{Base64Url.EncodeToString(signature.AsSpan(0, 40))}", $"{header}.{payload}.",
            $"{Encode("{\"alg\":\"ES256\",\"jku\":\"https://evil.example/\",\"kid\":\"../../x\"}")}.{payload}.{Base64Url.EncodeToString(signature)}", $"{Encode("{\"alg\":\"none\"}")}.{payload}.", $"{Encode("{\"alg\":\"dir\",\"enc\":\"A256GCM\"}")}..AAAA.{payload}.AAAA",
            $"{Encode("{\"alg\":\"ES256\",\"kid\":\"\\ud800\"}")}.{payload}.AAAA", $"{Encode("{\"alg\":[\"ES256\"]}")}.{payload}.AAAA", $"{header}.{Encode("{\"sub\":\"" + client + "\",\"sub\":\"x\"}")}.AAAA", $"{header}.{Encode("{\"sub\":\"\\udc00\",\"iss\":\"\\udc00\"}")}.AAAA", new string('A', 50_000), "..", ".", "a.b.c", "{}",
        })
        {
            var answer = await PresentAsync(bent);
            Assert.True(answer["error"] is "invalid_client" or "invalid_request", $"{bent[..Math.Min(bent.Length, 100)]}: {answer.Json}");
        }

        Task<JsonAnswer> PresentAsync(string assertion) => agent.TokenAsync(new()
        {
            ["grant_type"] = "refresh_token", ["refresh_token"] = "x", ["client_id"] = client, ["client_assertion_type"] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", ["client_assertion"] = assertion,
        });
    }

    [Fact]
    public async Task A_bent_proof_binds_nothing()
    {
        using var key = new DPoPKey();
        var endpoint = kontext.Server.Url.OriginalString.TrimEnd('/') + "/oauth2/token";
        var good = key.Proof("POST", endpoint);
        var (header, payload, signature) = (good.Split('.')[0], good.Split('.')[1], Base64Url.DecodeFromChars(good.Split('.')[2]));
        var x = (string)key.Jwk["x"]!;
        foreach (var bent in new[]
        {
            $"{header}.{payload}.{Base64Url.EncodeToString(Der(signature[..32], signature[32..]))}", $"{header}.{payload}.{Base64Url.EncodeToString(new byte[64])}", $"{header}.{payload}.",
            key.Sign("{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"\\ud800\",\"y\":\"AA\"}}", "{}"),
            key.Sign("{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" + x + "\",\"y\":\"" + x + "\"}}", "{}"),
            key.Sign("{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}}", "{}"),
            key.Sign("{\"typ\":\"dpop+jwt\",\"alg\":\"RS256\",\"jwk\":{\"kty\":\"RSA\",\"n\":\"AQ\",\"e\":\"AQ\"}}", "{}"), key.Sign("{\"typ\":\"dpop+jwt\",\"alg\":\"RS256\",\"jwk\":{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"\"}}", "{}"),
            key.Sign("{\"typ\":\"dpop+jwt\",\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"}}", "{}"), key.Sign("{\"typ\":\"dpop+jwt\",\"alg\":\"none\"}", "{}"), key.Sign("{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":[]}", "{}"),
            key.Sign(Encoding.UTF8.GetString(Base64Url.DecodeFromChars(header)), "{\"jti\":\"\\ud800\",\"htm\":\"POST\",\"htu\":\"x\",\"iat\":1e400}"), key.Sign(Encoding.UTF8.GetString(Base64Url.DecodeFromChars(header)), "[]"), new string('A', 20_000), "..", "a.b.c",
        })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri("/oauth2/token", UriKind.Relative)) { Content = new FormUrlEncodedContent(new Dictionary<string, string> { ["grant_type"] = "refresh_token", ["refresh_token"] = "x", ["client_id"] = TestAgent.CommandLineClient }) };
            request.Headers.TryAddWithoutValidation("DPoP", bent);
            using var answer = await kontext.Server.Http.SendAsync(request);
            Assert.True(answer.StatusCode == HttpStatusCode.BadRequest && (string?)JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["error"] == "invalid_dpop_proof", $"{bent[..Math.Min(bent.Length, 100)]}: {answer.StatusCode}");
        }
    }

    /// <summary>Management API, gateway, proxy and userinfo as bearer; the token endpoint as subject and as actor; introspection.</summary>
    private async Task RefusedAsync(string what, string client, string forged)
    {
        foreach (var (method, path) in new[] { ("GET", "/api/v1/applications"), ("POST", "/mcp"), ("GET", "/proxy/x/y"), ("GET", "/oauth2/userinfo"), ("POST", "/mcp/connect-session"), ("GET", "/mcp/integrations") })
        {
            foreach (var scheme in new[] { "Bearer", "DPoP" })
            {
                using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(path, UriKind.Relative));
                request.Headers.TryAddWithoutValidation("Authorization", $"{scheme} {forged.ReplaceLineEndings("%0a")}");
                using var answer = await kontext.Server.Http.SendAsync(request);
                Assert.True(answer.StatusCode == HttpStatusCode.Unauthorized && answer.Headers.WwwAuthenticate.Count > 0, $"{what}: {method} {path} answers {(int)answer.StatusCode}");
            }
        }
        foreach (var place in new[] { "subject_token", "actor_token" })
        {
            var form = new Dictionary<string, string> { ["grant_type"] = Exchange, ["client_id"] = client, ["subject_token"] = forged, ["subject_token_type"] = "urn:ietf:params:oauth:token-type:access_token", ["resource"] = "mcp-gateway" };
            if (place == "actor_token")
                (form["actor_token"], form["actor_token_type"]) = (forged, "urn:ietf:params:oauth:token-type:access_token");
            var answer = await agent.TokenAsync(form);
            Assert.True(answer.Status == HttpStatusCode.BadRequest && answer["error"] is "invalid_request" or "invalid_grant" or "invalid_target", $"{what} as {place}: {answer.Json}");
        }
    }

    private static byte[] Der(byte[] r, byte[] s)
    {
        byte[] Number(byte[] value) => value[0] >= 0x80 ? [0x02, (byte)(value.Length + 1), 0, .. value] : [0x02, (byte)value.Length, .. value];
        byte[] both = [.. Number(r), .. Number(s)];
        return [0x30, (byte)both.Length, .. both];
    }

    private static byte[] Bytes(BigInteger number)
    {
        var bytes = number.ToByteArray(isUnsigned: true, isBigEndian: true);
        return [.. new byte[32 - bytes.Length], .. bytes];
    }

    private static string Encode(string json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));
}

using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>Access tokens that were not issued here, however they were made (RFC 8725, RFC 9068 section 4).</summary>
public sealed class ForgedTokenTests(KontextFixture kontext) : IDisposable
{
    private readonly TestAgent agent = kontext.Agent;
    private readonly ECDsa foreign = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public void Dispose() => foreign.Dispose();

    [Theory]
    [InlineData("none")]
    [InlineData("None")]
    [InlineData("NONE")]
    [InlineData("nOnE")]
    [InlineData("none ")]
    [InlineData("")]
    public async Task An_unsigned_token_is_refused_however_none_is_spelled(string algorithm)
    {
        var (token, header, payload) = await TokenAsync();
        header["alg"] = algorithm;
        await RefusedAsync($"{Encode(header)}.{payload}.");
        await RefusedAsync($"{Encode(header)}.{payload}.{token.Split('.')[2]}");
        await RefusedAsync($"{Encode(header)}.{payload}");
    }

    [Fact]
    public async Task The_public_key_is_no_shared_secret()
    {
        var (_, header, payload) = await TokenAsync();
        header["alg"] = "HS256";
        var published = (await TestAgent.CallAsync(kontext.Server.Url, HttpMethod.Get, "/.well-known/jwks.json", null)).Json!["keys"]!.AsArray()
            .Single(key => (string?)key!["kid"] == (string?)header["kid"])!.AsObject();
        using var key = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint { X = Base64Url.DecodeFromChars((string)published["x"]!), Y = Base64Url.DecodeFromChars((string)published["y"]!) },
        });
        byte[][] secrets = [Encoding.ASCII.GetBytes(key.ExportSubjectPublicKeyInfoPem()), key.ExportSubjectPublicKeyInfo(), Encoding.UTF8.GetBytes(published.ToJsonString()), Base64Url.DecodeFromChars((string)published["x"]!), []];
        foreach (var secret in secrets)
            await RefusedAsync($"{Encode(header)}.{payload}.{Base64Url.EncodeToString(HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes($"{Encode(header)}.{payload}")))}");
    }

    [Theory]
    [InlineData("alg", "\"ES384\"")]
    [InlineData("alg", "\"RS256\"")]
    [InlineData("kid", "\"../../etc/passwd\"")]
    [InlineData("kid", "\"' OR 1=1 --\"")]
    [InlineData("kid", "\"\"")]
    [InlineData("kid", "null")]
    [InlineData("kid", "[\"a\"]")]
    [InlineData("typ", "\"JWT\"")]
    [InlineData("typ", "\"application/dpop+jwt\"")]
    [InlineData("jku", "\"https://evil.example/jwks.json\"")]
    [InlineData("x5u", "\"https://evil.example/certificate\"")]
    [InlineData("x5c", "[\"MIIB\"]")]
    [InlineData("crit", "[\"exp\"]")]
    [InlineData("b64", "false")]
    [InlineData("zip", "\"DEF\"")]
    public async Task A_header_that_is_not_ours_is_refused(string name, string value)
    {
        var (_, header, payload) = await TokenAsync();
        header[name] = JsonNode.Parse(value);
        await RefusedAsync(Sign(header, payload));
    }

    [Fact]
    public async Task A_key_that_the_token_brings_along_is_not_used()
    {
        var (_, header, payload) = await TokenAsync();
        var point = foreign.ExportParameters(includePrivateParameters: false).Q;
        header["jwk"] = new JsonObject { ["kty"] = "EC", ["crv"] = "P-256", ["x"] = Base64Url.EncodeToString(point.X), ["y"] = Base64Url.EncodeToString(point.Y) };
        await RefusedAsync(Sign(header, payload));
        header.Remove("kid");
        await RefusedAsync(Sign(header, payload));
    }

    [Fact]
    public async Task A_foreign_signature_and_a_changed_claim_are_refused()
    {
        var (token, header, payload) = await TokenAsync();
        var signature = token.Split('.')[2];
        await RefusedAsync(Sign(header, payload));
        foreach (var (name, value) in new (string, JsonNode)[] { ("sub", "somebody-else"), ("aud", agent.Api), ("exp", 4_000_000_000), ("scope", "mcp:invoke management:all"), ("org", Guid.NewGuid().ToString()) })
        {
            var claims = Jwt.Payload(token).AsObject();
            claims[name] = value;
            await RefusedAsync($"{Encode(header)}.{Encode(claims)}.{signature}");
        }
        await RefusedAsync($"{token}.x");
        await RefusedAsync(token[..^2]);
        await RefusedAsync("x");
        Assert.Equal(HttpStatusCode.OK, (await agent.McpAsync(token, "tools/list")).Status);
    }

    [Fact]
    public async Task An_ID_token_is_no_access_token()
    {
        using var browser = new FormBrowser();
        var tokens = await agent.AuthorizeAsync(browser, await Clients.RegisterAsync(kontext, "Test agent"), "alice", agent.Gateway, "openid mcp:invoke");
        Assert.Equal("JWT", (string?)Jwt.Header(tokens["id_token"]!)["typ"]);
        await RefusedAsync(tokens["id_token"]!);
    }

    private async Task<(string Token, JsonObject Header, string Payload)> TokenAsync()
    {
        using var browser = new FormBrowser();
        var tokens = await agent.AuthorizeAsync(browser, await Clients.RegisterAsync(kontext, "Test agent"), "alice", agent.Gateway);
        var token = tokens["access_token"]!;
        return (token, Jwt.Header(token).AsObject(), token.Split('.')[1]);
    }

    // On every surface that takes access tokens, and with the same words.
    private async Task RefusedAsync(string forged)
    {
        var answers = new[]
        {
            await agent.McpAsync(forged, "tools/list"),
            await agent.ApiAsync(HttpMethod.Get, "/applications", forged),
            await TestAgent.CallAsync(kontext.Server.Url, HttpMethod.Get, "/oauth2/userinfo", forged),
        };
        Assert.All(answers, answer =>
        {
            Assert.Equal(HttpStatusCode.Unauthorized, answer.Status);
            Assert.Contains("invalid_token", answer.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
        });
    }

    private string Sign(JsonObject header, string payload) =>
        $"{Encode(header)}.{payload}.{Base64Url.EncodeToString(foreign.SignData(Encoding.ASCII.GetBytes($"{Encode(header)}.{payload}"), HashAlgorithmName.SHA256))}";

    private static string Encode(JsonObject part) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(part.ToJsonString()));
}

using System.Text.Json;
using Kontext.Domain.OAuth;

namespace Kontext.Domain.Tests.OAuth;

public sealed class ClientKeySetTests
{
    // RFC 7517 appendix A.1.
    private const string Ec = """{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"}""";
    private const string Rsa = """{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}""";

    [Fact]
    public void A_key_verifies_only_what_suits_it()
    {
        Assert.True(ClientKeySet.Read(Set(Ec.Replace("\"enc\"", "\"sig\"", StringComparison.Ordinal), Rsa)).TryGet(out var keys, out _));
        Assert.Equal(2, keys.Length);
        Assert.Equal(["ES256"], ClientAuthMethods.SigningAlgorithms.Where(keys[0].Verifies));
        Assert.Equal(["RS256"], ClientAuthMethods.SigningAlgorithms.Where(keys[1].Verifies));
        Assert.False(keys[0].Verifies("HS256") || keys[1].Verifies("HS256") || keys[0].Verifies("none"));
    }

    [Theory]
    [InlineData("""{"kty":"oct","k":"c2VjcmV0"}""")]
    [InlineData("""{"kty":"RSA","n":"AQAB","e":"AQAB"}""")]
    [InlineData("""{"kty":"EC","crv":"P-384","x":"AA","y":"AA"}""")]
    [InlineData("""{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}""")]
    [InlineData("""{"kty":"\ud800"}""")]
    [InlineData("7")]
    [InlineData(Ec)]
    public void A_set_without_a_public_signing_key_is_refused(string key) => Assert.False(ClientKeySet.Read(Set(key)).TryGet(out _, out _));

    [Theory]
    [InlineData("d")]
    [InlineData("p")]
    [InlineData("k")]
    public void A_private_member_spoils_the_whole_set(string member) =>
        Assert.False(ClientKeySet.Read(Set(Rsa, Rsa.Replace("\"e\":", $"\"{member}\":\"AQAB\",\"e\":", StringComparison.Ordinal))).TryGet(out _, out _));

    [Fact]
    public void Keys_are_here_or_at_one_https_address()
    {
        Assert.True(ClientKeySource.Read(Set(Rsa), null).TryGet(out _, out _));
        Assert.True(ClientKeySource.Read(null, "https://agent.example/jwks").TryGet(out _, out _));
        Assert.False(ClientKeySource.Read(Set(Rsa), "https://agent.example/jwks").TryGet(out _, out _));
        Assert.False(ClientKeySource.Read(null, null).TryGet(out _, out _));
        Assert.False(ClientKeySource.Read(null, "http://agent.example/jwks").TryGet(out _, out _));
        Assert.False(ClientKeySource.Read(Set(Rsa.Replace("2011-04-29", new string('k', 20_000), StringComparison.Ordinal)), null).TryGet(out _, out _));
    }

    private static JsonElement Set(params string[] keys) => JsonElement.Parse($$"""{"keys":[{{string.Join(',', keys)}}]}""");
}

using System.Text.Json;
using System.Text.Json.Nodes;
using Kontext.Functions.SignIn;
using Kontext.Functions.Tests.OAuth;

namespace Kontext.Functions.Tests.SignIn;

/// <summary>The rules of ID tokens at their edges (OpenID Connect Core section 3.1.3.7).</summary>
public sealed class IdTokenTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly TestKey key = new();

    public void Dispose() => key.Dispose();

    [Theory]
    [InlineData("ES256")]
    [InlineData("RS256")]
    [InlineData("PS256")]
    public void Tokens_signed_by_a_published_key_are_accepted(string algorithm) => Assert.Null(Refusal(Claims(), algorithm));

    [Theory]
    [InlineData("HS256")]
    [InlineData("none")]
    public void Algorithms_without_a_public_key_are_refused(string algorithm) =>
        Assert.Equal("the ID token is not signed with an accepted algorithm", Refusal(Claims(), algorithm));

    [Theory]
    [InlineData("exp", -59, true)]
    [InlineData("exp", -60, false)]
    [InlineData("iat", 60, true)]
    [InlineData("iat", 61, false)]
    [InlineData("nbf", 60, true)]
    [InlineData("nbf", 61, false)]
    public void Clocks_may_differ_by_a_minute(string claim, int seconds, bool accepted)
    {
        var claims = Claims();
        claims[claim] = Now.AddSeconds(seconds).ToUnixTimeSeconds();
        Assert.Equal(accepted, Refusal(claims) is null);
    }

    [Theory]
    [InlineData("iss", "\"https://idp.example/\"")]
    [InlineData("aud", "[\"kontext\",\"other\"]")]
    [InlineData("azp", "\"other\"")]
    [InlineData("exp", "\"4000000000\"")]
    [InlineData("nonce", "\"m\"")]
    [InlineData("sub", "7")]
    public void A_claim_that_does_not_agree_is_refused(string claim, string value)
    {
        var claims = Claims();
        claims[claim] = JsonNode.Parse(value);
        Assert.NotNull(Refusal(claims));
        claims.Remove(claim);
        if (claim != "azp")
            Assert.NotNull(Refusal(claims));
    }

    [Fact]
    public void With_several_audiences_azp_says_whose_it_is()
    {
        var claims = Claims();
        claims["aud"] = new JsonArray("kontext", "other");
        claims["azp"] = "kontext";
        Assert.Null(Refusal(claims));
    }

    [Fact]
    public void A_key_for_another_algorithm_verifies_nothing()
    {
        var published = key.Jwks();
        published["keys"]![1]!["alg"] = "RS512";
        Assert.Equal("the ID token is not signed by the provider", Refusal(Claims(), "RS256", published));
        published["keys"]![1]!["alg"] = "RS256";
        Assert.Null(Refusal(Claims(), "RS256", published));
    }

    private static JsonObject Claims() => new()
    {
        ["iss"] = "https://idp.example", ["aud"] = "kontext", ["sub"] = "s-1", ["nonce"] = "n",
        ["iat"] = Now.ToUnixTimeSeconds(), ["exp"] = Now.AddMinutes(5).ToUnixTimeSeconds(),
    };

    private string? Refusal(JsonObject claims, string algorithm = "ES256", JsonObject? published = null)
    {
        using var document = JsonDocument.Parse((published ?? key.Jwks()).ToJsonString());
        var keys = IdentityProviderKey.ReadSet(document.RootElement);
        return IdToken.Validate(key.Sign(claims, algorithm), keys, new IdTokenExpectation("https://idp.example", "kontext", "n"), Now).TryGet(out _, out var failure) ? null : failure.Detail;
    }
}

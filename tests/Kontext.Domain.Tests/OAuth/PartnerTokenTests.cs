using System.Buffers.Text;
using System.Collections.Immutable;
using System.Text;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.Tests.OAuth;

/// <summary>Which of a partner's tokens an application's trust covers, to the second.</summary>
public sealed class PartnerTokenTests
{
    private const string Header = """{"alg":"RS256","kid":"k"}""";
    private static readonly DateTimeOffset Noon = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);
    private static readonly ExternalAuth Trust = new()
    {
        Enabled = true,
        Issuer = "https://partner.example",
        JwksUrl = "https://partner.example/keys",
        Audience = "kontext",
        RequiredClaims = ImmutableDictionary<string, string>.Empty.Add("tier", "3"),
    };

    [Theory]
    [InlineData(0, 300, null)]
    [InlineData(-600, 300, null)]
    [InlineData(-601, 300, "is older than 600 seconds")]
    [InlineData(60, 300, null)]
    [InlineData(61, 300, "has no iat, or was issued in the future")]
    [InlineData(-300, -59, null)]
    [InlineData(-300, -60, "has expired, or has no exp")]
    public void Age_and_expiry_are_counted_from_now_with_a_minute_for_clocks_that_differ(int issued, int expires, string? refusal) =>
        Assert.Equal(refusal, RefusalOf($$"""{"iss":"https://partner.example","aud":["other","kontext"],"sub":"user-1","tier":3,"iat":{{At(issued)}},"exp":{{At(expires)}}}"""));

    [Theory]
    [InlineData("\"3\"", null)]
    [InlineData("3", null)]
    [InlineData("3.0", "lacks the required value of the claim tier")]
    [InlineData("[\"3\"]", "lacks the required value of the claim tier")]
    [InlineData("null", "lacks the required value of the claim tier")]
    public void A_required_claim_has_exactly_its_value(string value, string? refusal) =>
        Assert.Equal(refusal, RefusalOf($$"""{"iss":"https://partner.example","aud":"kontext","sub":"user-1","tier":{{value}},"iat":{{At(0)}},"exp":{{At(60)}}}"""));

    [Theory]
    [InlineData("a.b")]
    [InlineData("a.b.c.d")]
    [InlineData("!.!.!")]
    [InlineData("")]
    public void What_is_no_signed_token_is_not_read(string text) => Assert.Null(SignedJwt.Read(new Secret(text)));

    [Theory]
    [InlineData("""{"alg":"RS256","crit":["exp"]}""", "{}")]
    [InlineData("""{"alg":"RS256","alg":"none"}""", "{}")]
    [InlineData("""{"kid":"k"}""", "{}")]
    [InlineData(Header, """{"sub":"a","sub":"b"}""")]
    [InlineData(Header, "[]")]
    [InlineData("[]", "{}")]
    public void A_token_that_could_be_read_in_two_ways_is_not_read(string header, string claims) => Assert.Null(SignedJwt.Read(Token(header, claims)));

    [Fact]
    public void Text_that_is_no_Unicode_makes_no_token() =>
        Assert.Null(SignedJwt.Read(Token(Header, """{"sub":"\ud800","name":"\ud800"}""")));

    private static string? RefusalOf(string claims) => new PartnerToken(SignedJwt.Read(Token(Header, claims))!).Refusal(Trust, Noon);

    private static long At(int seconds) => Noon.AddSeconds(seconds).ToUnixTimeSeconds();

    private static Secret Token(string header, string claims) =>
        new($"{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header))}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims))}.c2lnbmF0dXJl");
}

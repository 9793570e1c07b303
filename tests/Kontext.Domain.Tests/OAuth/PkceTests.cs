using Kontext.Domain.OAuth;

namespace Kontext.Domain.Tests.OAuth;

public sealed class PkceTests
{
    [Fact]
    public void The_example_of_RFC_7636_appendix_B_matches()
    {
        Assert.True(Pkce.IsVerifier("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        Assert.True(Pkce.Matches("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
    }

    [Theory]
    [InlineData("short")]
    [InlineData("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjX+")]
    [InlineData(null)]
    public void A_verifier_has_43_to_128_unreserved_characters(string? text) => Assert.False(Pkce.IsVerifier(text));

    [Fact]
    public void Another_verifier_does_not_match() =>
        Assert.False(Pkce.Matches("aBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
}

using Kontext.Domain.OAuth;
using Kontext.Testing;

namespace Kontext.Domain.Tests.OAuth;

/// <summary>Proofs by themselves: the RFC's own, and every algorithm that is advertised.</summary>
public sealed class DPoPProofTests
{
    // RFC 9449 figures 2 and 12.
    private const string TokenRequest = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
    private const string ResourceRequest = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";

    [Fact]
    public void The_proof_of_RFC_9449_section_5_is_read_and_its_thumbprint_is_that_of_section_6_1()
    {
        Assert.True(DPoPProof.Read(TokenRequest).TryGet(out var proof, out _));
        Assert.Equal(("-BwC3ESc6acc2lTc", "POST", "https://server.example.com/token"), (proof.TokenId, proof.Method, proof.Url));
        Assert.Equal(DateTimeOffset.FromUnixTimeSeconds(1562262616), proof.CreatedAt);
        Assert.Equal("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I", proof.Key.Thumbprint);
    }

    [Fact]
    public void The_proof_of_RFC_9449_section_7_1_holds_the_hash_of_its_access_token()
    {
        Assert.True(DPoPProof.Read(ResourceRequest).TryGet(out var proof, out _));
        Assert.Equal(DPoPProof.HashOf("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"), proof.AccessTokenHash);
    }

    [Fact]
    public void The_thumbprint_of_RFC_7638_section_3_1_matches()
    {
        var key = ProofKey.Read(System.Text.Json.JsonElement.Parse("""{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"""), "RS256");
        Assert.Equal("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", key?.Thumbprint);
    }

    [Fact]
    public void A_proof_of_every_advertised_algorithm_is_read()
    {
        foreach (var algorithm in ProofKey.Algorithms)
        {
            using var key = new DPoPKey(algorithm);
            Assert.True(DPoPProof.Read(key.Proof("GET", "https://kontext.example/mcp")).TryGet(out var proof, out _), algorithm);
            Assert.Equal(key.Thumbprint, proof.Key.Thumbprint);
        }
    }

    [Fact]
    public void A_changed_character_anywhere_spoils_the_proof()
    {
        using var key = new DPoPKey();
        var text = key.Proof("GET", "https://kontext.example/mcp");
        // The last character of a part may hold bits that do not count.
        for (var place = 0; place < text.Length - 1; place += 7)
        {
            if (text[place] == '.' || text[place + 1] == '.')
                continue;
            var changed = text[..place] + (text[place] == 'A' ? 'B' : 'A') + text[(place + 1)..];
            Assert.False(DPoPProof.Read(changed).TryGet(out _, out _), $"{place}");
        }
    }

    [Theory]
    [InlineData("https://kontext.example/mcp", true)]
    [InlineData("HTTPS://KONTEXT.example/mcp", true)]
    [InlineData("https://kontext.example:443/mcp", true)]
    [InlineData("https://kontext.example/mcp?query=1", true)]
    [InlineData("https://kontext.example/mcp#fragment", true)]
    [InlineData("https://kontext.example/%6Dcp", true)]
    [InlineData("https://kontext.example/a/../mcp", true)]
    [InlineData("https://kontext.example/MCP", false)]
    [InlineData("https://kontext.example/mcp/", false)]
    [InlineData("https://kontext.example/", false)]
    [InlineData("https://kontext.example:8443/mcp", false)]
    [InlineData("http://kontext.example/mcp", false)]
    [InlineData("https://kontext.example.evil.example/mcp", false)]
    [InlineData("https://kontext.example@evil.example/mcp", false)]
    [InlineData("https://user@kontext.example/mcp", false)]
    [InlineData("//kontext.example/mcp", false)]
    [InlineData("/mcp", false)]
    [InlineData("", false)]
    public void Addresses_are_compared_after_normalization(string proven, bool same) => Assert.Equal(same, DPoPProofs.IsSameTarget(proven, "https://kontext.example/mcp"));
}

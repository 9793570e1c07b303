using System.Net;
using System.Text;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Functions.Upstream;

namespace Kontext.Functions.Tests.Upstream;

public sealed class CredentialScrubTests
{
    private const string Credential = "s3cret/Token+with=odd&chars";

    public static TheoryData<string> Echoes =>
    [
        Credential,
        Uri.EscapeDataString(Credential),
        Uri.EscapeDataString(Credential).Replace("%2F", "%2f", StringComparison.Ordinal).Replace("%2B", "%2b", StringComparison.Ordinal).Replace("%3D", "%3d", StringComparison.Ordinal),
        JsonSerializer.Serialize(Credential),
        Credential.Replace("/", "\\/", StringComparison.Ordinal),
        WebUtility.HtmlEncode(Credential),
        Convert.ToBase64String(Encoding.UTF8.GetBytes(Credential)),
    ];

    [Theory]
    [MemberData(nameof(Echoes))]
    public void Every_way_of_writing_it_is_blanked_and_lengths_stay(string echo)
    {
        var text = $"before {echo} after";
        var clean = new CredentialScrub(new Secret(Credential)).Clean(text);
        Assert.Equal(text.Length, clean.Length);
        Assert.DoesNotContain(echo, clean);
        Assert.StartsWith("before ", clean);
        Assert.EndsWith(" after", clean);
        Assert.Contains(new string('*', 12), clean);
    }

    [Theory]
    [InlineData("u:")]
    [InlineData("ab:")]
    [InlineData("abc:")]
    public void In_base64_it_is_found_behind_anything_else(string before)
    {
        var encoded = Convert.ToBase64String(Encoding.UTF8.GetBytes(before + Credential + "\n"));
        var clean = new CredentialScrub(new Secret(Credential)).Clean(encoded);
        Assert.DoesNotContain("c2VjcmV0", clean);
        Assert.True(clean.Count(character => character == '*') > Credential.Length);
    }

    [Fact]
    public void Cut_anywhere_it_is_found_and_nothing_else_is_held_back()
    {
        var text = Encoding.UTF8.GetBytes($"x{Credential}y s3cre z{Uri.EscapeDataString(Credential)}");
        var expected = new CredentialScrub(new Secret(Credential)).Clean(Encoding.UTF8.GetString(text));
        for (var cut = 0; cut <= text.Length; cut++)
        {
            var scrub = new CredentialScrub(new Secret(Credential));
            var clean = Encoding.UTF8.GetString(scrub.Clean(text.AsMemory(0, cut), last: false).Span) + Encoding.UTF8.GetString(scrub.Clean(text.AsMemory(cut), last: true).Span);
            Assert.Equal(expected, clean);
        }
        Assert.Equal("data: nothing of it", Encoding.UTF8.GetString(new CredentialScrub(new Secret(Credential)).Clean("data: nothing of it"u8.ToArray(), last: false).Span));
    }

    [Fact]
    public void Byte_by_byte_it_is_found()
    {
        var scrub = new CredentialScrub(new Secret(Credential));
        var clean = new StringBuilder();
        foreach (var one in Encoding.UTF8.GetBytes($"<{Credential}>"))
            clean.Append(Encoding.UTF8.GetString(scrub.Clean(new[] { one }, last: false).Span));
        clean.Append(Encoding.UTF8.GetString(scrub.Clean(default, last: true).Span));
        Assert.Equal($"<{new string('*', Credential.Length)}>", clean.ToString());
    }
}

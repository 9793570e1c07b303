using System.Net;
using System.Text;
using System.Text.Json;

namespace Kontext.Functions.Upstream;

/// <summary>The ways a secret may be written in what a server echoes.</summary>
internal static class SecretForms
{
    /// <summary>Shorter texts cannot be told from ordinary ones and are left alone.</summary>
    public const int Shortest = 8;

    /// <summary>As it is, percent-encoded (RFC 3986), escaped in JSON and HTML, and in base64 at every offset with either alphabet (RFC 4648), as bytes.</summary>
    public static IEnumerable<byte[]> Of(string secret)
    {
        if (Encoding.UTF8.GetByteCount(secret) < Shortest)
            return [];
        var escaped = Uri.EscapeDataString(secret);
        return new[]
        {
            secret, escaped, LowerEscapes(escaped), JsonEncodedText.Encode(secret).Value, secret.Replace("/", "\\/", StringComparison.Ordinal), WebUtility.HtmlEncode(secret),
            Cut(secret, 0), Cut(secret, 1), Cut(secret, 2), Convert.ToBase64String(Encoding.UTF8.GetBytes(secret)),
        }
        .SelectMany(form => new[] { form, form.Replace('+', '-').Replace('/', '_') is var url && IsBase64(form) ? url : form })
        .Where(form => form.Length >= Shortest).Distinct().Select(Encoding.UTF8.GetBytes);
    }

    /// <summary>The characters of a base64 text that the secret alone decides when it stands somewhere in the encoded bytes.</summary>
    private static string Cut(string secret, int offset)
    {
        byte[] bytes = [.. new byte[offset], .. Encoding.UTF8.GetBytes(secret)];
        var text = Convert.ToBase64String(bytes);
        var first = ((offset * 8) + 5) / 6;
        return text[first..(bytes.Length * 8 / 6)];
    }

    private static bool IsBase64(string form) => form.AsSpan().IndexOfAnyExceptInRange('+', 'z') < 0;

    private static string LowerEscapes(string escaped)
    {
        var text = escaped.ToCharArray();
        for (var index = text.AsSpan().IndexOf('%'); index >= 0 && index + 2 < text.Length; index++)
        {
            if (text[index] != '%')
                continue;
            text[index + 1] = char.ToLowerInvariant(text[index + 1]);
            text[index + 2] = char.ToLowerInvariant(text[index + 2]);
        }
        return new string(text);
    }
}

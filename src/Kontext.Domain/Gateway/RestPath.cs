using System.Globalization;
using System.Text;

namespace Kontext.Domain.Gateway;

/// <summary>A path below an integration's base address, in one form only: policy decides on exactly what the service gets to see.
/// What servers read in different ways is refused: dot segments, encoded slashes, doubled slashes, doubly encoded characters.</summary>
/// <param name="Encoded">As it is sent, empty or beginning with a slash: unreserved characters plain, escapes in upper case (RFC 3986 section 6.2.2).</param>
/// <param name="Text">As policy and the audit trail see it: decoded, without a trailing slash.</param>
public sealed record RestPath(string Encoded, string Text)
{
    private const int MaxLength = 4096;
    private const string PlainBesidesUnreserved = "/!$&'()*+,;=:@";
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads what stands in a request target behind the integration's name, up to the query.</summary>
    public static Result<RestPath> Parse(string raw)
    {
        if (raw.Length > MaxLength)
            return Refused($"is longer than {MaxLength} characters");
        var encoded = new StringBuilder(raw.Length);
        var bytes = new List<byte>(raw.Length);
        for (var index = 0; index < raw.Length; index++)
        {
            var character = raw[index];
            if (character == '%')
            {
                if (!TryEscape(raw, index, out var value))
                    return Refused("has a percent sign that begins no escape");
                if (value is (byte)'/' or (byte)'\\')
                    return Refused("has an encoded slash");
                if (value == '%' && TryEscape(raw, index + 2, out _, sign: false))
                    return Refused("is encoded twice");
                index += 2;
                bytes.Add(value);
                Append(encoded, value, plain: IsUnreserved((char)value));
                continue;
            }
            if (character is '\\' or '#' or <= ' ' or > '~')
                return Refused("has a character that does not belong into one");
            bytes.Add((byte)character);
            Append(encoded, (byte)character, plain: IsUnreserved(character) || PlainBesidesUnreserved.Contains(character, StringComparison.Ordinal));
        }
        return Decoded(bytes) is not { } text ? Refused("does not decode to readable text") : Fault(text) is { } fault ? Refused(fault) : new RestPath(encoded.ToString(), Trimmed(text));
    }

    private static string? Fault(string text)
    {
        if (text.Length == 0)
            return null;
        var segments = text.Split('/');
        for (var index = 1; index < segments.Length; index++)
        {
            if (segments[index].Length == 0 && index < segments.Length - 1)
                return "has two slashes in a row";
            // Servers that know path parameters cut them off first: "..;x" becomes "..".
            if (segments[index].Split(';')[0] is "." or "..")
                return "has a dot segment";
        }
        return segments[0].Length == 0 ? null : "does not begin with a slash";
    }

    private static string Trimmed(string text) => text.Length > 1 && text[^1] == '/' ? text[..^1] : text.Length == 0 ? "/" : text;

    private static string? Decoded(List<byte> bytes)
    {
        try
        {
            var text = Strict.GetString([.. bytes]);
            return PrintableText.IsPrintable(text) ? text : null;
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    private static void Append(StringBuilder encoded, byte value, bool plain)
    {
        if (plain)
            encoded.Append((char)value);
        else
            encoded.Append(CultureInfo.InvariantCulture, $"%{value:X2}");
    }

    private static bool TryEscape(string raw, int at, out byte value, bool sign = true)
    {
        value = 0;
        return at + 2 < raw.Length && (!sign || raw[at] == '%') && char.IsAsciiHexDigit(raw[at + 1]) && char.IsAsciiHexDigit(raw[at + 2])
            && byte.TryParse(raw.AsSpan(at + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    private static bool IsUnreserved(char character) => char.IsAsciiLetterOrDigit(character) || character is '-' or '.' or '_' or '~';

    private static Failure Refused(string what) => new(FailureCode.InvalidRequest, $"The path {what}, which could be read in more than one way. It is not passed on.");
}

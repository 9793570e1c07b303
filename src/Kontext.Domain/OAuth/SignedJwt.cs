using System.Buffers.Text;
using System.Collections.Immutable;
using System.Text.Json;

namespace Kontext.Domain.OAuth;

/// <summary>A signed JWT of somebody else, taken apart (RFC 7519): nothing in it is proven yet. A claim of an unexpected shape counts as absent.</summary>
public sealed record SignedJwt
{
    private const int MaxLength = 16 * 1024;

    /// <summary>The whole of it.</summary>
    public required Secret Serialized { get; init; }

    /// <summary><c>alg</c> of the header.</summary>
    public required string Algorithm { get; init; }

    /// <summary><c>kid</c> of the header; null when it has none.</summary>
    public string? KeyId { get; init; }

    /// <summary>The claims, an object.</summary>
    public required JsonElement Claims { get; init; }

    /// <summary>Takes it apart; null when it is no signed JWT that we understand.</summary>
    public static SignedJwt? Read(Secret token)
    {
        var parts = token.Reveal().Split('.');
        if (token.Reveal().Length > MaxLength || parts.Length != 3 || parts.Any(part => !Base64Url.IsValid(part)) || parts[2].Length == 0)
            return null;
        // Two members of one name could be read differently by whoever signed.
        var strict = new JsonDocumentOptions { MaxDepth = 16, AllowDuplicateProperties = false };
        try
        {
            using var header = JsonText.Parse(Base64Url.DecodeFromChars(parts[0]), strict);
            using var payload = JsonText.Parse(Base64Url.DecodeFromChars(parts[1]), strict);
            if (header.RootElement.ValueKind != JsonValueKind.Object || payload.RootElement.ValueKind != JsonValueKind.Object)
                return null;
            // An extension that has to be understood is not understood (RFC 7515 section 4.1.11).
            if (header.RootElement.TryGetProperty("crit", out _) || TextOf(header.RootElement, "alg") is not { } algorithm)
                return null;
            return new SignedJwt
            {
                Serialized = token,
                Algorithm = algorithm,
                KeyId = TextOf(header.RootElement, "kid"),
                Claims = payload.RootElement.Clone(),
            };
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>A claim that is a text; null when there is none.</summary>
    public string? Text(string name) => TextOf(Claims, name);

    /// <summary>A claim that is a text or a list of texts; empty when there is none.</summary>
    public ImmutableArray<string> Texts(string name) => !Claims.TryGetProperty(name, out var value) ? []
        : value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select(TextOf).OfType<string>()]
        : TextOf(value) is { } text ? [text] : [];

    /// <summary>A claim that is a moment; null when there is none.</summary>
    public DateTimeOffset? Time(string name) =>
        Claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var seconds) && seconds is >= 0 and < 253402300799
            ? DateTimeOffset.FromUnixTimeSeconds((long)seconds) : null;

    private static string? TextOf(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? TextOf(value) : null;

    private static string? TextOf(JsonElement value)
    {
        try
        {
            return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            // Text that is no Unicode shows only when it is read.
            return null;
        }
    }
}

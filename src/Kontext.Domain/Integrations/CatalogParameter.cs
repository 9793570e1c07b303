namespace Kontext.Domain.Integrations;

/// <summary>What an administrator has to tell about an integration before a provider's addresses are complete, such as the name of a shop.</summary>
/// <param name="Name">Name of the place in the addresses: lower-case letters and underscores.</param>
/// <param name="Description">What it is and where to find it, in a sentence.</param>
/// <param name="Example">A value as it could be.</param>
/// <param name="Default">Taken when the integration says nothing; null when it has to say.</param>
/// <param name="Dots">The value may have several parts with dots between them.</param>
public sealed record CatalogParameter(string Name, string Description, string Example, string? Default = null, bool Dots = false)
{
    private const int MaxLength = 128;
    private const int MaxLabel = 63;

    /// <summary>Whether a value may be filled in.</summary>
    public bool Accepts(string value) => IsHarmless(value) && (Dots || !value.Contains('.'));

    /// <summary>The rule in words, for people.</summary>
    public string Rule => $"{(Dots ? "Letters, digits, hyphens and single dots" : "Letters, digits and hyphens")}, as in {Example}.";

    /// <summary>INVARIANT: labels of a host name and nothing else (RFC 1123 section 2.1), so that no value can end the host, leave its segment or name another place.</summary>
    internal static bool IsHarmless(string value) => value.Length is > 0 and <= MaxLength && value.Split('.').All(IsLabel);

    private static bool IsLabel(string label) =>
        label.Length is > 0 and <= MaxLabel && label.All(character => char.IsAsciiLetterOrDigit(character) || character == '-') && label[0] != '-' && label[^1] != '-';
}

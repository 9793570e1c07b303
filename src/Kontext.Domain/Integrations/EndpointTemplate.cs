using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace Kontext.Domain.Integrations;

/// <summary>An address of the catalog, with places in braces for what differs from customer to customer: <c>https://{shop}.myshopify.com/admin/oauth/authorize</c>.
/// A place stands at the beginning of the host, before a domain of the provider, or is a whole segment of the path: whatever is filled in, the address stays the provider's.</summary>
[JsonConverter(typeof(EndpointTemplateConverter))]
public sealed partial record EndpointTemplate
{
    /// <summary>The place that takes our own client id, in the path only; every integration has one, so no entry declares it.</summary>
    public const string ClientIdPlace = "client_id";

    private const string Probe = "x0";

    private EndpointTemplate(string text, ImmutableArray<string> places)
    {
        Text = text;
        Places = places;
    }

    /// <summary>As written in the file.</summary>
    public string Text { get; }

    /// <summary>Names of its places, in their order.</summary>
    public ImmutableArray<string> Places { get; }

    /// <summary>Reads an address; false for one that is no address or has a place where none may be.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out EndpointTemplate? template)
    {
        template = Shape().Match(text) is { Success: true } match
            ? new EndpointTemplate(text, [.. match.Groups["place"].Captures.OrderBy(place => place.Index).Select(place => place.Value)])
            : null;
        return template is not null && template.Fill(_ => Probe) is not null;
    }

    /// <summary>The address with its places filled; null when a value is missing or is not one that may stand there.</summary>
    /// <param name="values">Values of declared parameters, as <see cref="CatalogParameter.Accepts"/> lets them through.</param>
    /// <param name="clientId">Our client id at the provider.</param>
    public Uri? Resolve(IReadOnlyDictionary<string, string> values, string clientId) => Fill(place =>
        place == ClientIdPlace ? (clientId is "" or "." or ".." ? null : Uri.EscapeDataString(clientId))
        : values.TryGetValue(place, out var value) && CatalogParameter.IsHarmless(value) ? value : null);

    private Uri? Fill(Func<string, string?> valueOf)
    {
        var filled = Text;
        foreach (var place in Places)
        {
            if (valueOf(place) is not { } value)
                return null;
            filled = filled.Replace($"{{{place}}}", value, StringComparison.Ordinal);
        }
        return Uri.TryCreate(filled, UriKind.Absolute, out var address) ? address : null;
    }

    /// <summary>As written in the file.</summary>
    public override string ToString() => Text;

    // In the host a place is the beginning of a name in a domain of at least two labels; in the path it is a segment; in the query there is none.
    [GeneratedRegex(@"^https?://(?:\{(?!client_id\})(?<place>[a-z_]+)\}(?:\.[a-z0-9-]+){2,}|[a-z0-9.-]+)(?::[0-9]+)?(?:/(?:\{(?<place>[a-z_]+)\}|[^{}/?#\\\s]*))*(?:\?[^{}#\s]*)?\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Shape();
}

/// <summary>Reads and writes <see cref="EndpointTemplate"/> as its text.</summary>
internal sealed class EndpointTemplateConverter : JsonConverter<EndpointTemplate>
{
    /// <inheritdoc/>
    public override EndpointTemplate Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.GetString() is { } text && EndpointTemplate.TryParse(text, out var template) ? template : throw new JsonException("Not an address.");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, EndpointTemplate value, JsonSerializerOptions options) => writer.WriteStringValue(value.Text);
}

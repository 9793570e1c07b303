using System.Text.Json;

namespace Kontext.Domain.Audit;

/// <summary>An entry as it is stored and exported: the event stays the exact text that was hashed.</summary>
/// <param name="Chain">The chain's id.</param>
/// <param name="Sequence">Its number in the chain, from 1.</param>
/// <param name="Previous">The predecessor's hash, base64url.</param>
/// <param name="Hash">This entry's hash, base64url.</param>
/// <param name="Json">The event's JSON.</param>
public sealed record AuditLine(string Chain, long Sequence, string Previous, string Hash, string Json)
{
    /// <summary>Where the chain stands after this entry.</summary>
    public ChainHead Head => new(Chain, Sequence, Hash);

    /// <summary>The line of an export: one JSON object that can be verified without anything around it.</summary>
    public string ToText() => $"{{\"chain\":\"{Chain}\",\"previous\":\"{Previous}\",{Members()}}}";

    /// <summary>The line within a block, which states the chain and the first predecessor once for all its lines.</summary>
    public string ToStoredText() => $"{{{Members()}}}";

    /// <summary>The entry with its event.</summary>
    /// <exception cref="InvalidDataException">The stored text is not an event: it was tampered with.</exception>
    public AuditEntry Read()
    {
        try
        {
            if (JsonSerializer.Deserialize(Json, AuditJson.Default.AuditEvent) is { } happened)
                return new AuditEntry(Chain, Sequence, Hash, happened);
        }
        catch (JsonException broken)
        {
            throw new InvalidDataException($"Audit entry {Chain}.{Sequence} is not an event.", broken);
        }
        throw new InvalidDataException($"Audit entry {Chain}.{Sequence} is empty.");
    }

    /// <summary>Reads a line of an export. One that cannot be read has an empty hash, so that verification names it.</summary>
    public static AuditLine Parse(string text) => Parse(text, null);

    /// <summary>Reads a line of a block that follows the given place in a chain. One that cannot be read keeps its place with an empty hash, so that verification names it.</summary>
    public static AuditLine ParseStored(string text, ChainHead after) => Parse(text, after);

    private static AuditLine Parse(string text, ChainHead? after)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            var line = document.RootElement;
            return new AuditLine(
                after?.Chain ?? Text(line, "chain"),
                line.GetProperty("sequence").GetInt64(),
                after?.Hash ?? Text(line, "previous"),
                Text(line, "hash"),
                line.GetProperty("event").GetRawText());
        }
        catch (Exception malformed) when (malformed is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return new AuditLine(after?.Chain ?? "", (after?.Sequence ?? 0) + 1, after?.Hash ?? "", "", $"\"{JsonEncodedText.Encode(text)}\"");
        }
    }

    private static string Text(JsonElement line, string name) => line.GetProperty(name).GetString() ?? throw new FormatException();

    private string Members() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"\"sequence\":{Sequence},\"hash\":\"{Hash}\",\"event\":{Json}");
}

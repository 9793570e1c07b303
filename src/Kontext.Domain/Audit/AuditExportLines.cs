using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Kontext.Domain.Audit;

/// <summary>The first line of an export.</summary>
/// <param name="Kind"><c>export</c>.</param>
/// <param name="Format">The version of the format.</param>
/// <param name="Issuer">Whose keys signed it.</param>
/// <param name="Org">Whose trail it is.</param>
/// <param name="From">The first UTC day of the period.</param>
/// <param name="To">Its last.</param>
/// <param name="ExportedAt">When it was made.</param>
public sealed record AuditExportHeader(string Kind, int Format, string Issuer, Guid Org, DateOnly From, DateOnly To, DateTimeOffset ExportedAt);

/// <summary>The part of a chain that an export holds.</summary>
/// <param name="Chain">The chain.</param>
/// <param name="First">The number of its first entry here.</param>
/// <param name="Previous">The hash that entry follows.</param>
/// <param name="Last">The number of its last entry here.</param>
/// <param name="Hash">That entry's hash.</param>
public sealed record AuditChainPart(string Chain, long First, string Previous, long Last, string Hash);

/// <summary>What the last line of an export states, signed: everything the file has to hold. It shows what was cut off after the newest checkpoint or before a chain's first line.</summary>
/// <param name="Export">The first line.</param>
/// <param name="Entries">How many entries of the period there are.</param>
/// <param name="EntriesBefore">How many of the day before.</param>
/// <param name="Checkpoints">How many checkpoints there are.</param>
/// <param name="LastCheckpoint">The hash of the last of them; empty when there is none.</param>
/// <param name="Chains">The parts of chains.</param>
public sealed record AuditExportSeal(AuditExportHeader Export, long Entries, long EntriesBefore, int Checkpoints, string LastCheckpoint, ImmutableArray<AuditChainPart> Chains)
{
    /// <summary>Does the other seal speak of the same entries and checkpoints of the same trail and period? When they were exported may differ.</summary>
    public bool CoversTheSameAs(AuditExportSeal other) =>
        (Export.Org, Export.From, Export.To) == (other.Export.Org, other.Export.From, other.Export.To)
        && (Entries, EntriesBefore, Checkpoints, LastCheckpoint) == (other.Entries, other.EntriesBefore, other.Checkpoints, other.LastCheckpoint)
        && Chains.SequenceEqual(other.Chains);
}

/// <summary>A line with a signed statement, whose exact text it holds: a checkpoint or the seal.</summary>
internal sealed record AuditSignedLine(string Kind, string KeyId, string Signature, string Statement);

/// <summary>A line with a public key.</summary>
internal sealed record AuditKeyLine(string Kind, AuditKey Jwk);

/// <summary>The lines of an export and the order they come in. Each has exactly one spelling, so that nothing can be added to a line that no hash covers.</summary>
public static class AuditExportLines
{
    /// <summary>The version of the format.</summary>
    public const int Format = 1;

    internal const string Header = "export";
    internal const string Before = "before";
    internal const string Entry = "entry";
    internal const string Checkpoint = "checkpoint";
    internal const string Key = "key";
    internal const string Seal = "seal";

    /// <summary>The kinds of lines in their order.</summary>
    internal static readonly ImmutableArray<string> Kinds = [Header, Before, Entry, Checkpoint, Key, Seal];

    /// <summary>The first line.</summary>
    public static AuditExportHeader HeaderOf(string issuer, OrgId org, DateOnly from, DateOnly to, DateTimeOffset now) => new(Header, Format, issuer, org.Value, from, to, now);

    /// <summary>The first line's text.</summary>
    public static string Text(AuditExportHeader header) => JsonSerializer.Serialize(header, AuditExportJson.Default.AuditExportHeader);

    /// <summary>An entry of the period, or of the day before it, which checkpoints of the first day may still state.</summary>
    public static string Text(AuditLine line, bool beforePeriod) => $"{{\"kind\":\"{(beforePeriod ? Before : Entry)}\",{line.ToText().AsSpan(1)}";

    /// <summary>A checkpoint.</summary>
    public static string Text(AuditCheckpoint checkpoint) => Text(Checkpoint, checkpoint.Json, checkpoint.Signature);

    /// <summary>A public key.</summary>
    public static string Text(AuditKey key) => JsonSerializer.Serialize(new AuditKeyLine(Key, key), AuditExportJson.Default.AuditKeyLine);

    /// <summary>The text of the seal that is signed.</summary>
    public static string Statement(AuditExportSeal seal) => JsonSerializer.Serialize(seal, AuditExportJson.Default.AuditExportSeal);

    /// <summary>The last line.</summary>
    public static string SealText(string statement, AuditSignature signature) => Text(Seal, statement, signature);

    /// <summary>The kind of a line; null when it is none of an export's.</summary>
    internal static string? KindOf(string text)
    {
        const string prefix = "{\"kind\":\"";
        if (!text.StartsWith(prefix, StringComparison.Ordinal))
            return null;
        var end = text.IndexOf('"', prefix.Length);
        return end > 0 && Kinds.Contains(text[prefix.Length..end]) ? text[prefix.Length..end] : null;
    }

    /// <summary>Reads a text that has to be spelled exactly as we spell it; null when it is not.</summary>
    internal static T? Read<T>(string text, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(text, type) is { } read && JsonSerializer.Serialize(read, type) == text ? read : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string Text(string kind, string statement, AuditSignature signature) =>
        JsonSerializer.Serialize(new AuditSignedLine(kind, signature.KeyId, signature.Value, statement), AuditExportJson.Default.AuditSignedLine);
}

/// <summary>JSON of an export's lines. Nothing may be missing or unknown: what is read here comes from outside.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(AuditExportHeader))]
[JsonSerializable(typeof(AuditExportSeal))]
[JsonSerializable(typeof(AuditSignedLine))]
[JsonSerializable(typeof(AuditKeyLine))]
[JsonSerializable(typeof(AuditCheckpointBody))]
internal sealed partial class AuditExportJson : JsonSerializerContext;

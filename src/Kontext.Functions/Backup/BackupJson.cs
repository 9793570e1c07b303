using System.Text.Json.Serialization;

namespace Kontext.Functions.Backup;

/// <summary>First line of a backup: what it is of.</summary>
/// <param name="Format">Always <see cref="BackupFile.Format"/>.</param>
/// <param name="Version">Version of the format.</param>
/// <param name="TakenAt">When it was begun. What changed while it ran may be in it or not.</param>
/// <param name="From">Host name of the table service it was read from.</param>
/// <param name="Organization">The one organization it is of; null when it is of all.</param>
internal sealed record BackupHeader(string Format, int Version, DateTimeOffset TakenAt, string From, string? Organization);

/// <summary>What a table holds, in a form that two readings of it can be compared by, in whatever order.</summary>
/// <param name="Rows">How many rows.</param>
/// <param name="Digest">The sum of the rows' SHA-256 values modulo 2^256, in hex.</param>
internal sealed record BackupTable(long Rows, string Digest);

/// <summary>Last line of a backup: what has to have come before it.</summary>
/// <param name="Tables">Each table's contents.</param>
/// <param name="Sha256">SHA-256 over all lines before this one, each with its line feed, in hex.</param>
internal sealed record BackupTrailer(SortedDictionary<string, BackupTable> Tables, string Sha256);

/// <summary>JSON of the lines that are not rows.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(BackupHeader))]
[JsonSerializable(typeof(BackupTrailer))]
internal sealed partial class BackupJson : JsonSerializerContext;

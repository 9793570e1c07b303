using System.Globalization;
using System.Text;
using Kontext.Domain;
using Kontext.Domain.Audit;

namespace Kontext.Functions.Storage;

/// <summary>A run of blocks of one chain within one UTC day: one partition, found through the index of its day.</summary>
internal sealed record AuditSegment(OrgId Org, string Chain, int Number, DateTimeOffset Start)
{
    /// <summary>A partition stays small enough for Azure's limits and Azurite's habits.</summary>
    public const int MaxBlocks = 1_000;

    /// <summary>The UTC day it belongs to.</summary>
    public DateOnly Day { get; } = DateOnly.FromDateTime(Start.UtcDateTime);

    /// <summary>The partition of its blocks.</summary>
    public string Partition => string.Create(CultureInfo.InvariantCulture, $"{Org}~{Chain}~{Number:D6}");

    /// <summary>The row key of one of its blocks: later blocks come first.</summary>
    public string RowKey(int block) => string.Create(CultureInfo.InvariantCulture, $"{Partition}~{MaxBlocks - 1 - block:D6}");

    /// <summary>Its row in the index.</summary>
    public TableRow ToRow() => new(IndexPartition(Org, Day), string.Create(CultureInfo.InvariantCulture, $"{Org}~{Start.UtcTicks:D19}~{Chain}~{Number:D6}"),
        new Dictionary<string, object> { ["v"] = "1", ["chain"] = Chain, ["segment"] = Number, ["start"] = Start });

    /// <summary>Reads a row of the index.</summary>
    public static AuditSegment From(OrgId org, TableRow row) =>
        new(org, (string)row.Properties["chain"], (int)row.Properties["segment"], (DateTimeOffset)row.Properties["start"]);

    /// <summary>The index of one day.</summary>
    public static string IndexPartition(OrgId org, DateOnly day) => string.Create(CultureInfo.InvariantCulture, $"{org}~{day:yyyyMMdd}");
}

/// <summary>The days an organization has entries on, so that a long look back costs nothing for the days between.</summary>
internal static class AuditDay
{
    private const int Newest = 99_999_999;

    public static string Partition(OrgId org) => $"{org}~days";

    public static string RowKey(OrgId org, DateOnly day) => string.Create(CultureInfo.InvariantCulture, $"{org}~day~{Complement(day)}");

    public static TableRow ToRow(OrgId org, DateOnly day) => new(Partition(org), RowKey(org, day), new Dictionary<string, object> { ["v"] = "1", ["day"] = Number(day) });

    public static DateOnly From(TableRow row) => From((int)row.Properties["day"]);

    public static DateOnly From(int number) => DateOnly.ParseExact(number.ToString(CultureInfo.InvariantCulture), "yyyyMMdd", CultureInfo.InvariantCulture);

    /// <summary>The same for newer days is smaller, so that days come newest first.</summary>
    public static string Complement(DateOnly day) => (Newest - Number(day)).ToString("D8", CultureInfo.InvariantCulture);

    public static int Number(DateOnly day) => day.Year * 10_000 + day.Month * 100 + day.Day;
}

/// <summary>The organizations that have entries on a day: what the timer walks that signs checkpoints. The only index of the audit that spans organizations, and it holds nothing but their ids.</summary>
internal static class AuditOrganization
{
    public static string Partition(DateOnly day) => day.ToString("yyyyMMdd", CultureInfo.InvariantCulture);

    public static TableRow ToRow(OrgId org, DateOnly day) => new(Partition(day), $"{Partition(day)}~{org}", new Dictionary<string, object> { ["v"] = "1", ["org"] = org.ToString() });

    public static OrgId From(TableRow row) => OrgId.Parse((string)row.Properties["org"], null);
}

/// <summary>Entries that were committed together: one row, because a row costs the same for one entry or fifty.</summary>
/// <param name="Segment">Where it is.</param>
/// <param name="Number">Its number in the segment, from 0.</param>
/// <param name="Before">The chain's place before its first entry.</param>
/// <param name="Head">The chain's place after its last entry.</param>
/// <param name="Written">When it was written: no entry in it or before it is younger.</param>
/// <param name="Text">The entries as JSON Lines.</param>
internal sealed record AuditBlock(AuditSegment Segment, int Number, ChainHead Before, ChainHead Head, DateTimeOffset Written, string Text)
{
    /// <summary>The most entries of a block.</summary>
    public const int MaxEntries = 256;

    /// <summary>The most characters of a block; two bytes each, they stay well below the megabyte a row may have.</summary>
    public const int MaxCharacters = 400_000;

    private const int ChunkLength = 30_000;

    /// <summary>Puts the events into the chain, one after the other.</summary>
    public static AuditBlock Of(AuditSegment segment, int number, ChainHead before, IEnumerable<string> events, DateTimeOffset now)
    {
        var text = new StringBuilder();
        var head = before;
        foreach (var json in events)
        {
            var line = AuditChain.Append(head, json);
            text.Append(line.ToStoredText()).Append('\n');
            head = line.Head;
        }
        return new AuditBlock(segment, number, before, head, now, text.ToString());
    }

    /// <summary>Its entries, oldest first.</summary>
    public List<AuditLine> Lines()
    {
        var lines = new List<AuditLine>();
        var head = Before;
        foreach (var range in Text.AsSpan().Split('\n'))
        {
            var text = Text[range];
            if (text.Length == 0)
                continue;
            var line = AuditLine.ParseStored(text, head);
            lines.Add(line);
            head = line.Head;
        }
        return lines;
    }

    /// <summary>Its row.</summary>
    public TableRow ToRow()
    {
        var properties = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["v"] = "1",
            ["prev"] = Before.Hash,
            ["first"] = Before.Sequence + 1,
            ["last"] = Head.Sequence,
            ["head"] = Head.Hash,
            ["written"] = Written,
            ["count"] = (int)(Head.Sequence - Before.Sequence),
        };
        for (var start = 0; start < Text.Length; start += ChunkLength)
            properties[ChunkName(start / ChunkLength)] = Text.Substring(start, Math.Min(ChunkLength, Text.Length - start));
        return new TableRow(Segment.Partition, Segment.RowKey(Number), properties);
    }

    /// <summary>Reads a row.</summary>
    public static AuditBlock From(AuditSegment segment, TableRow row)
    {
        var text = new StringBuilder();
        for (var chunk = 0; row.Properties.TryGetValue(ChunkName(chunk), out var more); chunk++)
            text.Append((string)more);
        return new AuditBlock(
            segment,
            AuditSegment.MaxBlocks - 1 - int.Parse(row.RowKey.AsSpan(row.RowKey.LastIndexOf('~') + 1), CultureInfo.InvariantCulture),
            new ChainHead(segment.Chain, (long)row.Properties["first"] - 1, (string)row.Properties["prev"]),
            new ChainHead(segment.Chain, (long)row.Properties["last"], (string)row.Properties["head"]),
            (DateTimeOffset)row.Properties["written"],
            text.ToString());
    }

    private static string ChunkName(int index) => string.Create(CultureInfo.InvariantCulture, $"lines{index}");
}

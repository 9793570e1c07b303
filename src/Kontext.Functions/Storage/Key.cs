using System.Buffers.Text;
using System.Globalization;
using Kontext.Domain;

namespace Kontext.Functions.Storage;

/// <summary>Composes partition and row keys. INVARIANT: every key begins with the organization, and a row key is unique in its table.</summary>
internal static class Key
{
    private const char Separator = '~';
    private const char AfterHex = 'g';

    /// <summary>The organization alone: a small partition, or a row of which there is one.</summary>
    public static string Of(OrgId org) => org.Value.ToString("N", CultureInfo.InvariantCulture);

    /// <summary>The organization and a fixed word.</summary>
    public static string Of(OrgId org, string word) => $"{org.Value:N}{Separator}{word}";

    /// <summary>The organization and an id; ids of UUID version 7 sort by time.</summary>
    public static string Of<TId>(OrgId org, TId id)
        where TId : struct, IId<TId> => $"{org.Value:N}{Separator}{id.Value:N}";

    /// <summary>The organization and two ids.</summary>
    public static string Of<TId, TOther>(OrgId org, TId id, TOther other)
        where TId : struct, IId<TId>
        where TOther : struct, IId<TOther> => $"{org.Value:N}{Separator}{id.Value:N}{Separator}{other.Value:N}";

    /// <summary>The organization and one of 256 shards, chosen by the id's last, random bits.</summary>
    public static string Shard<TId>(OrgId org, TId id)
        where TId : struct, IId<TId> => $"{org.Value:N}{Separator}{id.Value.ToByteArray()[15]:x2}";

    /// <summary>How many partitions <see cref="Shard{TId}"/> and <see cref="HashShard"/> spread an organization's rows over.</summary>
    public const int ShardCount = 256;

    /// <summary>One of these partitions.</summary>
    public static string Shard(OrgId org, int shard) => $"{org.Value:N}{Separator}{shard:x2}";

    /// <summary>The organization and one of 256 shards, chosen by a hash in base64url: few enough that a sweep can walk them all.</summary>
    public static string HashShard(OrgId org, string hash)
    {
        Span<byte> bytes = stackalloc byte[3];
        Base64Url.DecodeFromChars(hash.AsSpan(0, 4), bytes);
        return $"{org.Value:N}{Separator}{bytes[0]:x2}";
    }

    /// <summary>All of these partitions.</summary>
    public static IEnumerable<string> Shards(OrgId org) => Enumerable.Range(0, ShardCount).Select(shard => Shard(org, shard));

    /// <summary>The organization and the hash of a name; case does not matter in names.</summary>
    public static string Name(OrgId org, string name) => $"{org.Value:N}{Separator}name{Separator}{RandomValue.HashOf(name.ToLowerInvariant())}";

    /// <summary>The range of the organization's row keys made of ids, without those made of names: all, or those after an id.</summary>
    public static (string From, string To) Ids<TId>(OrgId org, TId? after)
        where TId : struct, IId<TId> => ($"{(after is { } id ? Of(org, id) : Of(org))}{Separator}", $"{Of(org)}{Separator}{AfterHex}");
}

/// <summary>The place in a list of ids where the next page begins, as callers see it: base64url of the last id given.</summary>
internal static class PageCursor
{
    /// <summary>Points behind an id.</summary>
    public static string After<TId>(TId id)
        where TId : struct, IId<TId> => Base64Url.EncodeToString(id.Value.ToByteArray(bigEndian: true));

    /// <summary>The last id of the page before; null for the first page.</summary>
    /// <exception cref="ArgumentException">The cursor is not one of ours.</exception>
    public static TId? Read<TId>(string? cursor)
        where TId : struct, IId<TId>
    {
        if (cursor is null)
            return null;
        Span<byte> bytes = stackalloc byte[16];
        return cursor.Length == 22 && Base64Url.IsValid(cursor) && Base64Url.TryDecodeFromChars(cursor, bytes, out var written) && written == 16
            ? TId.From(new Guid(bytes, bigEndian: true))
            : throw new ArgumentException("The cursor is not one this list gave.", nameof(cursor));
    }
}

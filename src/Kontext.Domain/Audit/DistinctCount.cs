using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Kontext.Domain.Audit;

/// <summary>Counts different names over hours and instances without keeping them all: the smallest hashes are kept (KMV sketch). Exact up to <see cref="Kept"/>, beyond within a few percent.</summary>
public sealed class DistinctCount
{
    /// <summary>How many hashes are kept.</summary>
    public const int Kept = 1024;

    private readonly SortedSet<ulong> smallest = [];

    /// <summary>Reads one that was stored.</summary>
    public static DistinctCount Of(ReadOnlySpan<byte> stored)
    {
        var count = new DistinctCount();
        for (; stored.Length >= sizeof(ulong); stored = stored[sizeof(ulong)..])
            count.Add(BinaryPrimitives.ReadUInt64BigEndian(stored));
        return count;
    }

    /// <summary>How many different names there were.</summary>
    public long Value => smallest.Count < Kept ? smallest.Count : (long)Math.Round((Kept - 1) / (smallest.Max / (double)ulong.MaxValue));

    /// <summary>Adds a name, which may have been added before.</summary>
    public void Add(string name)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(name), hash);
        Add(BinaryPrimitives.ReadUInt64BigEndian(hash));
    }

    /// <summary>Adds all names of another.</summary>
    public void Add(DistinctCount other)
    {
        foreach (var hash in other.smallest)
            Add(hash);
    }

    /// <summary>The hashes, for storing.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[smallest.Count * sizeof(ulong)];
        var offset = 0;
        foreach (var hash in smallest)
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(offset), hash);
            offset += sizeof(ulong);
        }
        return bytes;
    }

    private void Add(ulong hash)
    {
        if (smallest.Count == Kept && hash >= smallest.Max)
            return;
        if (smallest.Add(hash) && smallest.Count > Kept)
            smallest.Remove(smallest.Max);
    }
}

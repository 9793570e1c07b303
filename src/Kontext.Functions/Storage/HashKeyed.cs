using System.Text.Json.Serialization.Metadata;
using Kontext.Domain;

namespace Kontext.Functions.Storage;

/// <summary>Values found by the hash of an unguessable handle, spread over partitions by that hash.</summary>
/// <typeparam name="T">The stored type.</typeparam>
internal sealed class HashKeyed<T>(ITable table, JsonTypeInfo<T> type)
    where T : class
{
    private readonly DocumentTable<T> values = new(table, type);

    /// <summary>Adds one.</summary>
    /// <exception cref="InvalidOperationException">The handle was made before: it cannot have been random.</exception>
    public async Task InsertAsync(OrgId org, string hash, T value, CancellationToken cancellationToken)
    {
        if (await values.InsertAsync(Key.HashShard(org, hash), Key.Of(org, hash), value, cancellationToken) is null)
            throw new InvalidOperationException("A random handle came up twice.");
    }

    /// <summary>The one with this hash; null when there is none.</summary>
    public Task<Versioned<T>?> FindAsync(OrgId org, string hash, CancellationToken cancellationToken) =>
        values.FindAsync(Key.HashShard(org, hash), Key.Of(org, hash), cancellationToken);

    /// <summary>Writes if nobody wrote since; null when somebody did.</summary>
    public Task<Versioned<T>?> ReplaceAsync(OrgId org, string hash, Versioned<T> current, T next, CancellationToken cancellationToken) =>
        values.ReplaceAsync(Key.HashShard(org, hash), Key.Of(org, hash), current, next, cancellationToken);
}

using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text.Json;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Upstream;

/// <summary>The public keys of clients: registered with us, or fetched from where the client publishes them.</summary>
internal sealed class ClientKeys(GuardedFetch fetch, TimeProvider time)
{
    private const int MaxBytes = 32 * 1024;
    private const int MaxKept = 10_000;
    private static readonly TimeSpan Life = TimeSpan.FromMinutes(5);

    // A client that has just rotated its key is not kept waiting, and nobody can make us fetch in a loop.
    private static readonly TimeSpan ShortestLife = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, (ImmutableArray<ClientKey> Keys, DateTimeOffset FetchedAt)> kept = new(StringComparer.Ordinal);

    /// <summary>The keys an assertion with this <c>kid</c> may be signed with; none when there are none or they cannot be fetched.</summary>
    public async ValueTask<ImmutableArray<ClientKey>> FindAsync(OAuthClient client, string? keyId, CancellationToken cancellationToken)
    {
        if (client.Jwks is { } registered)
        {
            using var jwks = JsonDocument.Parse(registered);
            return ClientKeySet.Read(jwks.RootElement).TryGet(out var keys, out _) ? Matching(keys, keyId) : [];
        }
        if (client.JwksUri is not { } address)
            return [];
        var age = kept.TryGetValue(address, out var known) ? time.GetUtcNow() - known.FetchedAt : TimeSpan.MaxValue;
        if (age < Life && (Matching(known.Keys, keyId) is { IsEmpty: false } found || age < ShortestLife))
            return Matching(known.Keys, keyId);
        return Matching(await FetchAsync(address, cancellationToken), keyId);
    }

    private async Task<ImmutableArray<ClientKey>> FetchAsync(string address, CancellationToken cancellationToken)
    {
        if (!(await fetch.JsonAsync(new Uri(address), MaxBytes, cancellationToken)).TryGet(out var fetched, out _)
            || !ClientKeySet.Read(fetched.Root).TryGet(out var keys, out _))
            return [];
        if (kept.Count >= MaxKept)
            kept.Clear();
        kept[address] = (keys, time.GetUtcNow());
        return keys;
    }

    private static ImmutableArray<ClientKey> Matching(ImmutableArray<ClientKey> keys, string? keyId) =>
        keyId is null ? keys : [.. keys.Where(key => key.KeyId == keyId)];
}

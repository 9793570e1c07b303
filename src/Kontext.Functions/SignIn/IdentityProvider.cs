using System.Collections.Concurrent;
using System.Collections.Immutable;
using Kontext.Domain;
using Kontext.Functions.Upstream;

namespace Kontext.Functions.SignIn;

/// <summary>What sign-in providers publish, remembered: their metadata and their keys.</summary>
/// <param name="fetch">A guarded fetch, which bounds its own time.</param>
/// <param name="time">The clock.</param>
internal sealed class IdentityProvider(GuardedFetch fetch, TimeProvider time)
{
    private const int MaxBytes = 256 * 1024;
    private static readonly TimeSpan Life = TimeSpan.FromHours(1);

    // A provider that has just rotated its key is not kept waiting, and nobody can make us fetch in a loop.
    private static readonly TimeSpan BetweenSearches = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, Known<IdentityProviderMetadata>> metadata = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Uri, Known<ImmutableArray<IdentityProviderKey>>> keys = new();
    private readonly SharedFlight<string, Result<IdentityProviderMetadata>> discoveries = new();
    private readonly SharedFlight<Uri, Result<ImmutableArray<IdentityProviderKey>>> searches = new();

    /// <summary>The provider's metadata. When it cannot be read again, what was read before stays good, and is asked for again after a minute.</summary>
    public async ValueTask<Result<IdentityProviderMetadata>> DiscoverAsync(SignInSettings settings, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        return metadata.TryGetValue(settings.Issuer, out var known) && (now - known.ReadAt < Life || now - known.TriedAt < BetweenSearches)
            ? known.Value : await discoveries.RunAsync(settings.Issuer, () => ReadMetadataAsync(settings.Issuer), cancellationToken);
    }

    /// <summary>The keys a token with this <c>kid</c> may be signed with: none when the provider has no such key. An unknown one makes it look again, once a minute at most.</summary>
    public async ValueTask<Result<ImmutableArray<IdentityProviderKey>>> KeysAsync(IdentityProviderMetadata provider, string? keyId, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (keys.TryGetValue(provider.JwksUri, out var known) && now - known.ReadAt < Life)
        {
            var matching = Matching(known.Value, keyId);
            if (!matching.IsEmpty || now - known.TriedAt < BetweenSearches)
                return matching;
        }
        return (await searches.RunAsync(provider.JwksUri, () => ReadKeysAsync(provider.JwksUri), cancellationToken)).TryGet(out var fresh, out var failure)
            ? Matching(fresh, keyId) : failure;
    }

    private async Task<Result<IdentityProviderMetadata>> ReadMetadataAsync(string issuer)
    {
        var read = (await fetch.JsonAsync(IdentityProviderMetadata.PlaceOf(issuer), MaxBytes, CancellationToken.None)).TryGet(out var document, out var failure)
            ? IdentityProviderMetadata.Read(document.Root, issuer) : Unreachable("discovery document", failure);
        var now = time.GetUtcNow();
        if (read.TryGet(out var fresh, out _))
            metadata[issuer] = new(fresh, now, now);
        else if (metadata.TryGetValue(issuer, out var known))
            return (metadata[issuer] = known with { TriedAt = now }).Value;
        return read;
    }

    private async Task<Result<ImmutableArray<IdentityProviderKey>>> ReadKeysAsync(Uri place)
    {
        var known = keys.GetValueOrDefault(place);
        if (!(await fetch.JsonAsync(place, MaxBytes, CancellationToken.None)).TryGet(out var document, out var failure))
        {
            if (known is not null)
                keys[place] = known with { TriedAt = time.GetUtcNow() };
            return Unreachable("keys", failure);
        }
        var fresh = IdentityProviderKey.ReadSet(document.Root);
        // The first reading was no search for a key that was missing: one may follow at once.
        keys[place] = new(fresh, time.GetUtcNow(), known is null ? DateTimeOffset.MinValue : time.GetUtcNow());
        return fresh;
    }

    private static ImmutableArray<IdentityProviderKey> Matching(ImmutableArray<IdentityProviderKey> all, string? keyId) =>
        keyId is null ? all : [.. all.Where(key => key.KeyId == keyId)];

    private static Failure Unreachable(string what, Failure failure) =>
        new(FailureCode.Unavailable, "The sign-in provider of this organization cannot be reached right now.", $"{what} {failure.Message} {failure.Detail}");

    private sealed record Known<T>(T Value, DateTimeOffset ReadAt, DateTimeOffset TriedAt);
}

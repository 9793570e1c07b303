using System.Collections.Concurrent;
using System.Collections.Immutable;
using Kontext.Domain;
using Kontext.Functions.Upstream;

namespace Kontext.Functions.SignIn;

/// <summary>What sign-in providers publish, remembered: their metadata and their keys.</summary>
/// <param name="fetch">A guarded fetch.</param>
/// <param name="time">The clock.</param>
internal sealed class IdentityProvider(GuardedFetch fetch, TimeProvider time)
{
    private const int MaxBytes = 256 * 1024;
    private static readonly TimeSpan Life = TimeSpan.FromHours(1);

    // A provider that has just rotated its key is not kept waiting, and nobody can make us fetch in a loop.
    private static readonly TimeSpan BetweenSearches = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, (IdentityProviderMetadata Metadata, DateTimeOffset At)> metadata = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Uri, KnownKeys> keys = new();

    /// <summary>The provider's metadata. When it cannot be read again, what was read before stays good.</summary>
    public async ValueTask<Result<IdentityProviderMetadata>> DiscoverAsync(SignInSettings settings, CancellationToken cancellationToken)
    {
        var known = metadata.TryGetValue(settings.Issuer, out var found);
        if (known && time.GetUtcNow() - found.At < Life)
            return found.Metadata;
        if (!(await ReadAsync(settings.Issuer, cancellationToken)).TryGet(out var fresh, out var failure))
            return known ? found.Metadata : failure;
        metadata[settings.Issuer] = (fresh, time.GetUtcNow());
        return fresh;
    }

    /// <summary>The keys a token with this <c>kid</c> may be signed with: none when the provider has no such key. An unknown one makes it look again, once a minute at most.</summary>
    public async ValueTask<Result<ImmutableArray<IdentityProviderKey>>> KeysAsync(IdentityProviderMetadata provider, string? keyId, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (keys.TryGetValue(provider.JwksUri, out var known) && now - known.At < Life)
        {
            var matching = Matching(known.Keys, keyId);
            if (!matching.IsEmpty || now - known.SearchedAt < BetweenSearches)
                return matching;
            // Noted before looking, so that those who come meanwhile do not look too.
            keys[provider.JwksUri] = known with { SearchedAt = now };
        }
        if (!(await fetch.JsonAsync(provider.JwksUri, MaxBytes, cancellationToken)).TryGet(out var document, out var failure))
            return Unreachable("keys", failure);
        var fresh = IdentityProviderKey.ReadSet(document.Root);
        keys[provider.JwksUri] = new KnownKeys(fresh, now, known is null ? DateTimeOffset.MinValue : now);
        return Matching(fresh, keyId);
    }

    private async Task<Result<IdentityProviderMetadata>> ReadAsync(string issuer, CancellationToken cancellationToken) =>
        (await fetch.JsonAsync(IdentityProviderMetadata.PlaceOf(issuer), MaxBytes, cancellationToken)).TryGet(out var document, out var failure)
            ? IdentityProviderMetadata.Read(document.Root, issuer) : Unreachable("discovery document", failure);

    private static ImmutableArray<IdentityProviderKey> Matching(ImmutableArray<IdentityProviderKey> all, string? keyId) =>
        keyId is null ? all : [.. all.Where(key => key.KeyId == keyId)];

    private static Failure Unreachable(string what, Failure failure) =>
        new(FailureCode.Unavailable, "The sign-in provider of this organization cannot be reached right now.", $"{what} {failure.Message} {failure.Detail}");

    private sealed record KnownKeys(ImmutableArray<IdentityProviderKey> Keys, DateTimeOffset At, DateTimeOffset SearchedAt);
}

using System.Collections.Concurrent;
using System.Collections.Immutable;
using Kontext.Domain;
using Kontext.Functions.SignIn;
using Kontext.Functions.Upstream;

namespace Kontext.Functions.Partner;

/// <summary>The keys partners publish, kept as long as their hosts allow.</summary>
/// <param name="fetch">A guarded fetch: the address is the application's choice.</param>
/// <param name="time">The clock.</param>
internal sealed class PartnerKeys(GuardedFetch fetch, TimeProvider time)
{
    private const int MaxBytes = 256 * 1024;
    private const int MaxKept = 10_000;
    private static readonly TimeSpan LongestLife = TimeSpan.FromDays(1);
    private static readonly TimeSpan OrdinaryLife = TimeSpan.FromMinutes(5);

    // A partner that has just rotated its key is not kept waiting, and nobody can make us fetch in a loop.
    private static readonly TimeSpan ShortestLife = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, KeptKeys> kept = new(StringComparer.Ordinal);

    /// <summary>The keys a token with this <c>kid</c> may be signed with; none when there is no such key.</summary>
    public async ValueTask<Result<ImmutableArray<IdentityProviderKey>>> FindAsync(string address, string? keyId, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (kept.TryGetValue(address, out var known) && now < known.FreshUntil)
        {
            var matching = Matching(known.Keys, keyId);
            if (!matching.IsEmpty || now - known.FetchedAt < ShortestLife)
                return matching;
        }
        if (!(await fetch.JsonAsync(new Uri(address), MaxBytes, cancellationToken)).TryGet(out var document, out var failure))
            return new Failure(FailureCode.Unavailable, $"The partner's keys cannot be read: what is at jwksUrl {failure.Message}.", failure.Detail) { RetryAfter = ShortestLife };
        var keys = IdentityProviderKey.ReadSet(document.Root);
        if (kept.Count >= MaxKept)
            kept.Clear();
        kept[address] = new KeptKeys(keys, now, now + LifeOf(document));
        return Matching(keys, keyId);
    }

    private static TimeSpan LifeOf(FetchedDocument document)
    {
        var life = document.FreshFor ?? OrdinaryLife;
        return life < ShortestLife ? ShortestLife : life > LongestLife ? LongestLife : life;
    }

    private static ImmutableArray<IdentityProviderKey> Matching(ImmutableArray<IdentityProviderKey> keys, string? keyId) =>
        keyId is null ? keys : [.. keys.Where(key => key.KeyId == keyId)];

    private sealed record KeptKeys(ImmutableArray<IdentityProviderKey> Keys, DateTimeOffset FetchedAt, DateTimeOffset FreshUntil);
}

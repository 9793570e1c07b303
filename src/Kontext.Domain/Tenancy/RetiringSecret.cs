namespace Kontext.Domain.Tenancy;

/// <summary>A client secret that was replaced and is accepted for a while longer, so that whoever uses it can change over without an interruption.</summary>
/// <param name="Hash">Its hash, as <see cref="RandomValue.HashOf"/> makes it.</param>
/// <param name="Until">When it ends.</param>
public sealed record RetiringSecret(string Hash, DateTimeOffset Until)
{
    /// <summary>The longest overlap of two secrets.</summary>
    public static readonly TimeSpan MaxOverlap = TimeSpan.FromDays(7);

    /// <summary>What becomes of a secret that is replaced now; null when it ends at once. INVARIANT: there is one at most, so that a secret replaced twice never works.</summary>
    public static RetiringSecret? After(string? replacedHash, TimeSpan overlap, DateTimeOffset now) =>
        replacedHash is null || overlap <= TimeSpan.Zero ? null : new RetiringSecret(replacedHash, now + overlap);

    /// <summary>Is this one of a client's two secrets? Both are compared, in constant time, so that the answer does not tell which it was.</summary>
    public static bool Accepts(string currentHash, RetiringSecret? retiring, Secret presented, DateTimeOffset now)
    {
        var current = RandomValue.Matches(presented.Reveal(), currentHash);
        var former = retiring is not null && RandomValue.Matches(presented.Reveal(), retiring.Hash) && now < retiring.Until;
        return current | former;
    }
}

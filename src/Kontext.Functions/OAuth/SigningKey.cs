using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Kontext.Functions.OAuth;

/// <summary>Where a signing key is in its life.</summary>
internal enum SigningKeyState
{
    /// <summary>Published, but signs nothing yet: whoever caches the key set gets to know it first.</summary>
    Next,

    /// <summary>Signs.</summary>
    Current,

    /// <summary>Signs no longer; what it signed is still accepted.</summary>
    Previous,

    /// <summary>Every token it signed has ended. Its public half is kept, so that old audit checkpoints can be verified.</summary>
    Retired,

    /// <summary>Was compromised: nothing it signed is accepted.</summary>
    Revoked,
}

/// <summary>A signing key as stored: the public half, where the private one is in the vault, and its times. Its algorithm never changes (RFC 8725 section 3.1).</summary>
internal sealed record StoredSigningKey(string Kid, string X, string Y, string VaultVersion, DateTimeOffset CreatedAt, DateTimeOffset ActiveFrom, DateTimeOffset? RetiredAt)
{
    /// <summary>The one algorithm it is used with.</summary>
    public string Algorithm { get; init; } = "ES256";

    /// <summary>Since when nothing it signed is accepted; null unless it was compromised.</summary>
    public DateTimeOffset? RevokedAt { get; init; }
}

/// <summary>The keys in use, all in one row, so that every change is one compare-and-swap. What each is for follows from the time alone: no instance has to be told when the next one takes over.</summary>
internal sealed record StoredKeyRing(ImmutableArray<StoredSigningKey> Keys)
{
    /// <summary>How far apart the clocks of instances may be.</summary>
    public static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(1);

    /// <summary>How long a key is accepted after the next one took over: until the last token it signed has ended.</summary>
    public static readonly TimeSpan Overlap = Kontext.Domain.OAuth.AccessTokenClaims.Lifetime + ClockSkew;

    /// <summary>The key that signs: the last to have become active. The earliest one when clocks disagree about whether it is already.</summary>
    public StoredSigningKey Current(DateTimeOffset now) => Keys.Where(key => key.ActiveFrom <= now).MaxBy(key => key.ActiveFrom) ?? Keys.MinBy(key => key.ActiveFrom)!;

    /// <summary>The key that takes over; null when there is none.</summary>
    public StoredSigningKey? Next(DateTimeOffset now) => Current(now) is var current ? Keys.Where(key => key.ActiveFrom > now && key != current).MinBy(key => key.ActiveFrom) : null;

    /// <summary>Keys whose tokens are accepted, and which the key set therefore names.</summary>
    public IEnumerable<StoredSigningKey> Published(DateTimeOffset now) => Keys.Where(key => StateOf(key, now) != SigningKeyState.Retired);

    /// <summary>Where a key of this ring is in its life.</summary>
    public SigningKeyState StateOf(StoredSigningKey key, DateTimeOffset now)
    {
        var current = Current(now);
        if (key == current)
            return SigningKeyState.Current;
        if (key.ActiveFrom > now)
            return SigningKeyState.Next;
        var successor = Keys.Where(other => other.ActiveFrom > key.ActiveFrom).Min(other => other.ActiveFrom);
        return now < successor + Overlap ? SigningKeyState.Previous : SigningKeyState.Retired;
    }
}

/// <summary>JSON of stored signing keys.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(StoredSigningKey))]
[JsonSerializable(typeof(StoredKeyRing))]
internal sealed partial class SigningKeyJson : JsonSerializerContext;

using Kontext.Domain;

namespace Kontext.Functions.SignIn;

/// <summary>A browser's sign-in, as stored under the hash of its handle.</summary>
/// <param name="User">Who signed in.</param>
/// <param name="SignedInAt">When.</param>
/// <param name="LastSeenAt">Last use, to some minutes.</param>
/// <param name="Ended">Signed out.</param>
/// <param name="AuthenticatedAt">When the person proved who they are, where that was before: a provider may know them from earlier. Null for at <paramref name="SignedInAt"/>.</param>
internal sealed record BrowserSession(UserId User, DateTimeOffset SignedInAt, DateTimeOffset LastSeenAt, bool Ended, DateTimeOffset? AuthenticatedAt = null)
{
    private static readonly TimeSpan Absolute = TimeSpan.FromHours(12);
    private static readonly TimeSpan Idle = TimeSpan.FromHours(2);

    /// <summary>When it ends by itself, unless it is used before.</summary>
    public DateTimeOffset ExpiresAt => new(Math.Min((SignedInAt + Absolute).UtcTicks, (LastSeenAt + Idle).UtcTicks), TimeSpan.Zero);
}

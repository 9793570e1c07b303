using Kontext.Domain;

namespace Kontext.Functions.SignIn;

/// <summary>A browser's sign-in, as stored under the hash of its handle.</summary>
/// <param name="User">Who signed in.</param>
/// <param name="SignedInAt">When.</param>
/// <param name="LastSeenAt">Last use, to some minutes.</param>
/// <param name="Ended">Signed out.</param>
internal sealed record BrowserSession(UserId User, DateTimeOffset SignedInAt, DateTimeOffset LastSeenAt, bool Ended);

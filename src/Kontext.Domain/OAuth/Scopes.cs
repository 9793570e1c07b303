using System.Collections.Immutable;

namespace Kontext.Domain.OAuth;

/// <summary>The scopes of our own tokens (contract 3.5).</summary>
public static class Scopes
{
    /// <summary>Call tools through the gateway.</summary>
    public const string Invoke = "mcp:invoke";

    /// <summary>Obtain gateway tokens by exchange (contract 3.4.4).</summary>
    public const string GatewayAccess = "gateway:access";

    /// <summary>Use the management API.</summary>
    public const string Management = "management:all";

    /// <summary>Sign in: an ID token is issued (OpenID Connect Core section 3.1.2.1).</summary>
    public const string OpenId = "openid";

    private static readonly ImmutableArray<string> SignIn = [OpenId, "profile", "email", "offline_access", "offline"];

    /// <summary>Every scope a client may name, as the metadata lists them. <c>offline_access</c> is accepted but not listed: refresh tokens are issued without it, and clients that see it force a consent prompt.</summary>
    public static readonly ImmutableArray<string> Supported = [OpenId, "profile", "email", Invoke, GatewayAccess, Management];

    /// <summary>Splits a scope parameter; order kept, doubles dropped.</summary>
    public static ImmutableArray<string> Parse(string? scope) =>
        scope is null ? [] : [.. scope.Split(' ', StringSplitOptions.RemoveEmptyEntries).Distinct(StringComparer.Ordinal)];

    /// <summary>The scope parameter of a response.</summary>
    public static string Format(IEnumerable<string> scopes) => string.Join(' ', scopes);

    /// <summary>Do we know it?</summary>
    public static bool IsKnown(string scope) => Supported.Contains(scope) || SignIn.Contains(scope);

    /// <summary>Does it belong to signing in, which every client may ask for?</summary>
    public static bool IsSignIn(string scope) => SignIn.Contains(scope);
}

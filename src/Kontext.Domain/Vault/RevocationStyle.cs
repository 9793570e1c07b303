namespace Kontext.Domain.Vault;

/// <summary>How a provider revokes tokens where it does not follow RFC 7009. None of the forms puts the token into an address, where logs would keep it.</summary>
/// <param name="Method">HTTP method.</param>
/// <param name="TokenIn">Where the token stands.</param>
/// <param name="TokenName">Its name there.</param>
/// <param name="Token">Which token the provider wants.</param>
/// <param name="ClientAuthentication">How we authenticate besides; null for as in token requests.</param>
public sealed record RevocationStyle(
    RevocationMethod Method = RevocationMethod.Post, TokenPlace TokenIn = TokenPlace.Form, string TokenName = "token",
    RevokedToken Token = RevokedToken.Refresh, RevocationAuthentication? ClientAuthentication = null)
{
    /// <summary>The way of RFC 7009 section 2.1.</summary>
    public static RevocationStyle Standard { get; } = new();
}

/// <summary>HTTP methods of revocation requests.</summary>
public enum RevocationMethod
{
    /// <summary>POST.</summary>
    Post,

    /// <summary>DELETE.</summary>
    Delete,
}

/// <summary>Where a revocation request carries the token.</summary>
public enum TokenPlace
{
    /// <summary>In a form.</summary>
    Form,

    /// <summary>In a JSON object.</summary>
    Json,

    /// <summary>As the bearer token of the request.</summary>
    Bearer,

    /// <summary>Alone in a header.</summary>
    Header,
}

/// <summary>The token a provider revokes.</summary>
public enum RevokedToken
{
    /// <summary>The refresh token where there is one, which ends the whole grant; else the access token.</summary>
    Refresh,

    /// <summary>The access token only.</summary>
    Access,
}

/// <summary>How a revocation request shows who we are, where that differs from token requests.</summary>
public enum RevocationAuthentication
{
    /// <summary>HTTP Basic.</summary>
    Basic,

    /// <summary>Id and secret beside the token.</summary>
    Post,

    /// <summary>Not at all: holding the token is enough.</summary>
    None,
}

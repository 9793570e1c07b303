using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Api;

/// <summary>The words of the catalog's files for its choices.</summary>
internal static class ProviderWords
{
    public static string Of(ClientAuthentication authentication) => authentication switch
    {
        ClientAuthentication.Basic => "basic",
        ClientAuthentication.Post => "post",
        ClientAuthentication.None => "none",
        _ => throw new InvalidOperationException($"Unknown authentication {authentication}."),
    };

    public static string Of(RefreshTokens refresh) => refresh switch
    {
        RefreshTokens.None => "none",
        RefreshTokens.Kept => "kept",
        RefreshTokens.Renewed => "renewed",
        RefreshTokens.Rotated => "rotated",
        RefreshTokens.BySetting => "bySetting",
        _ => throw new InvalidOperationException($"Unknown kind of refresh token {refresh}."),
    };
}

using System.Text.Json;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Api;

/// <summary>Checks and applies how an application authenticates: public, by secret, or by a key of its own (contract 1.4, RFC 7523).</summary>
internal static class ClientAuthenticationSettings
{
    /// <summary>The settings with what was sent applied; what is wrong with it goes to the errors.</summary>
    public static OAuthClient Apply(OAuthClient current, OAuthInput input, Dictionary<string, string> errors)
    {
        var method = input.TokenEndpointAuthMethod ?? (input.Type == "public" ? ClientAuthMethods.None : current.AuthMethod);
        if (method is not null && !ClientAuthMethods.Supported.Contains(method))
            errors["tokenEndpointAuthMethod"] = $"Has to be one of {string.Join(", ", ClientAuthMethods.Supported)}.";
        else if (input.Type is not null && method is not null && (input.Type == "public") != (method == ClientAuthMethods.None))
            errors["tokenEndpointAuthMethod"] = "A public application uses none, a confidential one any other method.";
        if (method == ClientAuthMethods.PrivateKeyJwt)
            return WithKeys(current, input, errors);
        if (HasKeys(input))
            errors["jwks"] = $"Keys are for the method {ClientAuthMethods.PrivateKeyJwt}.";
        return current with
        {
            Confidential = method is null ? input.Type is null ? current.Confidential : input.Type == "confidential" : method != ClientAuthMethods.None,
            AuthMethod = method == ClientAuthMethods.None ? null : method,
            Jwks = null,
            JwksUri = null,
        };
    }

    private static OAuthClient WithKeys(OAuthClient current, OAuthInput input, Dictionary<string, string> errors)
    {
        var keys = new ClientKeySource(current.Jwks, current.JwksUri);
        if ((HasKeys(input) || keys is { Jwks: null, JwksUri: null }) && !ClientKeySource.Read(input.Jwks, input.JwksUri).TryGet(out keys, out var unusable))
        {
            errors["jwks"] = unusable.Message;
            return current;
        }
        return current with { Confidential = true, AuthMethod = ClientAuthMethods.PrivateKeyJwt, Jwks = keys.Jwks, JwksUri = keys.JwksUri };
    }

    private static bool HasKeys(OAuthInput input) => input.Jwks is { ValueKind: not JsonValueKind.Null } || input.JwksUri is not null;
}

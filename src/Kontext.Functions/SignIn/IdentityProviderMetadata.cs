using System.Collections.Immutable;
using System.Text.Json;
using Kontext.Domain;

namespace Kontext.Functions.SignIn;

/// <summary>What a sign-in provider says about itself (OpenID Connect Discovery section 3).</summary>
internal sealed record IdentityProviderMetadata
{
    /// <summary>Its issuer, exactly as its ID tokens name it.</summary>
    public required string Issuer { get; init; }

    /// <summary>Where people are sent.</summary>
    public required Uri AuthorizationEndpoint { get; init; }

    /// <summary>Where codes are exchanged.</summary>
    public required Uri TokenEndpoint { get; init; }

    /// <summary>Where its signing keys are.</summary>
    public required Uri JwksUri { get; init; }

    /// <summary>Where people are signed out of it (RP-Initiated Logout); null for nowhere.</summary>
    public Uri? EndSessionEndpoint { get; init; }

    /// <summary>How clients may authenticate; empty when not said, which means Basic.</summary>
    public ImmutableArray<string> ClientAuthentications { get; init; } = [];

    /// <summary><c>iss</c> is sent in authorization responses (RFC 9207).</summary>
    public bool SendsIssuer { get; init; }

    /// <summary>Where the document of an issuer is (section 4).</summary>
    public static Uri PlaceOf(string issuer) => new(issuer.TrimEnd('/') + "/.well-known/openid-configuration");

    /// <summary>May a provider be at this address? https, or plain http on this machine.</summary>
    public static bool IsAllowed(Uri address) => address.Scheme == Uri.UriSchemeHttps || (address.Scheme == Uri.UriSchemeHttp && address.IsLoopback);

    /// <summary>Reads it. The issuer in it has to be the one configured (section 4.3), but for a trailing slash that people forget to type.</summary>
    public static Result<IdentityProviderMetadata> Read(JsonElement document, string issuer)
    {
        if (JsonMember.Text(document, "issuer") is not { } named || named.TrimEnd('/') != issuer.TrimEnd('/'))
            return Wrong($"names another issuer than Kontext__SignIn__Issuer: {Readable(JsonMember.Text(document, "issuer"))}");
        if (Endpoint(document, "authorization_endpoint") is not { } authorization || Endpoint(document, "token_endpoint") is not { } token || Endpoint(document, "jwks_uri") is not { } jwks)
            return Wrong("lacks an https authorization_endpoint, token_endpoint or jwks_uri");
        return new IdentityProviderMetadata
        {
            Issuer = named,
            AuthorizationEndpoint = authorization,
            TokenEndpoint = token,
            JwksUri = jwks,
            EndSessionEndpoint = Endpoint(document, "end_session_endpoint"),
            ClientAuthentications = [.. JsonMember.Texts(document, "token_endpoint_auth_methods_supported")],
            SendsIssuer = JsonMember.Flag(document, "authorization_response_iss_parameter_supported") == true,
        };
    }

    private static Uri? Endpoint(JsonElement document, string name) =>
        Uri.TryCreate(JsonMember.Text(document, name), UriKind.Absolute, out var address) && IsAllowed(address) ? address : null;

    // For the log, so that an administrator sees what to write; nothing else is done with it.
    private static string Readable(string? named) => named is null ? "none" : new([.. named.Take(200).Where(character => character is > ' ' and <= '~')]);

    private static Failure Wrong(string what) =>
        new(FailureCode.Misconfigured, "The sign-in of this organization is not set up correctly: an administrator has to check Kontext__SignIn__Issuer.", $"discovery document {what}");
}

using System.Collections.Immutable;

namespace Kontext.Domain.OAuth;

/// <summary>How a client can authenticate at the token endpoint (RFC 7591 section 2, OpenID Connect Core section 9).</summary>
public static class ClientAuthMethods
{
    /// <summary>Not at all: a public client, held by PKCE.</summary>
    public const string None = "none";

    /// <summary>A secret by HTTP Basic.</summary>
    public const string Basic = "client_secret_basic";

    /// <summary>A secret in the form.</summary>
    public const string Post = "client_secret_post";

    /// <summary>An assertion signed with the client's own key (RFC 7523).</summary>
    public const string PrivateKeyJwt = "private_key_jwt";

    /// <summary>All of them, as metadata lists them. Some clients take the first whatever they hold: Basic serves those with a secret, and those without send an empty one, which public clients may.</summary>
    public static ImmutableArray<string> Supported { get; } = [Basic, Post, None, PrivateKeyJwt];

    /// <summary>Algorithms an assertion may be signed with; none of them shares a secret (RFC 8725 section 3.1).</summary>
    public static ImmutableArray<string> SigningAlgorithms { get; } = ["ES256", "RS256", "PS256"];
}

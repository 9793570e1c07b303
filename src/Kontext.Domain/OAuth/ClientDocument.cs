using System.Collections.Immutable;

namespace Kontext.Domain.OAuth;

/// <summary>What a client says about itself at the URL that is its client id (draft-ietf-oauth-client-id-metadata-document-01 section 4).</summary>
public sealed record ClientDocument
{
    /// <summary>The URL, which the document repeats.</summary>
    public required string ClientId { get; init; }

    /// <summary>Name shown to people.</summary>
    public required string Name { get; init; }

    /// <summary>Redirect URIs that may be used here; at least one.</summary>
    public required ImmutableArray<string> RedirectUris { get; init; }

    /// <summary>Its keys, when it authenticates with <c>private_key_jwt</c>; null for a public client.</summary>
    public ClientKeySource? Keys { get; init; }

    /// <summary><c>dpop_bound_access_tokens</c>: it always uses tokens bound to a key (RFC 9449 section 5.2).</summary>
    public bool DpopBoundAccessTokens { get; init; }
}

/// <summary>Fetches client metadata documents. What they hold is untrusted: it was checked to be well formed and about the URL it came from, nothing else.</summary>
public interface IClientDocuments
{
    /// <summary>The document at a valid client id URL, as fresh as its host asked for; <see cref="FailureCode.InvalidClient"/> when there is none that can be used.</summary>
    Task<Result<ClientDocument>> FetchAsync(string clientId, CancellationToken cancellationToken);
}

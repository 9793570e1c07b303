using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.OAuth;

namespace Kontext.Functions.Upstream;

/// <summary>Client metadata documents over HTTP (draft-ietf-oauth-client-id-metadata-document-01 sections 4 and 6), kept as long as their hosts allow within our own bounds. What cannot be used is not kept.</summary>
internal sealed class ClientDocuments(GuardedFetch fetch, TimeProvider time) : IClientDocuments
{
    private const int MaxBytes = 5 * 1024;
    private const int MaxRedirectUris = 20;
    private const int MaxNameLength = 200;
    private const int MaxKept = 10_000;
    private static readonly TimeSpan ShortestLife = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestLife = TimeSpan.FromDays(1);

    private readonly ConcurrentDictionary<string, (ClientDocument Document, DateTimeOffset Until)> kept = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public async Task<Result<ClientDocument>> FetchAsync(string clientId, CancellationToken cancellationToken)
    {
        if (kept.TryGetValue(clientId, out var known) && time.GetUtcNow() < known.Until)
            return known.Document;
        if (!(await fetch.JsonAsync(new Uri(clientId), MaxBytes, cancellationToken)).TryGet(out var fetched, out var failure)
            || !Read(clientId, fetched.Root).TryGet(out var document, out failure))
            return failure with { Message = $"The application describes itself at {new Uri(clientId).Host}, but its metadata document {failure.Message}." };
        var life = fetched.FreshFor ?? ShortestLife;
        if (kept.Count >= MaxKept)
            kept.Clear();
        kept[clientId] = (document, time.GetUtcNow() + (life < ShortestLife ? ShortestLife : life > LongestLife ? LongestLife : life));
        return document;
    }

    private static Result<ClientDocument> Read(string clientId, JsonElement root)
    {
        try
        {
            return ReadMembers(clientId, root);
        }
        catch (InvalidOperationException)
        {
            // Text that is no Unicode shows only when it is read.
            return Wrong("is not valid JSON");
        }
    }

    private static Result<ClientDocument> ReadMembers(string clientId, JsonElement root)
    {
        if (Text(root, "client_id") != clientId)
            return Wrong("names another client_id than its own address");
        if (root.TryGetProperty("client_secret", out _) || root.TryGetProperty("client_secret_expires_at", out _))
            return Wrong("holds a client secret: a public document cannot share one");
        if (Text(root, "client_name") is not { } name || string.IsNullOrWhiteSpace(name) || name.Length > MaxNameLength)
            return Wrong($"has no client_name of at most {MaxNameLength} characters");
        var redirectUris = RedirectUrisOf(root);
        if (redirectUris is not { Length: > 0 and <= MaxRedirectUris })
            return Wrong($"has no redirect_uris that can be used here, or more than {MaxRedirectUris}");
        if (root.TryGetProperty("dpop_bound_access_tokens", out var bound) && bound.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
            return Wrong("has a dpop_bound_access_tokens that is neither true nor false");
        var document = new ClientDocument { ClientId = clientId, Name = name.Trim(), RedirectUris = redirectUris, DpopBoundAccessTokens = bound.ValueKind == JsonValueKind.True };
        switch (Text(root, "token_endpoint_auth_method") ?? ClientAuthMethods.None)
        {
            case ClientAuthMethods.None:
                return document;
            case ClientAuthMethods.PrivateKeyJwt:
                var keys = ClientKeySource.Read(root.TryGetProperty("jwks", out var jwks) ? jwks : null, Text(root, "jwks_uri"));
                return keys.TryGet(out var source, out var failure) ? document with { Keys = source } : Wrong($"cannot be used: {failure.Message.TrimEnd('.')}");
            default:
                return Wrong("asks for a token_endpoint_auth_method other than none and private_key_jwt");
        }
    }

    // What may not be registered here is left out, because documents name redirect URIs for every server their client meets.
    private static ImmutableArray<string> RedirectUrisOf(JsonElement root) =>
        root.TryGetProperty("redirect_uris", out var list) && list.ValueKind == JsonValueKind.Array
            ? [.. list.EnumerateArray().Where(entry => entry.ValueKind == JsonValueKind.String).Select(entry => entry.GetString()!).Where(RedirectUri.IsRegistrable)]
            : [];

    private static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static Failure Wrong(string what) => new(FailureCode.InvalidClient, what);
}

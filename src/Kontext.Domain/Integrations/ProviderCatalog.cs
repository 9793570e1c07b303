using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Kontext.Domain.Vault;

namespace Kontext.Domain.Integrations;

/// <summary>A provider Kontext knows by itself: one file of the folder <c>providers</c>, written from the provider's public documentation.</summary>
public sealed record CatalogProvider
{
    /// <summary>Its key, equal to the file's name: lower-case letters, digits and hyphens. Integrations and settings (<c>Providers__{key}__ClientId</c>) name it so.</summary>
    public required string Key { get; init; }

    /// <summary>Name for people.</summary>
    public required string Name { get; init; }

    /// <summary>What it is good for, in a sentence.</summary>
    public required string Description { get; init; }

    /// <summary>Page of its documentation this was written from.</summary>
    public required Uri Documentation { get; init; }

    /// <summary>Its issuer, where it sends <c>iss</c> or publishes metadata; null otherwise.</summary>
    public string? Issuer { get; init; }

    /// <summary>Authorization endpoint; null when the issuer's metadata tells.</summary>
    public Uri? AuthorizationEndpoint { get; init; }

    /// <summary>Token endpoint; null when the issuer's metadata tells.</summary>
    public Uri? TokenEndpoint { get; init; }

    /// <summary>Where refreshing has an endpoint of its own; null when it is the token endpoint.</summary>
    public Uri? RefreshEndpoint { get; init; }

    /// <summary>Revocation endpoint as RFC 7009 has it; null when it has none of that form.</summary>
    public Uri? RevocationEndpoint { get; init; }

    /// <summary>Revoking a token leaves the person's other tokens alone (RFC 7009 section 2.1). Where it does not, a replaced grant must not be revoked: its successor would go with it.</summary>
    public bool RevokesSingly { get; init; } = true;

    /// <summary>How to learn whose token it is; null when there is no way.</summary>
    public AccountIdentity? Account { get; init; }

    /// <summary>Where its MCP server is; null when it has none.</summary>
    public Uri? McpEndpoint { get; init; }

    /// <summary>How clients authenticate. Anything but <c>none</c> means a secret is necessary.</summary>
    public ClientAuthentication ClientAuthentication { get; init; }

    /// <summary>Whether it takes PKCE challenges.</summary>
    public bool Pkce { get; init; } = true;

    /// <summary>Scopes asked for when the integration names none.</summary>
    public ImmutableArray<string> DefaultScopes { get; init; } = [];

    /// <summary>What stands between scopes in requests.</summary>
    public string ScopeSeparator { get; init; } = " ";

    /// <summary>Name of the scope parameter; Slack keeps people's scopes in one of its own.</summary>
    public string ScopeParameter { get; init; } = "scope";

    /// <summary>Reported scope to asked scope, where the provider reports another name.</summary>
    public ImmutableDictionary<string, string> ScopeAliases { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Scopes with a line of explanation each.</summary>
    public ImmutableArray<CatalogScope> Scopes { get; init; } = [];

    /// <summary>Further parameters of the authorization request.</summary>
    public ImmutableDictionary<string, string> AuthorizeParameters { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Member of the token answer that holds the person's token; null for the top.</summary>
    public string? TokenObject { get; init; }

    /// <summary>Token types used as bearer tokens, besides <c>bearer</c>.</summary>
    public ImmutableArray<string> BearerTypes { get; init; } = [];

    /// <summary>Error codes that mean the grant is dead, besides the usual ones.</summary>
    public ImmutableArray<string> DeadGrantErrors { get; init; } = [];

    /// <summary>What else is peculiar, in sentences for people.</summary>
    public ImmutableArray<string> Notes { get; init; } = [];
}

/// <summary>A scope and what it lets an agent do.</summary>
/// <param name="Name">As it is sent.</param>
/// <param name="Explanation">In words for people.</param>
public sealed record CatalogScope(string Name, string Explanation);

/// <summary>The providers Kontext knows by itself.</summary>
public sealed class ProviderCatalog
{
    private readonly ImmutableSortedDictionary<string, CatalogProvider> providers;

    private ProviderCatalog(IEnumerable<CatalogProvider> all) =>
        providers = all.ToImmutableSortedDictionary(provider => provider.Key, provider => provider, StringComparer.Ordinal);

    /// <summary>All of them, in the order of their keys.</summary>
    public IEnumerable<CatalogProvider> All => providers.Values;

    /// <summary>Reads the catalog that is built into the program.</summary>
    public static ProviderCatalog Load()
    {
        var assembly = typeof(ProviderCatalog).Assembly;
        return new ProviderCatalog(assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith("providers/", StringComparison.Ordinal))
            .Select(name =>
            {
                using var file = assembly.GetManifestResourceStream(name)!;
                return Read(file) ?? throw new InvalidDataException($"{name} is empty.");
            }));
    }

    /// <summary>Looks a provider up by its key; case does not matter.</summary>
    public bool TryFind(string key, [NotNullWhen(true)] out CatalogProvider? provider) => providers.TryGetValue(key.ToLowerInvariant(), out provider);

    internal static CatalogProvider? Read(Stream file)
    {
        if (JsonNode.Parse(file) is not JsonObject document)
            return null;
        // Deserializing forgets the defaults of members that are not in the file, so those of a blank entry are put there first.
        foreach (var (name, value) in JsonSerializer.SerializeToNode(Blank, ProviderCatalogJson.Default.CatalogProvider)!.AsObject())
        {
            if (name is not ("key" or "name" or "description" or "documentation"))
                document.TryAdd(name, value?.DeepClone());
        }
        return document.Deserialize(ProviderCatalogJson.Default.CatalogProvider);
    }

    private static readonly CatalogProvider Blank = new() { Key = "", Name = "", Description = "", Documentation = new Uri("https://example.com/") };
}

/// <summary>JSON of the catalog's files. A member nobody knows is an error, so that a misspelt one is not silently ignored.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(CatalogProvider))]
internal sealed partial class ProviderCatalogJson : JsonSerializerContext;

using Kontext.Domain.Integrations;

namespace Kontext.Functions.Api;

/// <summary>A catalog entry on the wire. It has no <c>id</c>, <c>handle</c> or <c>presetKey</c>, which clients of contract 2.8 look for in what an organization has set up.</summary>
internal sealed record CatalogProviderBody
{
    public required string Key { get; init; }

    public required string Name { get; init; }

    public required string Description { get; init; }

    public required string Documentation { get; init; }

    public required IReadOnlyList<string> Aliases { get; init; }

    public required IReadOnlyList<CatalogParameterBody> Parameters { get; init; }

    public string? AuthorizationEndpoint { get; init; }

    public string? TokenEndpoint { get; init; }

    public string? RevocationEndpoint { get; init; }

    public string? McpEndpoint { get; init; }

    public required string ClientAuthentication { get; init; }

    public required bool Pkce { get; init; }

    public required IReadOnlyList<string> DefaultScopes { get; init; }

    public required int Scopes { get; init; }

    public TokenLivesBody? Tokens { get; init; }

    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>The operator has set up an OAuth app, so that an integration needs none of its own.</summary>
    public required bool PlatformAppConfigured { get; init; }

    public static CatalogProviderBody Of(CatalogProvider provider, bool platformApp) => new()
    {
        Key = provider.Key,
        Name = provider.Name,
        Description = provider.Description,
        Documentation = provider.Documentation.OriginalString,
        Aliases = provider.Aliases,
        Parameters = [.. provider.Parameters.Select(parameter => new CatalogParameterBody(parameter.Name, parameter.Description, parameter.Example, parameter.Default, parameter.Default is null))],
        AuthorizationEndpoint = provider.AuthorizationEndpoint?.Text,
        TokenEndpoint = provider.TokenEndpoint?.Text,
        RevocationEndpoint = provider.RevocationEndpoint?.Text,
        McpEndpoint = provider.McpEndpoint?.Text,
        ClientAuthentication = ProviderWords.Of(provider.ClientAuthentication),
        Pkce = provider.Pkce,
        DefaultScopes = provider.DefaultScopes,
        Scopes = provider.Scopes.Length,
        Tokens = provider.Tokens is { } tokens
            ? new TokenLivesBody(ProviderWords.Of(tokens.Refresh), tokens.AccessSeconds, tokens.GraceSeconds, tokens.RefreshDays, tokens.IdleDays) : null,
        Notes = provider.Notes,
        PlatformAppConfigured = platformApp,
    };
}

/// <summary>What an integration has to tell (<c>oauth.parameters</c>).</summary>
internal sealed record CatalogParameterBody(string Name, string Description, string Example, string? Default, bool Required);

/// <summary>What the documentation says about the lives of tokens.</summary>
internal sealed record TokenLivesBody(string Refresh, int? AccessSeconds, int? GraceSeconds, int? RefreshDays, int? IdleDays);

/// <summary>The catalog, or what a search found in it.</summary>
internal sealed record CatalogProviderListBody(IReadOnlyList<CatalogProviderBody> Items);

/// <summary>One catalog entry.</summary>
internal sealed record CatalogProviderEnvelope(CatalogProviderBody Provider);

/// <summary>A scope, and whether it is asked for when an integration names none.</summary>
internal sealed record CatalogScopeBody(string Name, string Explanation, bool Default);

/// <summary>Scopes of a provider, or what a search found among them.</summary>
internal sealed record CatalogScopeListBody(IReadOnlyList<CatalogScopeBody> Items);

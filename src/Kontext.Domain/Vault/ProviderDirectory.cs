using System.Collections.Immutable;
using Kontext.Domain.Integrations;

namespace Kontext.Domain.Vault;

/// <summary>The OAuth apps the operator provides for everybody, one per catalog provider (contract 1.6).</summary>
public interface IPlatformProviderApps
{
    /// <summary>Client id and secret for a provider; null when the operator configured none.</summary>
    (string ClientId, Secret? ClientSecret)? Find(string provider);
}

/// <summary>Finds out which OAuth app and which endpoints serve an integration: explicit addresses, then the catalog, then the issuer's own metadata, and for an MCP server known by its URL alone what it names itself;
/// the integration's own app, then the platform's, else a failure that names the missing setting.</summary>
public sealed class ProviderDirectory(ProviderCatalog catalog, IPlatformProviderApps platform, IssuerDirectory issuers, McpAuthorizationServers mcp, GrantVault grants)
{
    /// <summary>The app to use for an integration.</summary>
    public async Task<Result<ProviderApp>> ResolveAsync(OrgId org, Integration integration, CancellationToken cancellationToken)
    {
        if (McpAuthorizationServers.Serves(integration))
            return await mcp.ResolveAsync(org, integration, cancellationToken);
        if (integration.OAuth is not { } oauth)
            return Misconfigured(integration, "set oauth.provider, oauth.issuer, or oauth.authorizationUrl and oauth.tokenUrl on the integration");
        CatalogProvider? provider = null;
        if (oauth.Provider is { } key && !catalog.TryFind(key, out provider))
            return Misconfigured(integration, $"oauth.provider names {key}, which is not in the provider catalog");

        IssuerMetadata? metadata = null;
        var explicitly = oauth.AuthorizationUrl is not null && oauth.TokenUrl is not null;
        if (!(await FindClientAsync(org, integration, oauth, provider, cancellationToken)).TryGet(out var identity, out var failure))
            return failure;
        var places = new ProviderPlaces(provider, oauth.Parameters, identity.ClientId);
        if (!explicitly && places.Missing is { } missing)
            return Misconfigured(integration, $"oauth.parameters.{missing.Name} has to be set on the integration. {missing.Description} {missing.Rule}");
        if (!explicitly && (oauth.Issuer ?? places.Of(provider?.Issuer)?.OriginalString) is { } issuer && provider?.AuthorizationEndpoint is null)
        {
            if (!(await issuers.FindAsync(issuer, cancellationToken)).TryGet(out metadata, out failure))
                return failure;
        }
        if (!TryEndpoint(oauth.AuthorizationUrl, places.Of(provider?.AuthorizationEndpoint) ?? metadata?.AuthorizationEndpoint, out var authorization))
            return Misconfigured(integration, "oauth.authorizationUrl is missing or not an absolute address");
        if (!TryEndpoint(oauth.TokenUrl, places.Of(provider?.TokenEndpoint) ?? metadata?.TokenEndpoint, out var token))
            return Misconfigured(integration, "oauth.tokenUrl is missing or not an absolute address");

        // A token sent to an address the administrator chose must not also go to the catalog's endpoints, and the other way round.
        var catalogEndpoints = oauth.TokenUrl is null ? provider : null;
        return new ProviderApp
        {
            Name = provider?.Name ?? integration.Name,
            AuthorizationEndpoint = authorization,
            TokenEndpoint = token,
            RefreshEndpoint = places.Of(catalogEndpoints?.RefreshEndpoint) ?? token,
            RevocationEndpoint = places.Of(catalogEndpoints?.RevocationEndpoint) ?? metadata?.RevocationEndpoint,
            Revocation = catalogEndpoints?.RevocationEndpoint is null ? null : catalogEndpoints.Revocation,
            RevokesSingly = provider?.RevokesSingly ?? true,
            Account = places.Of(catalogEndpoints?.Account) ?? (metadata?.UserInfoEndpoint is { } userInfo ? OpenIdAccount(userInfo) : null),
            Issuer = metadata?.Issuer ?? (explicitly ? oauth.Issuer : places.Of(catalogEndpoints?.Issuer)?.OriginalString),
            SendsIssuer = metadata?.SendsIssuer ?? false,
            ClientId = identity.ClientId,
            ClientSecret = identity.ClientSecret,
            Setting = identity.Setting,
            Authentication = AuthenticationFor(identity.ClientSecret, provider, metadata),
            TokenRequestFormat = provider?.TokenRequestFormat ?? TokenRequestFormat.Form,
            Scopes = oauth.Scopes.IsDefaultOrEmpty ? provider?.DefaultScopes ?? [] : oauth.Scopes,
            ScopeSeparator = provider?.ScopeSeparator ?? " ",
            ScopeParameter = provider?.ScopeParameter ?? "scope",
            ScopeAliases = provider?.ScopeAliases ?? ImmutableDictionary<string, string>.Empty,
            AuthorizeParameters = provider?.AuthorizeParameters ?? ImmutableDictionary<string, string>.Empty,
            CodeParameters = provider?.CodeParameters ?? ImmutableDictionary<string, string>.Empty,
            Pkce = provider?.Pkce ?? true,
            PkceMethod = provider?.PkceMethod ?? "S256",
            // The MCP specification has clients name the server they want a token for; catalog providers predate it.
            Resource = metadata is not null && provider is null && integration.Category == IntegrationCategory.GatewayRemoteMcp ? integration.Url : null,
            TokenObject = provider?.TokenObject,
            DeadGrantErrors = provider?.DeadGrantErrors ?? [],
            BearerTypes = provider?.BearerTypes ?? [],
            UnstatedLifetime = provider?.UnstatedLifetime is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
            OfflineScope = provider?.OfflineScope ?? "offline_access",
        };
    }

    /// <summary>The authorization server no longer knows a client that we registered there ourselves: the next one who asks gets another.</summary>
    public Task ForgetClientAsync(OrgId org, Integration integration, ProviderApp app, CancellationToken cancellationToken) =>
        mcp.ForgetAsync(org, integration, app, cancellationToken);

    private async Task<Result<(string ClientId, Secret? ClientSecret, string Setting)>> FindClientAsync(
        OrgId org, Integration integration, IntegrationOAuth oauth, CatalogProvider? provider, CancellationToken cancellationToken)
    {
        var needsSecret = provider?.ClientAuthentication is ClientAuthentication.Basic or ClientAuthentication.Post;
        if (oauth.ClientId is { Length: > 0 } own)
        {
            var setting = $"oauth.clientId and oauth.clientSecret of the integration {integration.Name}";
            var secret = oauth.ClientSecretVersion is { } version ? await grants.ReadClientSecretAsync(org, integration.Id, version, cancellationToken) : null;
            if (secret is null && (needsSecret || oauth.ClientSecretVersion is not null))
                return Misconfigured(integration, "set oauth.clientSecret on the integration");
            return (own, secret, setting);
        }
        if (provider is null)
            return Misconfigured(integration, "set oauth.clientId, and oauth.clientSecret if the provider gave one, on the integration");
        var key = provider.SettingsKey;
        var settings = $"Providers__{key}__ClientId and Providers__{key}__ClientSecret";
        if (platform.Find(key) is not { } app)
            return Misconfigured(integration, $"the operator has to set {settings}, or an administrator oauth.clientId and oauth.clientSecret on the integration");
        if (app.ClientSecret is null && needsSecret)
            return Misconfigured(integration, $"the operator has to set Providers__{key}__ClientSecret, or an administrator oauth.clientId and oauth.clientSecret on the integration");
        return (app.ClientId, app.ClientSecret, settings);
    }

    /// <summary>How to authenticate: as the catalog says, else as the metadata does.</summary>
    internal static ClientAuthentication AuthenticationFor(Secret? secret, CatalogProvider? provider, IssuerMetadata? metadata)
    {
        if (secret is null)
            return ClientAuthentication.None;
        if (provider is not null)
            return provider.ClientAuthentication == ClientAuthentication.None ? ClientAuthentication.Post : provider.ClientAuthentication;
        // Without a word about it, Basic is what every server has to understand (RFC 6749 section 2.3.1, RFC 8414 section 2).
        return metadata is { ClientAuthentications: { IsDefaultOrEmpty: false } methods }
            && !methods.Contains("client_secret_basic") && methods.Contains("client_secret_post")
            ? ClientAuthentication.Post : ClientAuthentication.Basic;
    }

    private static bool TryEndpoint(string? given, Uri? known, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Uri? endpoint)
    {
        endpoint = known;
        return given is null ? known is not null : Uri.TryCreate(given, UriKind.Absolute, out endpoint) && endpoint.Scheme is "https" or "http";
    }

    /// <summary>OpenID's way to learn the account's name (OpenID Connect Core section 5.3).</summary>
    internal static AccountIdentity OpenIdAccount(Uri userInfo) =>
        new() { Url = userInfo, Paths = ["email", "preferred_username", "name", "sub"], Scope = "openid" };

    private static Failure Misconfigured(Integration integration, string what) =>
        new(FailureCode.Misconfigured, $"The OAuth settings of {integration.Name} are incomplete: {what}.")
        {
            Integration = new FailedIntegration(integration.Id, integration.Name, "misconfigured"),
        };
}

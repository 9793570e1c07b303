using System.Collections.Concurrent;
using Kontext.Domain.Integrations;

namespace Kontext.Domain.Vault;

/// <summary>Finds out, from an MCP server's URL alone, where its tokens come from and who we are there (MCP authorization: RFC 9728, RFC 8414, client metadata documents, RFC 7591).</summary>
public sealed class McpAuthorizationServers(
    IAuthorizationDiscovery discovery, IssuerDirectory issuers, IMcpAuthorizationStore store, UpstreamClients clients, TimeProvider time)
{
    private const int MaxKept = 10_000;
    private static readonly TimeSpan Life = TimeSpan.FromMinutes(10);
    private readonly ConcurrentDictionary<string, DateTimeOffset> asked = new(StringComparer.Ordinal);

    /// <summary>Is the integration known by its URL alone?</summary>
    public static bool Serves(Integration integration) =>
        integration is { AuthMode: AuthMode.Oauth, Category: IntegrationCategory.GatewayRemoteMcp }
        && integration.OAuth is null or { Provider: null, Issuer: null, AuthorizationUrl: null, TokenUrl: null };

    /// <summary>The app to use. Asks the server again every ten minutes; while it does not answer, what it said before stands.</summary>
    public async Task<Result<ProviderApp>> ResolveAsync(OrgId org, Integration integration, CancellationToken cancellationToken)
    {
        var key = $"{org}\n{integration.Id}\n{integration.Url}";
        var row = await store.FindAsync(org, integration.Id, cancellationToken);
        var known = row is not null && row.Value.Url == integration.Url ? row.Value : null;
        ProtectedResource? resource = null;
        if (known is null || !asked.TryGetValue(key, out var until) || until <= time.GetUtcNow())
        {
            if (!(await discovery.FindAsync(integration.Name, new Uri(integration.Url), cancellationToken)).TryGet(out resource, out var unfound)
                && (known is null || unfound.Code == FailureCode.Misconfigured))
                return About(integration, unfound);
        }
        // What worked before is tried first: people's grants are from there.
        IEnumerable<string> candidates = resource is null ? [known!.Issuer] : resource.AuthorizationServers.OrderByDescending(issuer => issuer == known?.Issuer);
        Failure? last = null;
        foreach (var issuer in candidates)
        {
            if (!(await TryAsync(org, integration, row, resource, issuer, cancellationToken)).TryGet(out var app, out last))
                continue;
            if (asked.Count >= MaxKept)
                asked.Clear();
            if (resource is not null)
                asked[key] = time.GetUtcNow() + Life;
            return app;
        }
        return About(integration, last!);
    }

    /// <summary>The authorization server no longer knows the client that we registered there: the next one who asks gets another.</summary>
    public async Task ForgetAsync(OrgId org, Integration integration, ProviderApp app, CancellationToken cancellationToken)
    {
        while (await store.FindAsync(org, integration.Id, cancellationToken) is { } row
            && row.Value.Clients.FirstOrDefault(client => client.ClientId == app.ClientId && client.Issuer == app.Issuer) is { } forgotten)
        {
            if (await store.ReplaceAsync(org, row, row.Value with { Clients = row.Value.Clients.Remove(forgotten) }, cancellationToken) is null)
                continue;
            await clients.DiscardAsync(org, integration, forgotten, cancellationToken);
            return;
        }
    }

    private async Task<Result<ProviderApp>> TryAsync(
        OrgId org, Integration integration, Versioned<McpAuthorization>? row, ProtectedResource? resource, string issuer, CancellationToken cancellationToken)
    {
        if (!(await issuers.FindAsync(issuer, cancellationToken)).TryGet(out var metadata, out var failure))
            return failure;
        if (!IsSame(metadata.Issuer, issuer))
            return Unusable(issuer, "names another issuer in its metadata");
        // Without the word, nobody knows that the server would check the challenge (MCP authorization, authorization code protection).
        if (!metadata.ChallengeMethods.Contains("S256"))
            return Unusable(issuer, "does not say that it supports PKCE: code_challenge_methods_supported in its metadata lacks S256");

        var found = new McpAuthorization
        {
            Integration = integration.Id,
            Url = integration.Url,
            Resource = resource?.Resource ?? row!.Value.Resource,
            Issuer = issuer,
            Scopes = resource?.Scopes ?? row!.Value.Scopes,
            Clients = row?.Value.Clients ?? [],
        };
        var scopes = integration.OAuth is { Scopes.IsDefaultOrEmpty: false } chosen ? chosen.Scopes : found.Scopes;
        // A client that wants refresh tokens asks for them where the server offers to be asked (MCP authorization, refresh tokens).
        if (!scopes.Contains("offline_access") && metadata.Scopes.Contains("offline_access"))
            scopes = scopes.Add("offline_access");
        if (!(await clients.FindAsync(org, integration, found.Clients, metadata, scopes, cancellationToken)).TryGet(out var client, out failure))
            return failure;
        if (!(await RecordAsync(org, integration, row, found, client, metadata, cancellationToken)).TryGet(out client, out failure))
            return failure;
        return new ProviderApp
        {
            Name = integration.Name,
            AuthorizationEndpoint = metadata.AuthorizationEndpoint,
            TokenEndpoint = metadata.TokenEndpoint,
            RefreshEndpoint = metadata.TokenEndpoint,
            RevocationEndpoint = metadata.RevocationEndpoint,
            Account = metadata.UserInfoEndpoint is { } userInfo && scopes.Contains("openid") ? ProviderDirectory.OpenIdAccount(userInfo) : null,
            Issuer = metadata.Issuer,
            SendsIssuer = metadata.SendsIssuer,
            ClientId = client.ClientId,
            ClientSecret = client.Secret,
            Registered = client.Registration is not null,
            Setting = client.Setting,
            Authentication = client.Authentication,
            Scopes = scopes,
            Resource = found.Resource,
        };
    }

    /// <summary>Stores what was found and registered. Of two who registered at once the first to store wins, and the other's client is let go.</summary>
    private async Task<Result<UpstreamIdentity>> RecordAsync(
        OrgId org, Integration integration, Versioned<McpAuthorization>? row, McpAuthorization found, UpstreamIdentity client, IssuerMetadata metadata, CancellationToken cancellationToken)
    {
        while (true)
        {
            var others = row?.Value.Clients ?? [];
            if (client.Fresh && clients.Usable(others, metadata.Issuer) is { } theirs)
            {
                await clients.DiscardAsync(org, integration, client.Registration!, cancellationToken);
                return await clients.OpenAsync(org, integration, theirs, cancellationToken) is { } opened
                    ? opened : new Failure(FailureCode.Unavailable, $"The client registered for {integration.Name} cannot be read right now. Try again shortly.");
            }
            var next = found with { Clients = client.Fresh ? [.. others.Where(other => other.Issuer != metadata.Issuer), client.Registration!] : others };
            if (row is not null && IsSame(row.Value, next))
                return client;
            var written = row is null ? await store.InsertAsync(org, next, CancellationToken.None) : await store.ReplaceAsync(org, row, next, CancellationToken.None);
            if (written is not null)
            {
                if (client.Fresh)
                    await clients.RecordAsync(org, integration, client.Registration!);
                return client;
            }
            row = await store.FindAsync(org, integration.Id, CancellationToken.None);
        }
    }

    private static bool IsSame(McpAuthorization left, McpAuthorization right) =>
        (left.Url, left.Resource, left.Issuer) == (right.Url, right.Resource, right.Issuer) && left.Scopes.SequenceEqual(right.Scopes) && left.Clients.SequenceEqual(right.Clients);

    // RFC 8414 section 3.3 compares byte for byte; a bare origin is the same address with and without its slash (RFC 3986 section 6.2.3).
    private static bool IsSame(string named, string issuer) =>
        named == issuer || (new Uri(issuer).AbsolutePath == "/" && named.TrimEnd('/') == issuer.TrimEnd('/'));

    private static Failure Unusable(string issuer, string why) =>
        new(FailureCode.Misconfigured, $"The authorization server {issuer} {why}. Set oauth.issuer, or oauth.authorizationUrl and oauth.tokenUrl, on the integration to use another.");

    private static Failure About(Integration integration, Failure failure) =>
        failure.Code == FailureCode.Misconfigured ? failure with { Integration = new FailedIntegration(integration.Id, integration.Name, "misconfigured") } : failure;
}

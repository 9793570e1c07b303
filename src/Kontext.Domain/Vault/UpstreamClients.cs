using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;

namespace Kontext.Domain.Vault;

/// <summary>Who we are at an authorization server.</summary>
/// <param name="ClientId">Our client id there.</param>
/// <param name="Secret">Our secret; null for a public client.</param>
/// <param name="Authentication">How we authenticate.</param>
/// <param name="Setting">What an administrator has to look at when it is refused.</param>
/// <param name="Registration">The registration it is from; null when it was not registered by us.</param>
/// <param name="Fresh">Registered just now, and stored in no row yet.</param>
public sealed record UpstreamIdentity(string ClientId, Secret? Secret, ClientAuthentication Authentication, string Setting, UpstreamClient? Registration = null, bool Fresh = false);

/// <summary>Our clients at the authorization servers of MCP servers: the administrator's, else the one registered before, else our metadata document, else a new registration (MCP authorization, client registration).</summary>
public sealed class UpstreamClients(IAuthorizationDiscovery discovery, ICredentialVault vault, GrantVault grants, ConnectAddresses addresses, IAuditLog audit, TimeProvider time)
{
    /// <summary>The client to use at an issuer; a failure says what is missing.</summary>
    public async Task<Result<UpstreamIdentity>> FindAsync(
        OrgId org, Integration integration, ImmutableArray<UpstreamClient> registered, IssuerMetadata metadata, ImmutableArray<string> scopes, CancellationToken cancellationToken)
    {
        if (integration.OAuth is { ClientId: { Length: > 0 } own } oauth)
        {
            var secret = oauth.ClientSecretVersion is { } version ? await grants.ReadClientSecretAsync(org, integration.Id, version, cancellationToken) : null;
            return oauth.ClientSecretVersion is not null && secret is null
                ? new Failure(FailureCode.Misconfigured, $"The OAuth settings of {integration.Name} are incomplete: set oauth.clientSecret on the integration.")
                : new UpstreamIdentity(own, secret, ProviderDirectory.AuthenticationFor(secret, provider: null, metadata), $"oauth.clientId and oauth.clientSecret of the integration {integration.Name}");
        }
        if (Usable(registered, metadata.Issuer) is { } before && await OpenAsync(org, integration, before, cancellationToken) is { } opened)
            return opened;
        if (metadata.TakesClientDocuments && addresses.ClientDocument is { } document)
            return new UpstreamIdentity(document.AbsoluteUri, Secret: null, ClientAuthentication.None, $"whether {metadata.Issuer} can read our client metadata document at {document}");
        if (metadata.RegistrationEndpoint is not { } endpoint)
            return new Failure(FailureCode.Misconfigured,
                $"The authorization server {metadata.Issuer} of {integration.Name} lets no client register by itself: its metadata offers neither a registration_endpoint nor client metadata documents that can be used here. "
                + $"Register an OAuth app there with the redirect URI {addresses.RedirectUri}, and set oauth.clientId and oauth.clientSecret on the integration.");
        return await RegisterAsync(org, integration, metadata, endpoint, scopes, cancellationToken);
    }

    /// <summary>The registration at an issuer that still serves; null when there is none.</summary>
    public UpstreamClient? Usable(ImmutableArray<UpstreamClient> registered, string issuer) => registered.FirstOrDefault(client =>
        client.Issuer == issuer && client.RedirectUri == addresses.RedirectUri.AbsoluteUri && (client.ExpiresAt is not { } end || end > time.GetUtcNow()));

    /// <summary>A registration with its secret; null when the secret is not there.</summary>
    public async Task<UpstreamIdentity?> OpenAsync(OrgId org, Integration integration, UpstreamClient client, CancellationToken cancellationToken)
    {
        var secret = client.SecretVersion is { } version ? await vault.GetAsync(org, NameOf(integration, client.Issuer, client.ClientId), version, cancellationToken) : null;
        return client.SecretVersion is not null && secret is null ? null : IdentityOf(client, secret);
    }

    /// <summary>Deletes a client's secret.</summary>
    public Task DiscardAsync(OrgId org, Integration integration, UpstreamClient client, CancellationToken cancellationToken) =>
        client.SecretVersion is null ? Task.CompletedTask : vault.DeleteAsync(org, NameOf(integration, client.Issuer, client.ClientId), cancellationToken);

    /// <summary>Puts a registration on record.</summary>
    public Task RecordAsync(OrgId org, Integration integration, UpstreamClient client) => audit.AppendAsync(org, new AuditEvent
    {
        At = time.GetUtcNow(),
        Type = "integration.client_registered",
        Integration = new AuditParty(integration.Id.ToString(), integration.Name),
        Target = client.Issuer,
    }, CancellationToken.None);

    private async Task<Result<UpstreamIdentity>> RegisterAsync(
        OrgId org, Integration integration, IssuerMetadata metadata, Uri endpoint, ImmutableArray<string> scopes, CancellationToken cancellationToken)
    {
        var registration = new ClientRegistration(addresses.RedirectUri, Preferred(metadata.ClientAuthentications), scopes);
        // Nobody can take a registration back that was made and not stored.
        if (!(await discovery.RegisterAsync(integration.Name, endpoint, registration, cancellationToken)).TryGet(out var made, out var failure))
            return failure;
        var version = made.ClientSecret is { } secret
            ? await vault.PutAsync(org, NameOf(integration, metadata.Issuer, made.ClientId), secret, CancellationToken.None) : null;
        return IdentityOf(new UpstreamClient
        {
            Issuer = metadata.Issuer,
            ClientId = made.ClientId,
            SecretVersion = version,
            Authentication = made.Authentication,
            RedirectUri = addresses.RedirectUri.AbsoluteUri,
            ExpiresAt = made.ExpiresAt,
        }, made.ClientSecret) with { Fresh = true };
    }

    private static UpstreamIdentity IdentityOf(UpstreamClient client, Secret? secret) =>
        new(client.ClientId, secret, client.Authentication, $"the client {client.ClientId} that Kontext registered at {client.Issuer}", client);

    // Basic is what a server that says nothing has to understand (RFC 8414 section 2).
    private static ClientAuthentication Preferred(ImmutableArray<string> methods) =>
        methods.IsDefaultOrEmpty || methods.Contains("client_secret_basic") ? ClientAuthentication.Basic
        : methods.Contains("client_secret_post") ? ClientAuthentication.Post : ClientAuthentication.None;

    private static CredentialName NameOf(Integration integration, string issuer, string clientId) =>
        new($"upstream-client-{integration.Id}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{issuer}\n{clientId}")).AsSpan(0, 16))}");
}

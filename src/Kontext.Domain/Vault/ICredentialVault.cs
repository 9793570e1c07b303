namespace Kontext.Domain.Vault;

/// <summary>Names one credential in the vault: what it belongs to. Versions are kept under the same name.</summary>
/// <param name="Name">Letters, digits and hyphens, unique in its organization.</param>
public readonly record struct CredentialName(string Name)
{
    /// <summary>The credential of a connection.</summary>
    public static CredentialName Of(ConnectionId connection) => new($"connection-{connection}");

    /// <summary>The shared token of an integration.</summary>
    public static CredentialName ServerToken(IntegrationId integration) => new($"server-token-{integration}");

    /// <summary>The secret of an integration's own OAuth app.</summary>
    public static CredentialName ClientSecret(IntegrationId integration) => new($"client-secret-{integration}");

    /// <summary>A private signing key of the issuer.</summary>
    public static CredentialName SigningKey(string kid) => new($"signing-key-{kid}");

    /// <summary>The secret a webhook's messages are signed with.</summary>
    public static CredentialName Webhook(WebhookId webhook) => new($"webhook-{webhook}");
}

/// <summary>Where long-lived secrets live (architecture section 3). Keys of storage are bound to organization, name and version, so a row copied elsewhere does not open.</summary>
public interface ICredentialVault
{
    /// <summary>Stores a new version and gives its id, later than every one before in ordinal order.</summary>
    Task<string> PutAsync(OrgId org, CredentialName name, Secret value, CancellationToken cancellationToken);

    /// <summary>One version; null when it is not there.</summary>
    Task<Secret?> GetAsync(OrgId org, CredentialName name, string version, CancellationToken cancellationToken);

    /// <summary>The newest version; null when there is none.</summary>
    Task<(string Version, Secret Value)?> GetLatestAsync(OrgId org, CredentialName name, CancellationToken cancellationToken);

    /// <summary>Deletes versions older than the one given.</summary>
    Task TrimAsync(OrgId org, CredentialName name, string keepFrom, CancellationToken cancellationToken);

    /// <summary>Deletes every version. Gives the time until which somebody else could still bring it back (soft delete); null when it is gone for good.</summary>
    Task<DateTimeOffset?> DeleteAsync(OrgId org, CredentialName name, CancellationToken cancellationToken);
}

/// <summary>Seals short-lived secrets that are kept beside the row they belong to, under the organization's data key.</summary>
public interface ISealer
{
    /// <summary>Encrypts; <paramref name="context"/> must be the same when opening.</summary>
    ValueTask<string> SealAsync(OrgId org, string context, Secret value, CancellationToken cancellationToken);

    /// <summary>Decrypts; null when the text was not sealed for this organization and context.</summary>
    ValueTask<Secret?> OpenAsync(OrgId org, string context, string sealedText, CancellationToken cancellationToken);

    /// <summary>A keyed hash under the organization's key, 32 bytes: for handles that are derived instead of stored.</summary>
    ValueTask<byte[]> DeriveAsync(OrgId org, string purpose, string text, CancellationToken cancellationToken);
}

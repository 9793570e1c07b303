namespace Kontext.Domain.Vault;

/// <summary>Keeps the secrets of connections: the whole in the vault, and what the ordinary request needs sealed beside the row.</summary>
public sealed class GrantVault(ICredentialVault vault, ISealer sealer)
{
    /// <summary>Stores a grant as a new version and gives its id. The row is to point to it only afterwards.</summary>
    public Task<string> PutAsync(OrgId org, ConnectionId connection, Secret content, CancellationToken cancellationToken) =>
        vault.PutAsync(org, CredentialName.Of(connection), content, cancellationToken);

    /// <summary>The connection's row content once it points to a stored version.</summary>
    public async Task<Connection> PointAsync(OrgId org, Connection connection, string version, Secret accessToken, CancellationToken cancellationToken)
    {
        var pointing = connection with { CredentialVersion = version, SealedAccessToken = null };
        return pointing with { SealedAccessToken = await sealer.SealAsync(org, ConnectionCredentials.ContextOf(pointing), accessToken, cancellationToken) };
    }

    /// <summary>The grant a row names; null when the row names none, or it cannot be read.</summary>
    public async Task<StoredGrant?> ReadAsync(OrgId org, Connection connection, CancellationToken cancellationToken) =>
        connection.CredentialVersion is { } version
        && await vault.GetAsync(org, CredentialName.Of(connection.Id), version, cancellationToken) is { } content ? StoredGrant.Read(content) : null;

    /// <summary>The newest grant, whatever the row says; null when there is none.</summary>
    public async Task<StoredGrant?> ReadLatestAsync(OrgId org, ConnectionId connection, CancellationToken cancellationToken) =>
        await vault.GetLatestAsync(org, CredentialName.Of(connection), cancellationToken) is { } latest ? StoredGrant.Read(latest.Value) : null;

    /// <summary>What an interrupted refresh left behind: a version refreshed from the one the row names. Null when there is none.</summary>
    public async Task<(string Version, StoredGrant Grant)?> FindUnclaimedAsync(OrgId org, Connection connection, CancellationToken cancellationToken)
    {
        if (await vault.GetLatestAsync(org, CredentialName.Of(connection.Id), cancellationToken) is not { } latest
            || StoredGrant.Read(latest.Value) is not { } grant)
            return null;
        return grant.RefreshedFrom is not null && grant.RefreshedFrom == connection.CredentialVersion ? (latest.Version, grant) : null;
    }

    /// <summary>The access token beside the row; null when there is none, or it cannot be opened.</summary>
    public async ValueTask<Secret?> OpenAccessTokenAsync(OrgId org, Connection connection, CancellationToken cancellationToken) =>
        connection.SealedAccessToken is { } sealedToken
            ? await sealer.OpenAsync(org, ConnectionCredentials.ContextOf(connection), sealedToken, cancellationToken)
            : null;

    /// <summary>Deletes versions older than the one the row names.</summary>
    public Task TrimAsync(OrgId org, Connection connection, CancellationToken cancellationToken) =>
        connection.CredentialVersion is { } version ? vault.TrimAsync(org, CredentialName.Of(connection.Id), version, cancellationToken) : Task.CompletedTask;

    /// <summary>Deletes every version; gives until when the vault's operators could still bring them back, null when not at all.</summary>
    public Task<DateTimeOffset?> DeleteAsync(OrgId org, ConnectionId connection, CancellationToken cancellationToken) =>
        vault.DeleteAsync(org, CredentialName.Of(connection), cancellationToken);

    /// <summary>The secret of an integration's own OAuth app.</summary>
    public Task<Secret?> ReadClientSecretAsync(OrgId org, IntegrationId integration, string version, CancellationToken cancellationToken) =>
        vault.GetAsync(org, CredentialName.ClientSecret(integration), version, cancellationToken);
}

using Kontext.Domain;
using Kontext.Domain.OAuth;

namespace Kontext.Functions.Storage;

/// <summary>Where the user code of a device authorization leads.</summary>
/// <param name="CodeHash">Hash of the device code.</param>
/// <param name="ExpiresAt">When the authorization stops being of use.</param>
internal sealed record UserCodeRow(string CodeHash, DateTimeOffset ExpiresAt);

/// <summary>Device authorizations, found by either of their codes.</summary>
internal sealed class DeviceAuthorizationStore(ITableSource tables) : IDeviceAuthorizationStore
{
    private readonly HashKeyed<DeviceAuthorization> authorizations = new(tables.Open("deviceauthorizations"), StoredJson.Default.DeviceAuthorization);
    private readonly DocumentTable<UserCodeRow> userCodes = new(tables.Open("usercodes"), StoredJson.Default.UserCodeRow);

    /// <inheritdoc/>
    public async Task<bool> InsertAsync(OrgId org, DeviceAuthorization authorization, CancellationToken cancellationToken)
    {
        // The user code first: one that leads nowhere harms nobody, an authorization without one cannot be decided.
        if (await userCodes.InsertAsync(Partition(org, authorization.UserCodeHash), Key.Of(org, authorization.UserCodeHash), new UserCodeRow(authorization.CodeHash, authorization.ExpiresAt), cancellationToken) is null)
            return false;
        await authorizations.InsertAsync(org, authorization.CodeHash, authorization, cancellationToken);
        return true;
    }

    /// <inheritdoc/>
    public Task<Versioned<DeviceAuthorization>?> FindAsync(OrgId org, string codeHash, CancellationToken cancellationToken) => authorizations.FindAsync(org, codeHash, cancellationToken);

    /// <inheritdoc/>
    public async Task<Versioned<DeviceAuthorization>?> FindByUserCodeAsync(OrgId org, string userCodeHash, CancellationToken cancellationToken) =>
        await userCodes.FindAsync(Partition(org, userCodeHash), Key.Of(org, userCodeHash), cancellationToken) is { } row
            ? await FindAsync(org, row.Value.CodeHash, cancellationToken)
            : null;

    /// <inheritdoc/>
    public Task<Versioned<DeviceAuthorization>?> ReplaceAsync(OrgId org, Versioned<DeviceAuthorization> current, DeviceAuthorization next, CancellationToken cancellationToken) =>
        authorizations.ReplaceAsync(org, next.CodeHash, current, next, cancellationToken);

    private static string Partition(OrgId org, string hash) => Key.HashShard(org, hash);
}

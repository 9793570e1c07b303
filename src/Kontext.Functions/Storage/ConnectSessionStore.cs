using System.Text.Json.Serialization;
using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Storage;

/// <summary>Connect sessions in a table. They expire in minutes; what is left is swept by <see cref="ConnectSession.ExpiresAt"/>.</summary>
internal sealed class ConnectSessionStore(ITableSource tables) : IConnectSessionStore
{
    private readonly DocumentTable<ConnectSessionRow> table = new(tables.Open("connectsessions"), ConnectStorageJson.Default.ConnectSessionRow);

    /// <inheritdoc/>
    public async Task InsertAsync(OrgId org, ConnectSession session, CancellationToken cancellationToken)
    {
        var row = new ConnectSessionRow(session.User.Value, session.Application.Value, session.Integration?.Value, session.ReturnUrl, session.ExpiresAt);
        if (await table.InsertAsync(ConnectPartition.Of(org, session.HandleHash), session.HandleHash, row, cancellationToken) is null)
            throw new InvalidOperationException("A random handle came up twice.");
    }

    /// <inheritdoc/>
    public async Task<ConnectSession?> FindAsync(OrgId org, string handleHash, CancellationToken cancellationToken) =>
        await table.FindAsync(ConnectPartition.Of(org, handleHash), handleHash, cancellationToken) is { Value: var row }
            ? new ConnectSession
            {
                HandleHash = handleHash,
                User = UserId.From(row.User),
                Application = AppId.From(row.Application),
                Integration = row.Integration is { } integration ? IntegrationId.From(integration) : null,
                ReturnUrl = row.ReturnUrl,
                ExpiresAt = row.ExpiresAt,
            }
            : null;
}

/// <summary>Partitions of rows that are found by a hash: the organization and the hash's first characters, so that none grows large.</summary>
internal static class ConnectPartition
{
    public static string Of(OrgId org, string hash) => $"{org.Value:N}.{hash[..2]}";
}

/// <summary>A connect session as stored.</summary>
internal sealed record ConnectSessionRow(Guid User, Guid Application, Guid? Integration, string? ReturnUrl, DateTimeOffset ExpiresAt);

/// <summary>JSON of the rows that connecting keeps.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ConnectSessionRow))]
[JsonSerializable(typeof(ConnectStateRow))]
internal sealed partial class ConnectStorageJson : JsonSerializerContext;

using System.Collections.Immutable;
using Kontext.Domain.Integrations;
using Kontext.Domain.Observability;
using Kontext.Domain.Policies;

namespace Kontext.Domain.Vault;

/// <summary>An opened credential with what is known of it.</summary>
/// <param name="Value">The token.</param>
/// <param name="ExpiresAt">When it ends; null when it does not.</param>
/// <param name="Scopes">Its scopes at the provider.</param>
public sealed record OpenedCredential(Secret Value, DateTimeOffset? ExpiresAt, ImmutableArray<string> Scopes);

/// <summary>Opens what connections hold, only against a <see cref="Permit"/>, and refreshes it when it is about to end.</summary>
public sealed class ConnectionCredentials(IConnectionStore connections, ICredentialVault vault, ISealer sealer, CredentialRefresh refresh, TimeProvider time)
{
    /// <summary>A token with less life than this is refreshed before it is handed out.</summary>
    public static readonly TimeSpan RefreshAhead = TimeSpan.FromSeconds(30);

    /// <summary>The credential of a connection; <paramref name="rejected"/> is one the integration just refused.</summary>
    public async Task<Result<OpenedCredential>> OpenAsync(Permit permit, OrgId org, Integration integration, Connection connection, Secret? rejected, CancellationToken cancellationToken)
    {
        Require(permit, integration);
        if (integration.AuthMode == AuthMode.UserToken)
        {
            if (rejected is not null)
            {
                await NoteRefusalAsync(org, integration, connection);
                return new Failure(FailureCode.NotConnected, $"{integration.Name} refused the stored token. The person has to provide a new one.");
            }
            return await OpenStoredTokenAsync(org, connection, cancellationToken) is { } stored
                ? new OpenedCredential(stored, ExpiresAt: null, connection.Scopes)
                : new Failure(FailureCode.NotConnected, $"The stored token of {integration.Name} cannot be read. The person has to provide it again.");
        }

        if (connection.SealedAccessToken is { } sealedToken && !IsDue(connection, time.GetUtcNow())
            && await OpenSealedAsync(org, ContextOf(connection), sealedToken, cancellationToken) is { } current
            && rejected?.Reveal() != current.Reveal())
            return new OpenedCredential(current, connection.AccessExpiresAt, connection.Scopes);
        return await refresh.RunAsync(org, integration, connection, rejected, cancellationToken);
    }

    /// <summary>The shared token of an integration; null when none is configured.</summary>
    public async Task<Secret?> OpenServerTokenAsync(Permit permit, OrgId org, Integration integration, CancellationToken cancellationToken)
    {
        Require(permit, integration);
        if (integration.ServerTokenVersion is not { } version)
            return null;
        using var span = Stages.Start(Stages.Vault);
        return (integration.SealedServerToken is { } sealedToken ? await sealer.OpenAsync(org, ServerTokenContext(integration.Id, version), sealedToken, cancellationToken) : null)
            ?? await vault.GetAsync(org, CredentialName.ServerToken(integration.Id), version, cancellationToken);
    }

    /// <summary>What a shared token's sealing is bound to, besides the organization.</summary>
    public static string ServerTokenContext(IntegrationId integration, string version) => $"server-token\n{integration}\n{version}";

    /// <summary>Whether the access token is so near its end that it is renewed first: <see cref="RefreshAhead"/>, or a quarter of a life shorter than two minutes.</summary>
    public static bool IsDue(Connection connection, DateTimeOffset now)
    {
        if (connection.AccessExpiresAt is not { } end)
            return false;
        var quarter = (end - (connection.RefreshedAt ?? connection.ConnectedAt)) / 4;
        return end - now <= (quarter < RefreshAhead ? quarter : RefreshAhead);
    }

    /// <summary>What an access token's sealing is bound to, besides the organization.</summary>
    public static string ContextOf(Connection connection) => $"access-token\n{connection.Id}\n{connection.CredentialVersion}";

    /// <summary>One refusal by the integration proves little, so the connection stands; but its person is to see it. Not repeated, as agents may repeat themselves.</summary>
    private async Task NoteRefusalAsync(OrgId org, Integration integration, Connection connection)
    {
        var words = $"{integration.Name} refused the stored token when an agent used it";
        if (await connections.FindAsync(org, connection.User, integration.Id, CancellationToken.None) is { Value: { Status: ConnectionStatus.Connected } row } found
            && row.CredentialVersion == connection.CredentialVersion && row.LastError != words)
            await connections.ReplaceAsync(org, found, row with { LastError = words }, cutOff: false, CancellationToken.None);
    }

    private async Task<Secret?> OpenStoredTokenAsync(OrgId org, Connection connection, CancellationToken cancellationToken) =>
        // A person's token is sealed beside its row like an access token, so that the ordinary request needs no vault call.
        connection.SealedAccessToken is { } sealedToken
            ? await OpenSealedAsync(org, ContextOf(connection), sealedToken, cancellationToken)
            : connection.CredentialVersion is { } version ? await FetchAsync(org, CredentialName.Of(connection.Id), version, cancellationToken) : null;

    private async ValueTask<Secret?> OpenSealedAsync(OrgId org, string context, string sealedToken, CancellationToken cancellationToken)
    {
        using var span = Stages.Start(Stages.Vault);
        return await sealer.OpenAsync(org, context, sealedToken, cancellationToken);
    }

    private async Task<Secret?> FetchAsync(OrgId org, CredentialName name, string version, CancellationToken cancellationToken)
    {
        using var span = Stages.Start(Stages.Vault);
        return await vault.GetAsync(org, name, version, cancellationToken);
    }

    private static void Require(Permit permit, Integration integration)
    {
        if (integration.Id != (permit.Request.ConnectionOf ?? permit.Request.Integration))
            throw new InvalidOperationException("The permit is for another integration.");
    }
}

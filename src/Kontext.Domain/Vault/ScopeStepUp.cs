using System.Collections.Immutable;
using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;

namespace Kontext.Domain.Vault;

/// <summary>Keeps which scopes a service demanded and a grant lacks (RFC 6750 section 3.1), so that connecting again asks for all that was granted and for them.</summary>
public sealed class ScopeStepUp(IConnectionStore connections, IAuditLog audit, TimeProvider time)
{
    private const int MaxMissing = 50;

    /// <summary>What to ask for: the integration's scopes, and for a person who connects again also those that were missed, without losing what was granted.</summary>
    public static ImmutableArray<string> Wanted(ImmutableArray<string> configured, Connection? connection) =>
        connection is { MissingScopes.IsDefaultOrEmpty: false }
            ? [.. configured.Union(connection.Scopes, StringComparer.Ordinal).Union(connection.MissingScopes, StringComparer.Ordinal)]
            : configured;

    /// <summary>What is missing, in words; null when nothing is.</summary>
    public static string? WordsOf(Connection? connection) =>
        connection is { MissingScopes.IsDefaultOrEmpty: false } ? $"it lacks scopes that the service demanded: {string.Join(' ', connection.MissingScopes)}. Connect again to allow them" : null;

    /// <summary>Notes what the service demanded, and gives the refusal that leads the person to connect again.</summary>
    public async Task<Failure> NoteAsync(AccessRequest access, ImmutableArray<string> demanded)
    {
        var missing = demanded;
        while (access.User is { } user && await connections.FindAsync(access.Org, user.Id, access.Integration.ConnectionOf ?? access.Integration.Id, CancellationToken.None) is { Value.Status: ConnectionStatus.Connected } row)
        {
            missing = [.. demanded.Except(row.Value.Scopes, StringComparer.Ordinal)];
            ImmutableArray<string> before = row.Value.MissingScopes.IsDefault ? [] : row.Value.MissingScopes;
            ImmutableArray<string> all = [.. before.Union(missing, StringComparer.Ordinal).Take(MaxMissing)];
            if (all.Length == before.Length)
                break;
            if (await connections.ReplaceAsync(access.Org, row, row.Value with { MissingScopes = all }, cutOff: false, CancellationToken.None) is not { } written)
                continue;
            await audit.AppendAsync(access.Org, ConnectionEvents.Of("connection.scopes_missing", time.GetUtcNow(), access.Integration, written.Value) with
            {
                Status = "warn", ErrorType = "insufficient_scope", ErrorMessage = $"Demanded and not granted: {string.Join(' ', all)}",
            }, CancellationToken.None);
            break;
        }
        var words = missing.IsEmpty ? string.Join(' ', demanded) : string.Join(' ', missing);
        return new Failure(FailureCode.NotConnected, $"{access.Integration.Name} demands scopes that the connection lacks: {words}. The person has to connect it again and allow them.")
        {
            Integration = new FailedIntegration(access.Integration.Id, access.Integration.Name, "insufficient_scope"),
        };
    }
}

using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.Vault;

/// <summary>Finds out whether a person's connection works, by asking the provider with the credential as it is now, and notes what it said.</summary>
public sealed class ConnectionValidation(
    IConnectionStore connections, GrantVault grants, CredentialRefresh refresh, ProviderDirectory providers, CredentialCheck check, IAuditLog audit, TimeProvider time)
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    /// <summary>Asks, notes and records. Null when the person has no connection to ask about.</summary>
    public Task<(CredentialVerdict Verdict, ConnectionState State)?> RunAsync(OrgId org, User user, Integration integration, CancellationToken cancellationToken) =>
        RunAsync(org, user, integration, attended: true, cancellationToken);

    /// <summary>The same while nobody waits for it: an answer that tells nothing is noted, so that it is not asked for again soon, and not recorded.</summary>
    public Task UnattendedAsync(OrgId org, User user, Integration integration, CancellationToken cancellationToken) =>
        RunAsync(org, user, integration, attended: false, cancellationToken);

    private async Task<(CredentialVerdict Verdict, ConnectionState State)?> RunAsync(OrgId org, User user, Integration integration, bool attended, CancellationToken cancellationToken)
    {
        if (!integration.NeedsConnection || await connections.FindAsync(org, user.Id, integration.Id, cancellationToken) is not { Value: var connection })
            return null;
        var state = ConnectionState.Of(integration, connection, time.GetUtcNow());
        if (connection.Status != ConnectionStatus.Connected || connection.Epoch != integration.ConnectionEpoch)
            return (new CredentialVerdict(state.Validity, $"There is nothing to check: {state.Reason}.", time.GetUtcNow()), state);

        var (verdict, asked) = integration.AuthMode == AuthMode.Oauth
            ? await AskWithGrantAsync(org, integration, connection, cancellationToken)
            : await AskWithProvidedAsync(org, integration, connection, cancellationToken);
        // What the provider said is noted even if nobody waits for it any more.
        var after = await NoteAsync(org, user.Id, integration, verdict, asked);
        if (attended || verdict.Validity != Validity.Unknown)
            await audit.AppendAsync(org, Event(user, integration, connection, verdict), CancellationToken.None);
        return (verdict, ConnectionState.Of(integration, after, time.GetUtcNow()));
    }

    /// <summary>The person's own credential as it is now, to ask a server what it offers; null when they have none that works.</summary>
    public async Task<Secret?> CredentialAsync(OrgId org, UserId user, Integration integration, CancellationToken cancellationToken)
    {
        if (ConnectionState.Of(integration, (await connections.FindAsync(org, user, integration.Id, cancellationToken))?.Value, time.GetUtcNow()) is not { Connected: true, Connection: { } connection })
            return null;
        if (integration.AuthMode == AuthMode.UserToken)
            return await grants.OpenAccessTokenAsync(org, connection, cancellationToken);
        return (await refresh.RunAsync(org, integration, connection, rejected: null, cancellationToken)).TryGet(out var credential, out _) ? credential.Value : null;
    }

    private async Task<(CredentialVerdict Verdict, Secret? Asked)> AskWithGrantAsync(OrgId org, Integration integration, Connection connection, CancellationToken cancellationToken)
    {
        if (!(await refresh.RunAsync(org, integration, connection, rejected: null, cancellationToken)).TryGet(out var credential, out var failure))
            return (OfRefresh(failure), null);
        if (!(await providers.ResolveAsync(org, integration, cancellationToken)).TryGet(out var app, out failure))
            return (OfRefresh(failure), credential.Value);
        var verdict = await check.GrantAsync(integration, app, credential, cancellationToken);
        if (verdict.Validity != Validity.Invalid)
            return (verdict, credential.Value);

        // The token may have ended before its time while the grant lives: what counts is whether it can be renewed.
        if ((await refresh.RunAsync(org, integration, connection, rejected: credential.Value, cancellationToken)).TryGet(out var renewed, out failure))
            return (await check.GrantAsync(integration, app, renewed, cancellationToken), renewed.Value);
        return (failure.Code == FailureCode.NotConnected ? verdict : OfRefresh(failure), credential.Value);
    }

    private async Task<(CredentialVerdict Verdict, Secret? Asked)> AskWithProvidedAsync(OrgId org, Integration integration, Connection connection, CancellationToken cancellationToken) =>
        await grants.OpenAccessTokenAsync(org, connection, cancellationToken) is { } token
            ? (await check.ProvidedAsync(integration, token, cancellationToken), token)
            : (new CredentialVerdict(Validity.Invalid, "The stored token cannot be read. Provide it again.", time.GetUtcNow()), null);

    private CredentialVerdict OfRefresh(Failure failure) =>
        new(failure.Code == FailureCode.NotConnected ? Validity.Invalid : Validity.Unknown, failure.Message, time.GetUtcNow());

    /// <summary>Notes the verdict on the row, if it still holds the credential that was asked about, and gives the row. A refresh under way is waited for: it must not lose its row to us.</summary>
    private async Task<Connection?> NoteAsync(OrgId org, UserId user, Integration integration, CredentialVerdict verdict, Secret? asked)
    {
        while (true)
        {
            if (await connections.FindAsync(org, user, integration.Id, CancellationToken.None) is not { } row)
                return null;
            if (asked is null || row.Value.Status != ConnectionStatus.Connected)
                return row.Value;
            if (row.Value.LeaseUntil > time.GetUtcNow())
            {
                await Task.Delay(Poll, time, CancellationToken.None);
                continue;
            }
            if ((await grants.OpenAccessTokenAsync(org, row.Value, CancellationToken.None))?.Reveal() != asked.Reveal())
                return row.Value;
            // Agents are to stop, or may go on, on every instance.
            var cutOff = verdict.Validity == Validity.Invalid || row.Value.Validity == Validity.Invalid;
            if (await connections.ReplaceAsync(org, row, verdict.NoteOn(row.Value), cutOff, CancellationToken.None) is { } written)
                return written.Value;
        }
    }

    private static AuditEvent Event(User user, Integration integration, Connection connection, CredentialVerdict verdict) =>
        ConnectionEvents.Of(AuditTypes.Validated, verdict.At, integration, connection) with
        {
            User = new AuditParty(user.Id.ToString(), user.DisplayName),
            Target = verdict.Account ?? connection.Account,
            Status = verdict.Validity switch { Validity.Valid => "ok", Validity.Invalid => "error_auth", _ => "warn" },
            ErrorType = verdict.Validity switch { Validity.Valid => null, Validity.Invalid => ConnectionEnds.Refused, _ => "unknown" },
            ErrorMessage = verdict.Validity == Validity.Valid ? null : verdict.Message,
        };
}

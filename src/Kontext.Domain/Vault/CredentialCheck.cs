using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;

namespace Kontext.Domain.Vault;

/// <summary>Asks for real whether a credential is good: the provider whose account it is, or the MCP server it is for.</summary>
public sealed class CredentialCheck(ProviderCatalog catalog, IProviderClient client, McpToolNames tools, TimeProvider time)
{
    /// <summary>Checks what a provider granted.</summary>
    public async Task<CredentialVerdict> GrantAsync(Integration integration, ProviderApp app, OpenedCredential credential, CancellationToken cancellationToken)
    {
        // A token made for one server (RFC 8707) is for nobody else to judge.
        if (app is { Resource: null, Account: { } account } && (account.Scope is null || credential.Scopes.Contains(account.Scope)))
            return await AtProviderAsync(app.Name, account, credential.Value, cancellationToken);
        return integration.Category == IntegrationCategory.GatewayRemoteMcp
            ? await AtServerAsync(integration, credential.Value, cancellationToken)
            : NoWay(integration);
    }

    /// <summary>Checks a token that a person provides.</summary>
    public async Task<CredentialVerdict> ProvidedAsync(Integration integration, Secret token, CancellationToken cancellationToken)
    {
        if (!integration.CredentialSchema.IsEmpty)
            return NoWay(integration);
        if (integration.Category == IntegrationCategory.GatewayRemoteMcp)
            return await AtServerAsync(integration, token, cancellationToken);
        // A token of the person's own belongs to no OAuth app: an address that needs the app's client id cannot be completed.
        return integration.OAuth is { Provider: { } key } oauth && catalog.TryFind(key, out var provider)
            && new ProviderPlaces(provider, oauth.Parameters, oauth.ClientId ?? "").Of(provider.Account) is { } account
            ? await AtProviderAsync(provider.Name, account, token, cancellationToken)
            : NoWay(integration);
    }

    private async Task<CredentialVerdict> AtProviderAsync(string name, AccountIdentity account, Secret token, CancellationToken cancellationToken)
    {
        if ((await client.IdentityAsync(name, account, token, cancellationToken)).TryGet(out var known, out var failure))
            return Verdict(Validity.Valid, known is null ? $"{name} accepted it." : $"{name} accepted it as {known}.") with { Account = known };
        return failure.Code == FailureCode.InvalidToken ? Verdict(Validity.Invalid, failure.Message) : Undecided(failure);
    }

    private async Task<CredentialVerdict> AtServerAsync(Integration integration, Secret token, CancellationToken cancellationToken)
    {
        if (!(await tools.ListAsync(integration, token, cancellationToken)).TryGet(out var names, out var failure))
            return failure.Code == FailureCode.InvalidToken ? Verdict(Validity.Invalid, $"{integration.Name} does not accept it.") : Undecided(failure);
        // A server that lists its tools to anybody has not looked at the token.
        var verdict = (await tools.ListAsync(integration, credential: null, cancellationToken)).TryGet(out _, out _)
            ? Verdict(Validity.Unknown, $"{integration.Name} answers, but lists its tools without a credential too, so this proves nothing.")
            : Verdict(Validity.Valid, $"{integration.Name} accepted it and lists {names.Length} tools.");
        return verdict with { Tools = names };
    }

    private CredentialVerdict Undecided(Failure failure) => Verdict(Validity.Unknown, $"It could not be checked: {failure.Message}");

    private CredentialVerdict NoWay(Integration integration) => Verdict(Validity.Unknown, $"{integration.Name} offers Kontext no way to check it.");

    private CredentialVerdict Verdict(Validity validity, string message) => new(validity, message, time.GetUtcNow());
}

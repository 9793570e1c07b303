using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;

namespace Kontext.Domain.OAuth;

/// <summary>What a token is exchanged for (RFC 8693 section 2.1, contract 3.4.4).</summary>
/// <param name="Key">Tells whether two names mean the same.</param>
public abstract record ExchangeTarget(string Key)
{
    /// <summary>A token for the gateway, or for one integration behind it.</summary>
    /// <param name="Resource">The canonical resource.</param>
    public sealed record Gateway(string Resource) : ExchangeTarget(Resource);

    /// <summary>A token that one other agent may exchange, to act for the first.</summary>
    /// <param name="Application">The other agent.</param>
    public sealed record Agent(Application Application) : ExchangeTarget(Application.ClientId);

    /// <summary>An integration's credential.</summary>
    /// <param name="Integration">The integration.</param>
    public sealed record Credential(Integration Integration) : ExchangeTarget(Integration.Id.ToString());
}

/// <summary>Finds what the <c>resource</c> and <c>audience</c> parameters name.</summary>
public sealed class ExchangeTargets(IApplicationStore applications, IIntegrationStore integrations, Resources resources)
{
    private const int MaxNames = 10;

    /// <summary>The one target all names mean. An unknown one, and more than one, is refused (RFC 8693 section 2.2.2): a token of ours is for one target.</summary>
    public async Task<Result<ExchangeTarget>> ResolveAsync(TokenClient.Agent agent, IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        ExchangeTarget? named = null;
        foreach (var name in names.Take(MaxNames + 1))
        {
            if (await FindAsync(agent, name, cancellationToken) is not { } target)
                return new Failure(FailureCode.InvalidTarget, $"The integration is unknown or not allowed: none of this name is attached to {agent.Application.Name}.");
            if (named is not null && named.Key != target.Key)
                return new Failure(FailureCode.InvalidTarget, "resource and audience name several targets. A token is for one: ask once for each.");
            named = target;
        }
        return names.Count is > 0 and <= MaxNames ? named! : new Failure(FailureCode.InvalidTarget, $"Name one target, at most {MaxNames} times.");
    }

    /// <summary>The attached integration a name means; null when there is none, or it is not attached, which must look the same.</summary>
    public async ValueTask<Integration?> FindIntegrationAsync(TokenClient.Agent agent, string name, CancellationToken cancellationToken)
    {
        if (await integrations.CurrentByNameAsync(agent.Org, WholeName(name), cancellationToken) is { } found)
            return !found.Archived && CredentialBroker.IsAttached(agent.Application, found) ? found : null;
        return null;
    }

    private async ValueTask<ExchangeTarget?> FindAsync(TokenClient.Agent agent, string name, CancellationToken cancellationToken)
    {
        if (resources.Canonical(name) is { } resource && resources.IsGateway(resource))
            return resources.IntegrationOf(resource) is not { } only || await IsBehindGatewayAsync(agent, only, cancellationToken) ? new ExchangeTarget.Gateway(resource) : null;
        if (AppId.TryParse(name, null, out var id) && id.ClientId == name)
            return await applications.CurrentAsync(agent.Org, id, cancellationToken) is { Archived: false } other && other.Id != agent.Application.Id ? new ExchangeTarget.Agent(other) : null;
        return await FindIntegrationAsync(agent, name, cancellationToken) is { } integration ? new ExchangeTarget.Credential(integration) : null;
    }

    private async ValueTask<bool> IsBehindGatewayAsync(TokenClient.Agent agent, string name, CancellationToken cancellationToken)
    {
        if (await FindIntegrationAsync(agent, name, cancellationToken) is not null)
            return true;
        // The address may carry the handle in place of a name that does not fit into one.
        foreach (var id in agent.Application.Integrations)
        {
            if (await integrations.CurrentAsync(agent.Org, id, cancellationToken) is { Archived: false } attached && string.Equals(ToolId.HandleOf(attached.Name), name, StringComparison.OrdinalIgnoreCase))
                return true;
        }
        return false;
    }

    // Clients of the second generation name a part of an integration, handle/part (contract 3.4.4); policy knows the whole.
    private static string WholeName(string name) =>
        name.IndexOf('/', StringComparison.Ordinal) is var slash and > 0 && !name.Contains("://", StringComparison.Ordinal) ? name[..slash] : name;
}

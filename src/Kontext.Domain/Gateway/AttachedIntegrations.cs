using Kontext.Domain.Integrations;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;

namespace Kontext.Domain.Gateway;

/// <summary>Which integrations an agent has.</summary>
public sealed class AttachedIntegrations(IIntegrationStore integrations)
{
    /// <summary>Those attached to the application, without archived ones, in the order of their names.</summary>
    public async ValueTask<List<Integration>> OfAsync(AgentCaller caller, CancellationToken cancellationToken)
    {
        var attached = new List<Integration>(caller.Application.Integrations.Length);
        foreach (var id in caller.Application.Integrations)
        {
            if (await integrations.CurrentAsync(caller.Org, id, cancellationToken) is { Archived: false } integration)
                attached.Add(integration);
        }
        if (caller.Application.IsSelfRegistered)
        {
            foreach (var offered in await integrations.CurrentDefaultsAsync(caller.Org, cancellationToken))
            {
                if (!offered.Archived && CredentialBroker.IsAttached(caller.Application, offered) && attached.All(present => present.Id != offered.Id))
                    attached.Add(offered);
            }
        }
        attached.Sort((left, right) => string.CompareOrdinal(left.Name, right.Name));
        return attached;
    }

    /// <summary>Those of them the gateway calls itself.</summary>
    public async ValueTask<List<Integration>> ProxiedAsync(AgentCaller caller, CancellationToken cancellationToken)
    {
        var attached = await OfAsync(caller, cancellationToken);
        attached.RemoveAll(integration => !IsProxied(caller.Application, integration));
        return attached;
    }

    /// <summary>One of those by name; null when there is none of that name or it is not attached, which must look the same.</summary>
    public ValueTask<Integration?> FindProxiedAsync(AgentCaller caller, string name, CancellationToken cancellationToken) =>
        FindAsync(caller, name, integration => IsProxied(caller.Application, integration), cancellationToken);

    /// <summary>The same for those with an API that the REST proxy reaches.</summary>
    public ValueTask<Integration?> FindWithApiAsync(AgentCaller caller, string name, CancellationToken cancellationToken) =>
        FindAsync(caller, name, integration => integration.Proxy is not null, cancellationToken);

    private async ValueTask<Integration?> FindAsync(AgentCaller caller, string name, Predicate<Integration> serves, CancellationToken cancellationToken)
    {
        if (await integrations.CurrentByNameAsync(caller.Org, name, cancellationToken) is { } integration)
            return !integration.Archived && serves(integration) && CredentialBroker.IsAttached(caller.Application, integration) ? integration : null;
        // The address may carry the handle in place of a name that does not fit into one.
        var candidates = await OfAsync(caller, cancellationToken);
        return candidates.Find(candidate => serves(candidate) && string.Equals(ToolId.HandleOf(candidate.Name), name, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Does the gateway call it for this application, or does the application only get its credential?</summary>
    public static bool IsProxied(Application application, Integration integration) =>
        integration.Category == IntegrationCategory.GatewayRemoteMcp && !application.CredentialOnly.Contains(integration.Id);
}

using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Api;

/// <summary>A graph while it is put together: everything once, and no more than its limits.</summary>
internal sealed class AccessGraph
{
    private const int MaxNodes = 2_000;
    private const int MaxEdges = 10_000;

    private readonly Dictionary<string, AccessNodeBody> nodes = new(StringComparer.Ordinal);
    private readonly Dictionary<(string From, string To, string Type, string? Via), AccessEdgeBody> edges = [];

    /// <summary>Something was left out.</summary>
    public bool Truncated { get; set; }

    /// <summary>Names an application in the graph.</summary>
    public static string NameOf(AppId application) => "application:" + application;

    /// <summary>Names an integration in the graph.</summary>
    public static string NameOf(IntegrationId integration) => "integration:" + integration;

    /// <summary>Names a person in the graph.</summary>
    public static string NameOf(UserId user) => "user:" + user;

    /// <summary>Is it in the graph?</summary>
    public bool Has(string node) => nodes.ContainsKey(node);

    /// <summary>Adds something; false when there is no room for it.</summary>
    public bool Add(AccessNodeBody node)
    {
        if (nodes.ContainsKey(node.Id))
            return true;
        if (nodes.Count >= MaxNodes)
        {
            Truncated = true;
            return false;
        }
        nodes[node.Id] = node;
        return true;
    }

    /// <summary>Adds a relation; a person's sessions with one application are counted together.</summary>
    public void Add(AccessEdgeBody edge)
    {
        var key = (edge.From, edge.To, edge.Type, edge.Via);
        if (edges.TryGetValue(key, out var known))
            edges[key] = known with { Sessions = known.Sessions + edge.Sessions };
        else if (edges.Count >= MaxEdges)
            Truncated = true;
        else
            edges[key] = edge;
    }

    /// <summary>The graph.</summary>
    public AccessGraphBody ToBody(string? nextCursor, bool enforced) => new([.. nodes.Values], [.. edges.Values], Truncated, nextCursor, enforced);
}

/// <summary>Puts the access graph together from what decides about access.</summary>
internal sealed class AccessGraphs(IIntegrationStore integrations, ISessionStore sessions, IUserStore users, ConnectionSources connections, CredentialBroker broker, TimeProvider time)
{
    private const int MaxSessions = 200;
    private const int MaxCapabilities = 100;

    /// <summary>Adds an application with everybody and everything it has to do with.</summary>
    public async Task AddAsync(OrgId org, Application application, AccessGraph graph, CancellationToken cancellationToken)
    {
        var name = AccessGraph.NameOf(application.Id);
        if (!graph.Add(new AccessNodeBody(name, "application", application.Id.ToString(), application.Name) { Suspended = application.Suspended }))
            return;
        var attached = new List<Integration>();
        foreach (var id in application.Integrations)
        {
            if (await integrations.CurrentAsync(org, id, cancellationToken) is { Archived: false } integration)
                attached.Add(integration);
        }
        if (application.IsSelfRegistered)
            attached.AddRange((await integrations.CurrentDefaultsAsync(org, cancellationToken)).Where(offered => !offered.Archived && attached.All(present => present.Id != offered.Id)));
        foreach (var integration in attached)
            await AddAsync(org, application, integration, graph, cancellationToken);
        await AddPeopleAsync(org, application, attached, graph, cancellationToken);
    }

    private async Task AddAsync(OrgId org, Application application, Integration integration, AccessGraph graph, CancellationToken cancellationToken)
    {
        var (from, to) = (AccessGraph.NameOf(application.Id), AccessGraph.NameOf(integration.Id));
        if (!graph.Add(new AccessNodeBody(to, "integration", integration.Id.ToString(), integration.Name) { Suspended = integration.Suspended }))
            return;
        var reach = await ReachAsync(org, application, user: null, integration, cancellationToken);
        graph.Add(new AccessEdgeBody(from, to, "attached") { Access = reach.Access });
        Deny(graph, from, to, via: null, reach);
        graph.Truncated |= integration.Capabilities.Length > MaxCapabilities;
        foreach (var operation in integration.Capabilities.Take(MaxCapabilities))
        {
            var capability = $"capability:{integration.Id}:{operation}";
            if (!graph.Add(new AccessNodeBody(capability, "capability", null, $"{integration.Name}:{operation}")))
                return;
            graph.Add(new AccessEdgeBody(to, capability, "offers"));
            if (await ForeseeAsync(org, application, null, integration, AccessKind.Operation, cancellationToken, operation) is { Effect: PolicyEffect.Deny } denied)
                graph.Add(new AccessEdgeBody(from, capability, "denied") { DeniedBy = LayerOf(denied) });
        }
    }

    private async Task AddPeopleAsync(OrgId org, Application application, List<Integration> attached, AccessGraph graph, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var newest = await sessions.ListAsync(org, application.Id, MaxSessions, cancellationToken);
        graph.Truncated |= newest.Count == MaxSessions;
        foreach (var own in newest.Where(session => session.IsLive(now)).GroupBy(session => session.User))
        {
            if (await users.CurrentAsync(org, own.Key, cancellationToken) is not { } user)
                continue;
            var (from, via) = (AccessGraph.NameOf(user.Id), AccessGraph.NameOf(application.Id));
            if (!graph.Add(new AccessNodeBody(from, "user", user.Id.ToString(), user.DisplayName) { Suspended = user.Disabled }))
                return;
            graph.Add(new AccessEdgeBody(from, via, "approved") { Sessions = own.Count() });
            foreach (var integration in attached.Where(integration => graph.Has(AccessGraph.NameOf(integration.Id)) && own.Any(session => session.Covers(integration.Id))))
            {
                var to = AccessGraph.NameOf(integration.Id);
                var reach = await ReachAsync(org, application, user, integration, cancellationToken);
                graph.Add(new AccessEdgeBody(from, to, "approved") { Via = via, Sessions = own.Count(session => session.Covers(integration.Id)), Access = reach.Access });
                Deny(graph, from, to, via, reach);
            }
            foreach (var integration in attached.Where(integration => integration.NeedsConnection && graph.Has(AccessGraph.NameOf(integration.Id))))
            {
                if ((await connections.FindAsync(org, user.Id, integration, cancellationToken)).State.Connected)
                    graph.Add(new AccessEdgeBody(from, AccessGraph.NameOf(integration.Id), "connected"));
            }
        }
    }

    // The raw credential is every operation at once (decision 4): that it is denied says little about the rest, which the gateway decides call by call.
    private async ValueTask<Reach> ReachAsync(OrgId org, Application application, User? user, Integration integration, CancellationToken cancellationToken)
    {
        var credential = await ForeseeAsync(org, application, user, integration, AccessKind.Credential, cancellationToken);
        if (credential.Effect == PolicyEffect.Allow)
            return new Reach(Reach.Allowed, null);
        var deniedBy = credential.Effect == PolicyEffect.Deny ? LayerOf(credential) : null;
        if (!AttachedIntegrations.IsProxied(application, integration) && integration.Proxy is null)
            return new Reach(credential.Effect == PolicyEffect.Deny ? Reach.Denied : Reach.Restricted, deniedBy);
        // What may not even be asked for what it offers is denied as a whole.
        if (await ForeseeAsync(org, application, user, integration, AccessKind.Discovery, cancellationToken) is { Effect: PolicyEffect.Deny } whole)
            return new Reach(Reach.Denied, LayerOf(whole));
        if (integration.Proxy is not null || integration.Capabilities.Length is 0 or > MaxCapabilities)
            return new Reach(Reach.Restricted, deniedBy) { CredentialDenied = credential.Effect == PolicyEffect.Deny };
        foreach (var operation in integration.Capabilities)
        {
            if ((await ForeseeAsync(org, application, user, integration, AccessKind.Operation, cancellationToken, operation)).Effect != PolicyEffect.Deny)
                return new Reach(Reach.Restricted, deniedBy) { CredentialDenied = credential.Effect == PolicyEffect.Deny };
        }
        return new Reach(Reach.Denied, deniedBy);
    }

    // As if everybody had approved: what the graph shows as denied is denied by a rule.
    private ValueTask<ReplayedDecision> ForeseeAsync(OrgId org, Application application, User? user, Integration integration, AccessKind kind, CancellationToken cancellationToken, string? operation = null) => broker.ForeseeAsync(
        new AccessRequest
        {
            Org = org,
            Application = application,
            User = user,
            Session = null,
            ConsentImplied = true,
            Integration = integration,
            Kind = kind,
            Operation = operation,
        }, cancellationToken);

    private static void Deny(AccessGraph graph, string from, string to, string? via, Reach reach)
    {
        if (reach.Access == Reach.Denied || reach.CredentialDenied)
            graph.Add(new AccessEdgeBody(from, to, "denied") { Via = via, DeniedBy = reach.DeniedBy, Partial = reach.Access == Reach.Denied ? null : true });
    }

    private static string? LayerOf(ReplayedDecision decision) =>
        decision.Layers.FirstOrDefault(layer => layer.Decision is { Allowed: false, Asks: false })?.Decision.Layer switch
        {
            PolicyLayer.Organization => "org",
            PolicyLayer.User => "user",
            PolicyLayer.Application => "application",
            _ => null,
        };

    /// <summary>What the rules leave of an integration.</summary>
    /// <param name="Access">One of the words below.</param>
    /// <param name="DeniedBy">The layer that denies the whole, or the raw credential; null when none does.</param>
    private readonly record struct Reach(string Access, string? DeniedBy)
    {
        public const string Allowed = "allowed";
        public const string Restricted = "restricted";
        public const string Denied = "denied";

        /// <summary>The raw credential is denied although the whole is not.</summary>
        public bool CredentialDenied { get; init; }
    }
}

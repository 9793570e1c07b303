using System.Collections.Immutable;
using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Domain.Work;

namespace Kontext.Testing.Connections;

/// <summary>One person and one OAuth integration on shared storage, with as many program instances on it as a test wants.</summary>
public sealed class ConnectionWorld
{
    private readonly ManualTime clock;

    /// <summary>A world at noon, talking to the given provider.</summary>
    public ConnectionWorld(IProviderClient provider, ManualTime clock)
    {
        Provider = provider;
        this.clock = clock;
        Time = new HastyTime(clock);
        Breakage = new Breakage();
        Connections = new MemoryConnections(Breakage);
        Vault = new MemoryVault(Breakage);
        Integration = new Integration
        {
            Id = Ids.Named<IntegrationId>("example"),
            Name = "example",
            Url = "https://mcp.example.test/mcp",
            Category = IntegrationCategory.InternalMcpCredentials,
            AuthMode = AuthMode.Oauth,
            OAuth = new IntegrationOAuth
            {
                AuthorizationUrl = "https://example.test/authorize", TokenUrl = "https://example.test/token", ClientId = "our-client", Scopes = ["read", "write"],
            },
            CreatedAt = Noon,
            UpdatedAt = Noon,
        };
    }

    /// <summary>When tests begin.</summary>
    public static readonly DateTimeOffset Noon = new(2026, 7, 1, 12, 0, 0, TimeSpan.Zero);

    /// <summary>The organization.</summary>
    public OrgId Org { get; } = Ids.Named<OrgId>("acme");

    /// <summary>The person.</summary>
    public User User { get; } = new() { Id = Ids.Named<UserId>("alice"), Issuer = "test", Subject = "alice", Name = "Alice", CreatedAt = Noon };

    /// <summary>The integration; tests may change it.</summary>
    public Integration Integration { get; set; }

    /// <summary>The clock. It stands still until <see cref="Advance"/>, and short waits are over at once.</summary>
    public TimeProvider Time { get; }

    /// <summary>The provider.</summary>
    public IProviderClient Provider { get; }

    /// <summary>Breaks storage.</summary>
    public Breakage Breakage { get; }

    /// <summary>Connection rows.</summary>
    public MemoryConnections Connections { get; }

    /// <summary>The vault.</summary>
    public MemoryVault Vault { get; }

    /// <summary>Due times.</summary>
    public IRefreshSchedule Schedule { get; init; } = new MemorySchedule();

    /// <summary>The audit trail.</summary>
    public MemoryAudit Audit { get; } = new();

    /// <summary>The provider catalog.</summary>
    public ProviderCatalog Catalog { get; set; } = ProviderCatalog.Load();

    /// <summary>The operator's OAuth apps.</summary>
    public Dictionary<string, (string ClientId, Secret? ClientSecret)> PlatformApps { get; } = new(StringComparer.Ordinal);

    /// <summary>A fresh program instance: nothing in memory, all state in storage.</summary>
    public Instance NewInstance() => new(this);

    /// <summary>Moves the clock on.</summary>
    public void Advance(TimeSpan by) => clock.Advance(by);

    /// <summary>Lets the integration name the provider's issuer, which has a revocation endpoint.</summary>
    public void UseIssuer(string issuer = "https://example.test") => Integration = Integration with
    {
        OAuth = new IntegrationOAuth { Issuer = issuer, ClientId = "our-client", Scopes = ["read", "write"] },
    };

    /// <summary>Lets the integration use a provider that is all the catalog knows, written as in a file of the catalog.</summary>
    public void UseProvider(string entry, params (string Name, string Value)[] parameters)
    {
        var provider = ProviderCatalog.Read(new MemoryStream(System.Text.Encoding.UTF8.GetBytes(entry)))!;
        Catalog = new ProviderCatalog([provider]);
        PlatformApps[provider.SettingsKey] = ("our-client", new Secret("our-secret"));
        Integration = Integration with
        {
            OAuth = new IntegrationOAuth { Provider = provider.Key, Parameters = parameters.ToImmutableDictionary(parameter => parameter.Name, parameter => parameter.Value) },
        };
    }

    /// <summary>Grants that are still to be revoked.</summary>
    public MemoryParkedGrants Parked { get; } = new();

    /// <summary>The connection's row.</summary>
    public async Task<Connection> RowAsync() => (await Connections.FindAsync(Org, User.Id, Integration.Id, default))!.Value;

    /// <summary>Connects with tokens that end in an hour.</summary>
    public async Task<Connection> ConnectAsync(string accessToken = "at-1", string? refreshToken = "rt-1", TimeSpan? life = null)
    {
        var instance = NewInstance();
        if (!(await instance.Directory.ResolveAsync(Org, Integration, default)).TryGet(out var app, out var failure))
            throw new InvalidOperationException(failure.Message);
        return await instance.Writer.SaveGrantAsync(Org, User, Integration, app, new TokenAnswer
        {
            AccessToken = new Secret(accessToken),
            RefreshToken = refreshToken is null ? null : new Secret(refreshToken),
            ExpiresAt = Time.GetUtcNow() + (life ?? TimeSpan.FromHours(1)),
            Scopes = ["read", "write"],
        }, "alice@example.test", ImmutableArray<string>.Empty);
    }

    /// <summary>What MCP servers and registration endpoints answer.</summary>
    public ScriptedDiscovery Discovery { get; } = new();

    /// <summary>What was found about MCP servers.</summary>
    public MemoryAuthorizations Authorizations { get; } = new();

    /// <summary>Where the installation is reached.</summary>
    public ConnectAddresses Addresses { get; set; } = new("https://kontext.test");

    /// <summary>The parts of one program instance.</summary>
    public sealed class Instance
    {
        private readonly ConnectionWorld world;

        internal Instance(ConnectionWorld world)
        {
            this.world = world;
            Grants = new GrantVault(world.Vault, new PlainSealer());
            Issuers = new IssuerDirectory(world.Provider, world.Time);
            var clients = new UpstreamClients(world.Discovery, world.Vault, Grants, world.Addresses, world.Audit, world.Time);
            AuthorizationServers = new McpAuthorizationServers(world.Discovery, Issuers, world.Authorizations, clients, world.Time);
            Directory = new ProviderDirectory(world.Catalog, new Platform(world), Issuers, AuthorizationServers, Grants);
            Removal = new GrantRemoval(world.Connections, Grants, Directory, world.Provider, world.Parked, world.Time);
            var filing = new RefreshFiling(world.Schedule);
            var outcome = new RefreshOutcome(world.Connections, Grants, Removal, filing, world.Audit, world.Time);
            Refresh = new CredentialRefresh(world.Connections, Grants, new LeasedRefresh(Grants, Directory, world.Provider, outcome, world.Time), outcome, new RefreshesUnderWay(), world.Time);
            Writer = new ConnectionWriter(world.Connections, Grants, Removal, filing, world.Audit, world.Time);
            Disconnection = new Disconnection(world.Connections, Removal, world.Schedule, world.Audit, world.Time);
            Clearing = new ConnectionClearing(world.Connections, Disconnection, world.Vault, world.Schedule, world.Time);
            Sweep = new RefreshSweep(world.Schedule, Queue, world.Time);
            Work = new RefreshWork(world.Schedule, world.Connections, new OneIntegration(world), Refresh, Disconnection, Clearing, Queue, world.Time);
        }

        /// <summary>Access to the vault.</summary>
        public GrantVault Grants { get; }

        /// <summary>Issuers' metadata.</summary>
        public IssuerDirectory Issuers { get; }

        /// <summary>Finds the authorization servers of MCP servers.</summary>
        public McpAuthorizationServers AuthorizationServers { get; }

        /// <summary>Finds OAuth apps.</summary>
        public ProviderDirectory Directory { get; }

        /// <summary>Removes grants.</summary>
        public GrantRemoval Removal { get; }

        /// <summary>Refreshes.</summary>
        public CredentialRefresh Refresh { get; }

        /// <summary>Queues what is due.</summary>
        public RefreshSweep Sweep { get; }

        /// <summary>What was queued.</summary>
        public CollectingQueue Queue { get; } = new();

        /// <summary>Does what was queued.</summary>
        public RefreshWork Work { get; }

        /// <summary>Stores new connections.</summary>
        public ConnectionWriter Writer { get; }

        /// <summary>Clears connections.</summary>
        public ConnectionClearing Clearing { get; }

        /// <summary>Disconnects.</summary>
        public Disconnection Disconnection { get; }

        /// <summary>Queues what is due, and does it.</summary>
        public async Task SweepAsync(CancellationToken cancellationToken = default)
        {
            await Sweep.RunAsync(cancellationToken);
            while (Queue.TryTake(out var item))
                await Work.RunAsync((RefreshConnection)item, cancellationToken);
        }

        /// <summary>Refreshes the world's connection.</summary>
        public async Task<Result<OpenedCredential>> RefreshAsync(string? rejected = null, CancellationToken cancellationToken = default) =>
            await Refresh.RunAsync(world.Org, world.Integration, await world.RowAsync(), rejected is null ? null : new Secret(rejected), cancellationToken);
    }

    private sealed class Platform(ConnectionWorld world) : IPlatformProviderApps
    {
        public (string ClientId, Secret? ClientSecret)? Find(string provider) => world.PlatformApps.TryGetValue(provider, out var app) ? app : null;
    }
}

using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Domain.Work;
using Kontext.Functions.Storage;
using Kontext.Functions.Upstream;

namespace Kontext.Testing.Connections;

/// <summary>A world whose person provided a token, and what asks about it unbidden. Notes and turns are in the given tables, which instances share.</summary>
public sealed class StaleWorld : IConnectionWalk, IUserStore
{
    private readonly ITableSource tables;
    private readonly List<Connection> others = [];

    internal StaleWorld(ITableSource tables)
    {
        this.tables = tables;
        var clock = new ManualTime(ConnectionWorld.Noon);
        Provider = new ScriptedProvider(clock);
        World = new ConnectionWorld(Provider, clock);
        World.UseProvider("""
            {
              "key": "example", "name": "Example", "description": "An example.", "documentation": "https://example.test/docs",
              "authorizationEndpoint": "https://example.test/authorize", "tokenEndpoint": "https://example.test/token",
              "account": { "url": "https://example.test/me", "paths": ["name"] }
            }
            """);
        World.Integration = World.Integration with { AuthMode = AuthMode.UserToken };
        Schedule = new ValidationSchedule(tables);
    }

    /// <summary>With tables in memory.</summary>
    public static StaleWorld InMemory() => new(new MemoryTables());

    /// <summary>The person, the integration, and what is stored.</summary>
    public ConnectionWorld World { get; }

    /// <summary>Who is asked.</summary>
    public ScriptedProvider Provider { get; }

    /// <summary>The notes.</summary>
    public IValidationSchedule Schedule { get; }

    /// <summary>What was queued.</summary>
    public CollectingQueue Queue { get; } = new();

    /// <summary>How long nothing may be heard.</summary>
    public Staleness Staleness { get; set; } = new(TimeSpan.FromDays(7));

    /// <summary>The person provides a token.</summary>
    public Task<Connection> ProvideAsync() => World.NewInstance().Writer.SaveProvidedAsync(
        World.Org, World.User, World.Integration, new Secret("a-token"), new CredentialVerdict(Validity.Valid, "Example accepted it.", World.Time.GetUtcNow()));

    /// <summary>Lets the walk find more connections, of nobody that asking could reach.</summary>
    public void AddOthers(int count)
    {
        for (var number = 0; number < count; number++)
        {
            others.Add(new Connection
            {
                Id = new ConnectionId(Guid.NewGuid()), User = new UserId(Guid.NewGuid()), Integration = World.Integration.Id, Status = ConnectionStatus.Connected, ConnectedAt = ConnectionWorld.Noon,
            });
        }
    }

    /// <summary>One run of the timer, on an instance of its own.</summary>
    public Task SweepAsync(CancellationToken cancellationToken) =>
        new ValidationSweep(this, Schedule, new DailyWork(tables, World.Time), Queue, Staleness, World.Time).RunAsync(cancellationToken);

    /// <summary>An instance that takes messages.</summary>
    public ValidationWork NewWork()
    {
        var instance = World.NewInstance();
        var upstream = new HttpMcpUpstream(GuardedHttp.Create(allowPrivateAddresses: true), GuardedHttp.Create(allowPrivateAddresses: true), new UpstreamEras(World.Time), UpstreamLimits.Ordinary);
        var check = new CredentialCheck(World.Catalog, Provider, new McpToolNames(upstream), World.Time);
        var validation = new ConnectionValidation(World.Connections, instance.Grants, instance.Refresh, instance.Directory, check, World.Audit, World.Time);
        return new ValidationWork(Schedule, World.Connections, new OneIntegration(World), this, validation, Queue, Staleness, World.Time);
    }

    /// <summary>Does all that is queued, and gives how much it was.</summary>
    public async Task<int> WorkAsync(CancellationToken cancellationToken)
    {
        var work = NewWork();
        var done = 0;
        for (; Queue.TryTake(out var item); done++)
            await work.RunAsync((ValidateConnection)item, cancellationToken);
        return done;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<(OrgId Org, Connection Connection)> AllAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var connection in await World.Connections.ListAsync(World.Org, World.User.Id, cancellationToken))
            yield return (World.Org, connection);
        foreach (var connection in others)
            yield return (World.Org, connection);
    }

    ValueTask<User?> IUserStore.CurrentAsync(OrgId org, UserId user, CancellationToken cancellationToken) => new(user == World.User.Id ? World.User : null);

    Task<Versioned<User>?> IUserStore.FindAsync(OrgId org, UserId user, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<bool> IUserStore.InsertAsync(OrgId org, User user, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<Versioned<User>?> IUserStore.ReplaceAsync(OrgId org, Versioned<User> current, User next, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<bool> IUserStore.ClaimFoundingAsync(OrgId org, UserId user, CancellationToken cancellationToken) => throw new NotSupportedException();
}

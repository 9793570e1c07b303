using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Functions.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kontext.Functions.Tests.Storage;

/// <summary>The stores of one instance of the program. Several instances share tables and nothing else.</summary>
internal sealed class Instance
{
    public Instance(ITableSource tables, TimeProvider time)
    {
        Epochs = new EpochFeed(tables, time, NullLogger<EpochFeed>.Instance);
        Cache = new FreshCache(Epochs, time);
        var clients = new ClientIndex(tables);
        Organizations = new OrganizationStore(tables, Cache, Epochs);
        Users = new UserStore(tables, Cache, Epochs);
        Applications = new ApplicationStore(tables, clients, Cache, Epochs);
        Sessions = new SessionStore(tables, Cache, Epochs, time);
        ServiceAccounts = new ServiceAccountStore(tables, clients, Cache, Epochs);
        Integrations = new IntegrationStore(tables, Cache, Epochs);
        Policies = new PolicyStore(tables, Cache, Epochs, NullLogger<PolicyStore>.Instance);
        Connections = new ConnectionStore(tables, Cache, Epochs, time);
        ConnectSessions = new ConnectSessionStore(tables);
    }

    public EpochFeed Epochs { get; }

    public FreshCache Cache { get; }

    public OrganizationStore Organizations { get; }

    public UserStore Users { get; }

    public ApplicationStore Applications { get; }

    public SessionStore Sessions { get; }

    public ServiceAccountStore ServiceAccounts { get; }

    public IntegrationStore Integrations { get; }

    public PolicyStore Policies { get; }

    public ConnectionStore Connections { get; }

    public ConnectSessionStore ConnectSessions { get; }
}

/// <summary>Things to store.</summary>
internal static class Samples
{
    public static readonly DateTimeOffset Then = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);

    public static OrgId NewOrg() => Ids.New<OrgId>(Then);

    public static User User(string name) => new() { Id = new UserId(Guid.NewGuid()), Issuer = "development", Subject = name, Roles = ["owner"], CreatedAt = Then };

    public static Application Application(string name, Registration registration = Registration.Managed) =>
        new() { Id = Ids.New<AppId>(Then), Name = name, OAuth = new OAuthClient { RedirectUris = ["http://127.0.0.1/"] }, Registration = registration, CreatedAt = Then, UpdatedAt = Then };

    public static Integration Integration(string name) => new() { Id = Ids.New<IntegrationId>(Then), Name = name, Url = "https://mcp.example.com/", CreatedAt = Then, UpdatedAt = Then };

    public static ServiceAccount ServiceAccount(string name) => new() { Id = Ids.New<ServiceAccountId>(Then), Name = name, SecretHash = "hash", CreatedAt = Then };

    public static Session Session(AppId application, UserId user, DateTimeOffset at) =>
        new() { Id = Ids.New<SessionId>(at), Application = application, User = user, Name = "session", CreatedAt = at, ExpiresAt = at.AddDays(30) };

    public static Connection Connection(UserId user, IntegrationId integration) => new()
    {
        Id = Ids.New<ConnectionId>(Then), User = user, Integration = integration, Status = ConnectionStatus.Connected, ConnectedAt = Then,
    };
}

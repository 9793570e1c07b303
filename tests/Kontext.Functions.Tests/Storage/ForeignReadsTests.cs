using Kontext.Domain;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Tests.Storage;

/// <summary>Storage is asked for what belongs to another organization exactly as often as for what nobody has: how long an answer takes says nothing either (contract 7, number 1).</summary>
public sealed class ForeignReadsTests
{
    private readonly OrgId ours = Samples.NewOrg();
    private readonly OrgId theirs = Samples.NewOrg();
    private readonly SteppedTime time = new();
    private readonly MemoryTables memory = new();

    [Fact]
    public async Task A_foreign_id_costs_as_many_reads_as_an_unknown_one()
    {
        var (user, application, integration, account) = (Samples.User("ada"), Samples.Application("agent"), Samples.Integration("github"), Samples.ServiceAccount("ci"));
        var session = Samples.Session(application.Id, user.Id, time.GetUtcNow());
        var there = new Instance(memory, time);
        await there.Users.InsertAsync(theirs, user, default);
        await there.Applications.InsertAsync(theirs, application, default);
        await there.Integrations.InsertAsync(theirs, integration, default);
        await there.ServiceAccounts.InsertAsync(theirs, account, default);
        await there.Sessions.InsertAsync(theirs, session, default);
        await there.Connections.InsertAsync(theirs, Samples.Connection(user.Id, integration.Id), default);

        var (nobody, noApplication, noIntegration, noAccount) = (new UserId(Guid.NewGuid()), Ids.New<AppId>(Samples.Then), Ids.New<IntegrationId>(Samples.Then), Ids.New<ServiceAccountId>(Samples.Then));
        var noSession = Ids.New<SessionId>(time.GetUtcNow());
        await SameAsync(stores => stores.Users.FindAsync(ours, user.Id, default), stores => stores.Users.FindAsync(ours, nobody, default));
        await SameAsync(stores => stores.Users.CurrentAsync(ours, user.Id, default).AsTask(), stores => stores.Users.CurrentAsync(ours, nobody, default).AsTask());
        await SameAsync(stores => stores.Applications.FindAsync(ours, application.Id, default), stores => stores.Applications.FindAsync(ours, noApplication, default));
        await SameAsync(stores => stores.Applications.CurrentAsync(ours, application.Id, default).AsTask(), stores => stores.Applications.CurrentAsync(ours, noApplication, default).AsTask());
        await SameAsync(stores => stores.Integrations.FindAsync(ours, integration.Id, default), stores => stores.Integrations.FindAsync(ours, noIntegration, default));
        await SameAsync(stores => stores.Integrations.CurrentAsync(ours, integration.Id, default).AsTask(), stores => stores.Integrations.CurrentAsync(ours, noIntegration, default).AsTask());
        await SameAsync(stores => stores.Integrations.CurrentByNameAsync(ours, "github", default).AsTask(), stores => stores.Integrations.CurrentByNameAsync(ours, "linear", default).AsTask());
        await SameAsync(stores => stores.ServiceAccounts.FindAsync(ours, account.Id, default), stores => stores.ServiceAccounts.FindAsync(ours, noAccount, default));
        await SameAsync(stores => stores.ServiceAccounts.CurrentAsync(ours, account.Id, default).AsTask(), stores => stores.ServiceAccounts.CurrentAsync(ours, noAccount, default).AsTask());
        await SameAsync(stores => stores.Sessions.FindAsync(ours, application.Id, session.Id, default), stores => stores.Sessions.FindAsync(ours, application.Id, noSession, default));
        await SameAsync(stores => stores.Sessions.FindForUserAsync(ours, user.Id, session.Id, default), stores => stores.Sessions.FindForUserAsync(ours, user.Id, noSession, default));
        await SameAsync(stores => stores.Connections.CurrentAsync(ours, user.Id, integration.Id, default).AsTask(), stores => stores.Connections.CurrentAsync(ours, user.Id, noIntegration, default).AsTask());
    }

    /// <summary>Both find nothing, after as many reads, each in a process that knows nothing yet.</summary>
    private async Task SameAsync<T>(Func<Instance, Task<T?>> foreign, Func<Instance, Task<T?>> unknown)
        where T : class
    {
        var (seen, nowhere) = (await ReadsAsync(foreign), await ReadsAsync(unknown));
        Assert.True(nowhere > 0);
        Assert.Equal(nowhere, seen);
    }

    private async Task<int> ReadsAsync<T>(Func<Instance, Task<T?>> read)
        where T : class
    {
        var watched = new WatchedTables(memory);
        Assert.Null(await read(new Instance(watched, time)));
        return watched.Reads;
    }
}

using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.OAuth;
using Kontext.Domain.Revocations;
using Kontext.Domain.Tenancy;
using Kontext.Functions.Storage;
using Kontext.Testing;
using Kontext.Testing.Connections;

namespace Kontext.Functions.Tests.Storage;

/// <summary>An order to cut off that an instance carries out late, when others have gone on already.</summary>
public sealed class LateCutOffTests : IAsyncLifetime
{
    private static readonly OrgId Org = Samples.NewOrg();
    private static readonly AuditParty Owner = new("olivia", "olivia");

    private readonly ManualTime time = new(Samples.Then);
    private readonly MemoryTables memory = new();
    private readonly FaultyTables stalling;
    private readonly Application agent = Samples.Application("agent");

    public LateCutOffTests() => stalling = new FaultyTables(memory);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await new Instance(memory, time).Applications.InsertAsync(Org, agent, Cancel);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task What_was_reinstated_meanwhile_does_not_stay_cut_off()
    {
        await LateAsync(_ => Task.CompletedTask);
        Assert.False(await IsCutOffAsync());
    }

    [Fact]
    public async Task What_was_reinstated_and_cut_off_again_meanwhile_stays_cut_off()
    {
        await LateAsync(async quick => Assert.True((await quick.RunAsync(Org, Target, "again", disconnect: false, Owner, Cancel)).TryGet(out _, out _)));
        Assert.True(await IsCutOffAsync());
    }

    private CutOffTarget Target => new() { Kind = CutOffKind.Application, Application = agent.Id };

    /// <summary>One instance stores an order and stalls; on another one the order is reinstated, and more; then the first goes on.</summary>
    private async Task LateAsync(Func<CutOffs, Task> meanwhile)
    {
        var (slow, quick) = (On(stalling), On(memory));
        var held = stalling["applications"].HoldWrite(1);
        var late = slow.RunAsync(Org, Target, "leaked", disconnect: false, Owner, Cancel);
        await held.Reached;
        var order = Assert.Single((await new CutOffStore(memory).ListAsync(Org, null, 10, Cancel)).Items);
        Assert.True((await quick.ReinstateAsync(Org, order.Id, Owner, Cancel))!.Value.TryGet(out _, out _));
        await meanwhile(quick);
        held.Release();
        Assert.True((await late).TryGet(out var done, out _));
        Assert.NotNull(done!.ReinstatedAt);
    }

    private async Task<bool> IsCutOffAsync() => (await new Instance(memory, time).Applications.CurrentAsync(Org, agent.Id, Cancel))!.Suspended;

    private CutOffs On(ITableSource tables)
    {
        var instance = new Instance(tables, time);
        var audit = new MemoryAudit();
        var revocation = new SessionRevocation(instance.Sessions, instance.Applications, audit, time);
        var targets = new CutOffSwitch(instance.Organizations, instance.Users, instance.Applications, instance.Integrations, instance.Sessions, revocation);
        // No order here ends connections.
        return new CutOffs(new CutOffStore(tables), targets, instance.Connections, instance.Integrations, disconnection: null!, audit, time);
    }
}

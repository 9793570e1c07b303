using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.OAuth;
using Kontext.Domain.Revocations;
using Kontext.Domain.Tenancy;
using Kontext.Functions.Storage;
using Kontext.Testing;
using Kontext.Testing.Connections;

namespace Kontext.Functions.Tests.Storage;

/// <summary>Orders to cut off the same, and orders that an instance carries out late, when others have gone on already.</summary>
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

    [Fact]
    public async Task What_two_orders_cut_off_stays_cut_off_until_both_are_reinstated()
    {
        var orders = On(memory);
        var (first, second) = (await CutOffAsync(orders), await CutOffAsync(orders));

        var undone = await ReinstateAsync(orders, second.Id);
        Assert.Equal([first.Id], await orders.OthersAsync(Org, undone, Cancel));
        Assert.True(await IsCutOffAsync());

        undone = await ReinstateAsync(orders, first.Id);
        Assert.Empty(await orders.OthersAsync(Org, undone, Cancel));
        Assert.False(await IsCutOffAsync());
    }

    [Fact]
    public async Task Reinstating_again_lets_in_what_an_instance_that_died_had_not()
    {
        var orders = On(memory);
        var order = await CutOffAsync(orders);
        var store = new CutOffStore(memory);
        var row = (await store.FindAsync(Org, order.Id, Cancel))!;
        Assert.NotNull(await store.ReplaceAsync(Org, row, row.Value with { ReinstatedAt = time.GetUtcNow(), ReinstatedBy = Owner }, Cancel));
        Assert.True(await IsCutOffAsync());

        await ReinstateAsync(orders, order.Id);
        Assert.False(await IsCutOffAsync());
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

    private async Task<CutOff> CutOffAsync(CutOffs orders)
    {
        Assert.True((await orders.RunAsync(Org, Target, "leaked", disconnect: false, Owner, Cancel)).TryGet(out var order, out _));
        return order;
    }

    private static async Task<CutOff> ReinstateAsync(CutOffs orders, CutOffId id)
    {
        Assert.True((await orders.ReinstateAsync(Org, id, Owner, Cancel))!.Value.TryGet(out var undone, out _));
        return undone;
    }

    private async Task<bool> IsCutOffAsync() => (await new Instance(memory, time).Applications.CurrentAsync(Org, agent.Id, Cancel))!.Suspended;

    private CutOffs On(ITableSource tables)
    {
        var instance = new Instance(tables, time);
        var audit = new MemoryAudit();
        var revocation = new SessionRevocation(instance.Sessions, instance.Applications, audit, time);
        var targets = new CutOffSwitch(instance.Organizations, instance.Users, instance.Applications, instance.Integrations, instance.Sessions, revocation);
        // No order here ends connections.
        return new CutOffs(new CutOffStore(tables), targets, instance.Connections, instance.Integrations, disconnection: null!, queue: null!, audit, time);
    }
}

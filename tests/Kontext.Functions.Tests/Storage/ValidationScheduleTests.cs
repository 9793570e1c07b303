using Kontext.Domain;
using Kontext.Domain.Vault;
using Kontext.Functions.Storage;
using Kontext.Testing;
using Kontext.Testing.Connections;

namespace Kontext.Functions.Tests.Storage;

/// <summary>What is to be asked about, noted in a real table service by several instances.</summary>
public sealed class ValidationScheduleTests(AzuriteFixture azurite)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Instances_that_sweep_at_once_ask_about_a_stale_connection_once_and_leave_no_note()
    {
        var stale = new StaleWorld(new TableService(StorageAccount.Parse(await azurite.EmptyAccountAsync()), TimeProvider.System));
        await stale.ProvideAsync();
        stale.World.Advance(TimeSpan.FromDays(8));
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(() => stale.SweepAsync(Cancelled))));
        stale.World.Advance(TimeSpan.FromHours(20));
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(() => stale.SweepAsync(Cancelled))));
        Assert.InRange(await stale.WorkAsync(Cancelled), 1, 3);
        Assert.Equal(1, stale.Provider.Identities);
        Assert.Equal(stale.World.Time.GetUtcNow(), (await stale.World.RowAsync()).CheckedAt);
        Assert.Empty(await stale.Schedule.DueAsync(stale.World.Time.GetUtcNow() + TimeSpan.FromHours(1), Cancelled).ToListAsync(Cancelled));
    }

    [Fact]
    public async Task Notes_of_refreshes_and_of_questions_are_kept_apart()
    {
        var tables = new MemoryTables();
        var (refreshes, questions) = (new RefreshSchedule(tables), new ValidationSchedule(tables));
        var now = ConnectionWorld.Noon;
        var note = new DueValidation(Ids.Named<OrgId>("acme"), Ids.Named<UserId>("alice"), Ids.Named<IntegrationId>("example"), Ids.Named<ConnectionId>("one"), now.AddDays(-8), now);
        await questions.FileAsync(note, Cancelled);
        Assert.Empty(await refreshes.DueAsync(now, Cancelled).ToListAsync(Cancelled));
        Assert.Equal(note, Assert.Single(await questions.DueAsync(now, Cancelled).ToListAsync(Cancelled)).Value);
        await questions.ForgetAsync(now.AddHours(1), Cancelled);
        Assert.Null(await questions.FindAsync(note, Cancelled));
    }
}

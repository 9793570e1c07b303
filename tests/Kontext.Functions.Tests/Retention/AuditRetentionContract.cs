using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Functions.Retention;
using Kontext.Functions.Storage;
using Kontext.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Kontext.Functions.Tests.Retention;

/// <summary>What retention promises, wherever rows and archive are: nothing is gone that is not in the archive, whole and verified.</summary>
public abstract class AuditRetentionContract : IAsyncLifetime
{
    private RetentionWorld world = null!;

    private protected abstract Task<(ITableSource Tables, IAuditArchive? Archive)> OpenAsync();

    public async ValueTask InitializeAsync()
    {
        var (tables, archive) = await OpenAsync();
        world = new RetentionWorld(tables, archive);
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await world.DisposeAsync();
    }

    [Fact]
    public async Task Expired_days_move_to_the_archive_and_both_sides_of_the_cut_verify()
    {
        await world.LiveAsync(6);
        await world.Retention.RunAsync(default);
        await world.IsWholeAsync();
        Assert.Equal(new AuditArchived(world.Last, world.Archive.PlaceOf(world.Org)), await world.Trail.ArchivedAsync(world.Org, default));
        Assert.Null(await world.ArchivedAsync(world.Last.AddDays(1)));
        Assert.Empty(await world.Trail.ReadAsync(world.Org, RetentionWorld.FirstDay, world.Last.AddDays(-1), default).ToListAsync());
        var recorded = (await world.Trail.LatestAsync(world.Org, AuditTime.From(world.Time.GetUtcNow().AddHours(-1)), 100, happened => happened.Capability == "audit.archived", default)).Entries;
        Assert.Equal(4, recorded.Count);
    }

    [Fact]
    public async Task Days_go_one_after_the_other_as_time_passes_and_checkpoints_still_follow_each_other()
    {
        await world.LiveAsync(4);
        for (var day = 0; day < 4; day++)
        {
            await world.Retention.RunAsync(default);
            await world.IsWholeAsync();
            await world.LiveAsync(1);
        }
        Assert.Null(AuditCheckpoint.Verify(
            await world.Trail.CheckpointsAsync(world.Org, world.Last.AddDays(2), world.Today, default),
            await world.Trail.ReadAsync(world.Org, world.Last.AddDays(1), world.Today, default).ToListAsync(), (_, _) => true));
    }

    [Fact]
    public async Task Quiet_days_between_are_no_obstacle()
    {
        await world.LiveAsync(8, day => day.Day is 2 or 4 or 5);
        await world.Retention.RunAsync(default);
        await world.IsWholeAsync();
    }

    [Fact]
    public async Task An_organization_that_fell_silent_keeps_no_rows_but_its_newest_checkpoint()
    {
        await world.LiveAsync(6, day => day > RetentionWorld.FirstDay);
        // Taken after the silence, so that nothing of the archiving's own record is in the way.
        await world.Retention.RunAsync(world.Org, world.Last, default);
        Assert.Equal(5, RetentionWorld.Entries(await world.ArchivedAsync(RetentionWorld.FirstDay)));
        Assert.Empty(await new TableAuditLogRemoval(world.Tables).DaysAsync(world.Org, world.Last, default));
        Assert.Single(await world.Trail.CheckpointsAsync(world.Org, RetentionWorld.FirstDay, world.Last, default));
        await world.SealAsync();
        await world.ExportAsync(world.Today, world.Today);
    }

    [Fact]
    public async Task Nothing_goes_before_its_time()
    {
        await world.LiveAsync(RetentionWorld.KeptDays);
        await world.Retention.RunAsync(default);
        Assert.Null(await world.Trail.ArchivedAsync(world.Org, default));
        Assert.Equal(world.Appended.Values.Sum(), RetentionWorld.Entries(await world.ExportAsync(RetentionWorld.FirstDay, world.Today)));
    }

    [Fact]
    public async Task A_tampered_archive_is_no_reason_to_delete()
    {
        await world.LiveAsync(6);
        FaultyArchive? archive = null;
        var tampered = world.Instance(real => archive = new FaultyArchive(real));
        archive!.Change = (_, lines) => [lines[0], .. lines.Skip(2)];
        await Assert.ThrowsAsync<AuditArchiveException>(() => tampered.GetRequiredService<AuditRetention>().RunAsync(world.Org, world.Last, default));
        Assert.Null(await world.Trail.ArchivedAsync(world.Org, default));
        Assert.Equal(world.Appended.Values.Sum(), RetentionWorld.Entries(await world.ExportAsync(RetentionWorld.FirstDay, world.Today)));
        // Mended, it is done.
        archive.Change = null;
        await tampered.GetRequiredService<AuditRetention>().RunAsync(world.Org, world.Last, default);
        await world.IsWholeAsync();
    }

    [Fact]
    public async Task A_file_that_changed_after_it_was_archived_keeps_the_rows_too()
    {
        await world.LiveAsync(5);
        // Another sealed export of the day, by the same keys: it holds in itself, and is not the one.
        var kept = world.Last;
        var other = await world.ExportAsync(kept, kept);
        FaultyArchive? archive = null;
        var instance = world.Instance(real => archive = new FaultyArchive(real));
        var retention = instance.GetRequiredService<AuditRetention>();
        await retention.RunAsync(world.Org, world.Last, default);
        await world.LiveAsync(1);
        archive!.Change = (day, lines) => day == kept ? other : lines;
        Assert.Contains("is not the file", (await Assert.ThrowsAsync<AuditArchiveException>(() => retention.RunAsync(world.Org, world.Last, default))).Message, StringComparison.Ordinal);
        Assert.NotEmpty(await world.Trail.ReadAsync(world.Org, kept, kept, default).ToListAsync());
    }

    [Fact]
    public async Task A_file_with_other_entries_is_neither_replaced_nor_taken_for_the_day()
    {
        await new OrganizationIndex(world.Tables).AddAsync(world.Org, default);
        await world.AppendAsync(3);
        await world.SealAsync();
        // Somebody puts a sealed export of half the day where the day's will be.
        var half = Path.GetTempFileName();
        await File.WriteAllLinesAsync(half, await world.ExportAsync(world.Today, world.Today));
        Assert.True(await world.Archive.WriteAsync(world.Org, world.Today, half, default));
        Assert.False(await world.Archive.WriteAsync(world.Org, world.Today, half, default));
        File.Delete(half);
        await world.LiveAsync(6);
        Assert.Contains("other entries", (await Assert.ThrowsAsync<AuditArchiveException>(() => world.Retention.RunAsync(world.Org, world.Last, default))).Message, StringComparison.Ordinal);
        Assert.Equal(3, RetentionWorld.Entries(await world.ArchivedAsync(RetentionWorld.FirstDay)));
        Assert.Equal(world.Appended.Values.Sum(), RetentionWorld.Entries(await world.ExportAsync(RetentionWorld.FirstDay, world.Today)));
    }

    [Fact]
    public async Task A_crash_after_the_file_was_written_repeats_safely()
    {
        await world.LiveAsync(6);
        FaultyArchive? archive = null;
        var retention = world.Instance(real => archive = new FaultyArchive(real)).GetRequiredService<AuditRetention>();
        for (var day = 0; day < 4; day++)
        {
            archive!.LosesAnswer = true;
            await Assert.ThrowsAsync<IOException>(() => retention.RunAsync(world.Org, world.Last, default));
            Assert.False(archive.LosesAnswer);
        }
        await retention.RunAsync(world.Org, world.Last, default);
        await world.IsWholeAsync();
    }

    [Theory]
    [InlineData("auditarchived", false)]
    [InlineData("auditarchived", true)]
    [InlineData("audit", false)]
    [InlineData("audit", true)]
    [InlineData("auditsegments", false)]
    [InlineData("auditsegments", true)]
    [InlineData("auditcheckpoints", false)]
    [InlineData("auditcheckpoints", true)]
    [InlineData("auditorganizations", false)]
    [InlineData("auditorganizations", true)]
    public async Task A_crash_at_any_write_repeats_safely(string table, bool isCarriedOut)
    {
        await world.LiveAsync(5);
        var crashes = 0;
        for (var ended = false; !ended;)
        {
            // The first write of the first run, the second of the second, and so on.
            if (isCarriedOut)
                world.Tables[table].LoseAnswer(crashes + 1);
            else
                world.Tables[table].FailWrite(crashes + 1);
            try
            {
                await world.Retention.RunAsync(world.Org, world.Last, default);
                ended = true;
            }
            catch (StorageUnavailableException)
            {
                crashes++;
            }
        }
        // An audit block whose answer is lost is found by its writer: no crash then.
        Assert.True(isCarriedOut || crashes > 1);
        await world.IsWholeAsync();
    }

    [Fact]
    public async Task Two_instances_at_once_do_the_same_once()
    {
        await world.LiveAsync(7);
        var retentions = new[] { world.Here, world.Instance(), world.Instance() }.Select(instance => instance.GetRequiredService<AuditRetention>()).ToList();
        await Task.WhenAll(retentions.Select(retention => Task.Run(() => retention.RunAsync(world.Org, world.Last, default))));
        await world.IsWholeAsync();
    }

    [Fact]
    public async Task What_is_wrong_with_one_organization_keeps_no_other()
    {
        await world.LiveAsync(1);
        var other = new OrgId(Guid.NewGuid());
        await new OrganizationIndex(world.Tables).AddAsync(other, default);
        await world.AppendAsync(2, other);
        await world.LiveAsync(5);
        FaultyArchive? archive = null;
        var retention = world.Instance(real => archive = new FaultyArchive(real)).GetRequiredService<AuditRetention>();
        var owner = $"\"org\":\"{other}\"";
        archive!.Change = (_, lines) => lines[0].Contains(owner, StringComparison.Ordinal) ? lines[..^1] : lines;
        await Assert.ThrowsAsync<AuditArchiveException>(() => retention.RunAsync(default));
        await world.IsWholeAsync();
        Assert.Equal(2, (await world.Trail.ReadAsync(other, RetentionWorld.FirstDay, world.Today, default).ToListAsync()).Count);
        // The day is not done: it is tried again when the turn is over.
        archive.Change = null;
        world.Time.Advance(TimeSpan.FromMinutes(31));
        await retention.RunAsync(default);
        Assert.Empty(await world.Trail.ReadAsync(other, RetentionWorld.FirstDay, world.Last.AddDays(-1), default).ToListAsync());
    }
}

/// <summary>Rows in memory, the archive in a directory.</summary>
public sealed class MemoryAuditRetentionTests : AuditRetentionContract
{
    private protected override Task<(ITableSource Tables, IAuditArchive? Archive)> OpenAsync() => Task.FromResult<(ITableSource, IAuditArchive?)>((new MemoryTables(), null));
}

/// <summary>Rows in the Table service, the archive in the Blob service.</summary>
public sealed class AzureAuditRetentionTests(AzuriteFixture azurite) : AuditRetentionContract
{
    private protected override async Task<(ITableSource Tables, IAuditArchive? Archive)> OpenAsync()
    {
        var storage = await azurite.EmptyAccountAsync();
        var blobs = storage.Split("BlobEndpoint=")[1].Split(';')[0];
        var address = AuditArchiveAddress.Parse($"{blobs}/audit", storage);
        return (new TableService(StorageAccount.Parse(storage), TimeProvider.System), new BlobArchive(address.Container!, address.Account, TimeProvider.System));
    }
}

using System.Security.Cryptography;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Functions.Storage;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Storage;

public sealed class AuditSealTests
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 4, 12, 0, 0, TimeSpan.Zero);
    private static readonly DateOnly Day = DateOnly.FromDateTime(Noon.UtcDateTime);
    private readonly OrgId org = Ids.New<OrgId>(Noon);
    private readonly ManualTime time = new(Noon);
    private readonly MemoryTables tables = new();
    private readonly TableAuditLog log;
    private readonly AuditSeal seal;

    public AuditSealTests()
    {
        log = new TableAuditLog(tables, time);
        seal = new AuditSeal(tables, new HmacSigner(), time);
    }

    [Fact]
    public async Task Every_organization_with_new_entries_gets_a_checkpoint()
    {
        var other = Ids.New<OrgId>(Noon);
        await Append(org);
        await Append(other);
        Assert.Equal(2, await seal.RunAsync(default));
        Assert.Equal(0, await seal.RunAsync(default));
        await Append(other);
        Assert.Equal(1, await seal.RunAsync(default));
        Assert.Single(await log.CheckpointsAsync(org, Day, Day, default));
        Assert.Equal([1L, 2L], (await log.CheckpointsAsync(other, Day, Day, default)).Select(checkpoint => checkpoint.Read().Number));
    }

    [Fact]
    public async Task Checkpoints_over_days_and_processes_verify_against_the_export()
    {
        var second = new TableAuditLog(tables, time);
        for (var hour = 0; hour < 60; hour += 5)
        {
            await Append(org);
            await second.AppendAsync(org, Event(), default);
            await seal.RunAsync(default);
            time.Advance(TimeSpan.FromHours(5));
        }
        var checkpoints = await log.CheckpointsAsync(org, Day, Day.AddDays(5), default);
        Assert.Equal(12, checkpoints.Count);
        Assert.Null(AuditCheckpoint.Verify(checkpoints, await ExportAsync(), HmacSigner.IsSigned));
    }

    [Fact]
    public async Task Entries_cut_off_the_end_are_missed()
    {
        for (var number = 0; number < 4; number++)
            await Append(org);
        await seal.RunAsync(default);
        var row = (await tables.Open("auditsegments").RangeAsync(AuditSegment.IndexPartition(org, Day), org.ToString(), null, 1, null, default)).Rows[0];
        var segment = AuditSegment.From(org, row);
        await tables.Open("audit").DeleteAsync(segment.Partition, segment.RowKey(3), "*", default);
        var lines = await ExportAsync();
        Assert.Null(AuditChain.Verify(org, lines).Broken);
        Assert.Contains($"{segment.Chain}.4", AuditCheckpoint.Verify(await log.CheckpointsAsync(org, Day, Day, default), lines, HmacSigner.IsSigned), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_two_instances_that_seal_at_once_one_writes_the_checkpoint()
    {
        await Append(org);
        var signer = new HmacSigner { Gate = new TaskCompletionSource() };
        var slow = new AuditSeal(tables, signer, time);
        var first = slow.SealAsync(org, default);
        Assert.NotNull(await seal.SealAsync(org, default));
        signer.Gate.SetResult();
        Assert.Null(await first);
        Assert.Single(await log.CheckpointsAsync(org, Day, Day, default));
    }

    private Task Append(OrgId organization) => log.AppendAsync(organization, Event(), default);

    private AuditEvent Event() => new() { At = time.GetUtcNow(), Type = AuditTypes.ApiCall };

    private async Task<List<AuditLine>> ExportAsync() => await log.ReadAsync(org, Day, Day.AddDays(5), default).ToListAsync();

    private sealed class HmacSigner : IAuditSigner
    {
        public TaskCompletionSource? Gate { get; init; }

        public async ValueTask<AuditSignature> SignAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
        {
            if (Gate is not null)
                await Gate.Task;
            return Sign(bytes.Span);
        }

        public static bool IsSigned(byte[] bytes, AuditSignature signature) => Sign(bytes) == signature;

        private static AuditSignature Sign(ReadOnlySpan<byte> bytes) => new("test", Convert.ToHexString(HMACSHA256.HashData("key"u8, bytes)));
    }
}

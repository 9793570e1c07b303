using System.Collections.Concurrent;
using System.Diagnostics;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Observability;

namespace Kontext.Functions.Storage;

/// <summary>The audit trail in Table Storage. Every process writes two chains of its own, so that writers never contend, and commits in groups, so that durability costs a fraction of a write per entry.</summary>
internal sealed class TableAuditLog : IAuditLog, IAuditExport
{
    private readonly ConcurrentDictionary<OrgId, TableAuditLogWriter> writers = new();
    private readonly TableAuditLogTables tables;
    private readonly TableAuditLogReader reader;
    private readonly TimeProvider time;

    public TableAuditLog(ITableSource source, TimeProvider time)
    {
        this.time = time;
        tables = new TableAuditLogTables(source);
        reader = new TableAuditLogReader(tables);
    }

    /// <inheritdoc/>
    public async Task AppendAsync(OrgId org, AuditEvent happened, CancellationToken cancellationToken)
    {
        // Serialized by the caller: what cannot be written fails the one who asked and nobody else in the block.
        var json = AuditChain.Serialize(happened);
        var writer = writers.GetOrAdd(org, static (org, log) => new TableAuditLogWriter(org, log.tables, log.time), this);
        var started = Measures.Timing ? Stopwatch.GetTimestamp() : 0;
        using var span = Stages.Start(Stages.AuditCommit);
        string? error = "unavailable";
        try
        {
            await writer.AppendAsync(json).WaitAsync(cancellationToken);
            error = null;
        }
        finally
        {
            if (error is not null)
                span.Fail(error);
            if (started != 0)
                Measures.AuditCommit(error, Stopwatch.GetElapsedTime(started));
        }
    }

    /// <inheritdoc/>
    public Task<LatestEntries> LatestAsync(OrgId org, AuditTime time, int limit, Func<AuditEvent, bool> matches, CancellationToken cancellationToken) =>
        reader.LatestAsync(org, time, limit, matches, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<AuditLine> ReadAsync(OrgId org, DateOnly from, DateOnly to, CancellationToken cancellationToken) =>
        reader.ReadAsync(org, from, to, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<AuditPlace> ReadAsync(OrgId org, DateOnly day, CancellationToken cancellationToken) => reader.ReadAsync(org, day, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<AuditPlace> ReadFromAsync(OrgId org, DateOnly day, string chain, long sequence, int segment, int block, CancellationToken cancellationToken) =>
        reader.ReadFromAsync(org, day, chain, sequence, segment, block, cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<AuditCheckpoint>> CheckpointsAsync(OrgId org, DateOnly from, DateOnly to, CancellationToken cancellationToken) =>
        await new TableAuditLogCheckpoints(tables.Checkpoints).OfDaysAsync(org, from, to, cancellationToken);

    /// <inheritdoc/>
    public async Task<AuditArchived?> ArchivedAsync(OrgId org, CancellationToken cancellationToken) =>
        await new TableAuditLogArchived(tables.Archived).LatestAsync(org, cancellationToken) is { } last ? new AuditArchived(last.Day, last.Place) : null;
}

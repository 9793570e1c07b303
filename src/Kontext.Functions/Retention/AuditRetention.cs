using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Vault;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Retention;

/// <summary>Moves days of the audit trail that are older than the setting says into the archive. A day's rows go when its file was read back from there and verified, as the command would,
/// and the day after is there too: that one's checkpoints state entries of the day before. Every step may be repeated, by any instance.</summary>
internal sealed class AuditRetention(
    ITableSource tables, AuditExporter exporter, IAuditArchive archive, IAuditLog audit, IDailyWork daily, KontextSettings settings, TimeProvider time, ILogger<AuditRetention> log)
{
    private const string Name = "audit-retention";

    private readonly OrganizationIndex organizations = new(tables);
    private readonly TableAuditLogArchived archived = new(new TableAuditLogTables(tables).Archived);
    private readonly TableAuditLogRemoval removal = new(tables);

    /// <summary>Does the day's part unless it is done, or another instance is at it.</summary>
    /// <exception cref="AuditArchiveException">Some organization's archive does not hold what it should. The others are done, and it is tried again.</exception>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "What is wrong with one organization's archive must not keep the others in storage; it is logged, and fails the run.")]
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (settings.Audit.RetentionDays is not { } days)
            return;
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        if (!await daily.TryBeginAsync(Name, today, cancellationToken))
            return;
        var failed = new List<Exception>();
        foreach (var org in await organizations.AllAsync(cancellationToken))
        {
            try
            {
                await RunAsync(org, today.AddDays(-days - 1), cancellationToken);
            }
            catch (Exception wrong) when (!cancellationToken.IsCancellationRequested)
            {
                Log.NotArchived(log, org, wrong);
                failed.Add(wrong);
            }
        }
        if (failed.Count > 0)
            throw new AuditArchiveException($"The audit trails of {failed.Count} organizations could not be archived.", failed[0]);
        await daily.EndAsync(Name, today, cancellationToken);
    }

    /// <summary>Archives an organization's days up to <paramref name="last"/> and removes the rows of those before it.</summary>
    public async Task RunAsync(OrgId org, DateOnly last, CancellationToken cancellationToken)
    {
        foreach (var day in await removal.DaysAsync(org, last, cancellationToken))
        {
            var isEmpty = await ArchiveAsync(org, day, cancellationToken);
            if (day == last)
                break;
            // Also when nothing happened on it: a checkpoint of its first minutes may close the day before.
            await ArchiveAsync(org, day.AddDays(1), cancellationToken);
            if (isEmpty)
                await removal.RemoveAsync(org, day, cancellationToken);
            else
                await RemoveAsync(org, day, cancellationToken);
        }
    }

    /// <summary>Sees to it that a day is in the archive; true when there is nothing of it to keep.</summary>
    private async Task<bool> ArchiveAsync(OrgId org, DateOnly day, CancellationToken cancellationToken)
    {
        if (await archived.FindAsync(org, day, cancellationToken) is not null)
            return false;
        var folder = Directory.CreateTempSubdirectory("kontext-audit-");
        try
        {
            var file = Path.Combine(folder.FullName, "export");
            AuditExportSeal? seal;
            await using (var stream = File.Create(file))
                seal = await exporter.WriteAsync(stream, await exporter.BeginAsync(org, day, day, cancellationToken), cancellationToken);
            // Archived by another instance meanwhile.
            if (seal is null)
                return false;
            if (seal is { Entries: 0, Checkpoints: 0 })
                return true;
            // A file of this name may be there, from a run that was cut off or from another instance. It is never replaced: what is there now decides.
            await archive.WriteAsync(org, day, file, cancellationToken);
            var (stored, sha256) = await ReadBackAsync(org, day, folder.FullName, cancellationToken);
            if (!stored.CoversTheSameAs(seal))
            {
                // Whoever was faster may have removed what we were reading.
                if (await archived.FindAsync(org, day, cancellationToken) is not null)
                    return false;
                throw new AuditArchiveException(Say($"{PlaceOf(org, day)} holds other entries than storage does."));
            }
            await audit.AppendAsync(org, new AuditEvent
            {
                At = time.GetUtcNow(),
                Type = AuditTypes.Administered,
                Capability = "audit.archived",
                Target = Say($"{seal.Entries} entries of {day:yyyy-MM-dd} in {PlaceOf(org, day)}, SHA-256 {sha256}"),
            }, cancellationToken);
            await archived.InsertAsync(org, new ArchivedDay(day, archive.PlaceOf(org), sha256, seal.Entries, time.GetUtcNow()), cancellationToken);
            return false;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private async Task RemoveAsync(OrgId org, DateOnly day, CancellationToken cancellationToken)
    {
        // Without a note the day is not in the archive: another instance is just removing it.
        if (await archived.FindAsync(org, day, cancellationToken) is not { } noted)
            return;
        var folder = Directory.CreateTempSubdirectory("kontext-audit-");
        try
        {
            // Once more, since the file may have changed after it was noted.
            if ((await ReadBackAsync(org, day, folder.FullName, cancellationToken)).Sha256 != noted.Sha256)
                throw new AuditArchiveException(Say($"{PlaceOf(org, day)} is not the file that was archived."));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
        await removal.RemoveAsync(org, day, cancellationToken);
    }

    private async Task<(AuditExportSeal Seal, string Sha256)> ReadBackAsync(OrgId org, DateOnly day, string folder, CancellationToken cancellationToken)
    {
        var file = Path.Combine(folder, "read-back");
        if (!await archive.ReadAsync(org, day, file, cancellationToken))
            throw new AuditArchiveException(Say($"{PlaceOf(org, day)} is not there."));
        var trusted = await exporter.KeysAsync(cancellationToken);
        if (!AuditExportVerification.Run(() => File.ReadLines(file), trusted).TryGet(out var verdict, out var failure))
            throw new AuditArchiveException(Say($"{PlaceOf(org, day)} cannot be checked: {failure.Message}"));
        if (verdict.Fault is { } fault)
            throw new AuditArchiveException(Say($"{PlaceOf(org, day)} does not hold, line {fault.Line}: {fault.Reason}."));
        await using var stream = File.OpenRead(file);
        return (verdict.Seal, Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancellationToken)));
    }

    private string PlaceOf(OrgId org, DateOnly day) => $"{archive.PlaceOf(org)}/{IAuditArchive.NameOf(day)}";

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

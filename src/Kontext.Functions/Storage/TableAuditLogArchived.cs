using Kontext.Domain;

namespace Kontext.Functions.Storage;

/// <summary>A day of the audit trail that is in the archive, as it was when it was checked there.</summary>
/// <param name="Day">The UTC day.</param>
/// <param name="Place">Where the organization's files are.</param>
/// <param name="Sha256">The file's hash, in hexadecimal.</param>
/// <param name="Entries">How many entries of the day it holds.</param>
/// <param name="At">When it was checked.</param>
internal sealed record ArchivedDay(DateOnly Day, string Place, string Sha256, long Entries, DateTimeOffset At);

/// <summary>Which days of an organization's trail are in the archive: one partition, newest first, a row per day with entries.</summary>
internal sealed class TableAuditLogArchived(ITable table)
{
    /// <summary>Notes a day. That another instance noted it is as good: both read the same file, since none is ever replaced.</summary>
    public Task InsertAsync(OrgId org, ArchivedDay archived, CancellationToken cancellationToken) => table.InsertAsync(
        new TableRow(Key.Of(org), RowKey(org, archived.Day), new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["v"] = "1",
            ["day"] = AuditDay.Number(archived.Day),
            ["place"] = archived.Place,
            ["sha256"] = archived.Sha256,
            ["entries"] = archived.Entries,
            ["at"] = archived.At,
        }),
        cancellationToken);

    /// <summary>The day; null when it is not in the archive.</summary>
    public async Task<ArchivedDay?> FindAsync(OrgId org, DateOnly day, CancellationToken cancellationToken) =>
        await table.GetAsync(Key.Of(org), RowKey(org, day), cancellationToken) is { } row ? From(row) : null;

    /// <summary>The youngest; null when none is.</summary>
    public async Task<ArchivedDay?> LatestAsync(OrgId org, CancellationToken cancellationToken) =>
        await table.FirstAsync(Key.Of(org), Key.Of(org), null, cancellationToken) is { } row ? From(row) : null;

    private static string RowKey(OrgId org, DateOnly day) => Key.Of(org, AuditDay.Complement(day));

    private static ArchivedDay From(TableRow row) => new(
        AuditDay.From((int)row.Properties["day"]),
        (string)row.Properties["place"],
        (string)row.Properties["sha256"],
        (long)row.Properties["entries"],
        (DateTimeOffset)row.Properties["at"]);
}

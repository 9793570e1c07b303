using System.Globalization;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Storage;

/// <summary>One row per work: the day it was last begun for, until when whoever began it has it, and whether it is done. It belongs to no organization.</summary>
internal sealed class DailyWork(ITableSource tables, TimeProvider time) : IDailyWork
{
    private static readonly TimeSpan Turn = TimeSpan.FromMinutes(30);

    private readonly ITable works = tables.Open("dailywork");

    /// <inheritdoc/>
    public async Task<bool> TryBeginAsync(string work, DateOnly day, CancellationToken cancellationToken)
    {
        var (now, name) = (time.GetUtcNow(), NameOf(day));
        var begun = RowOf(work, name, now + Turn, done: false);
        if (await works.GetAsync(work, work, cancellationToken) is not { } last)
            return (await works.InsertAsync(begun, cancellationToken)).Ok;
        if (name.Equals(last.Properties["day"]) && ((bool)last.Properties["done"] || (DateTimeOffset)last.Properties["until"] > now))
            return false;
        return (await works.ReplaceAsync(begun with { ETag = last.ETag }, cancellationToken)).Ok;
    }

    /// <inheritdoc/>
    public Task EndAsync(string work, DateOnly day, CancellationToken cancellationToken) =>
        works.UpsertAsync(RowOf(work, NameOf(day), time.GetUtcNow(), done: true), cancellationToken);

    private static string NameOf(DateOnly day) => day.ToString("yyyyMMdd", CultureInfo.InvariantCulture);

    private static TableRow RowOf(string work, string day, DateTimeOffset until, bool done) => new(work, work, new Dictionary<string, object>(StringComparer.Ordinal)
    {
        ["v"] = "1", ["day"] = day, ["until"] = until, ["done"] = done,
    });
}

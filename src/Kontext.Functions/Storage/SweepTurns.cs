using Kontext.Domain;

namespace Kontext.Functions.Storage;

/// <summary>Where a sweep goes on in an organization.</summary>
/// <param name="Partition">The partition, counted over all tables.</param>
/// <param name="Applications">The place in the list of applications, which comes after them; null for its beginning.</param>
internal sealed record SweepPlace(int Partition, string? Applications);

/// <summary>An organization that this instance sweeps for a while, and where.</summary>
internal sealed record SweepTurn(OrgId Org, SweepPlace Place, string Version);

/// <summary>Who sweeps which organization: a row for each, with the place to go on at and how long it is taken or at rest. One row more says which organization is next.</summary>
internal sealed class SweepTurns(ITableSource tables, TimeProvider time)
{
    // Longer than a run lasts: whoever does not come back by then has ended.
    private static readonly TimeSpan Turn = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Rest = TimeSpan.FromHours(6);
    private const string Next = "next";

    private readonly ITable table = tables.Open("expirysweep");

    /// <summary>The organization that the last run stopped at; null before the first.</summary>
    public async Task<OrgId?> NextAsync(CancellationToken cancellationToken) =>
        await table.GetAsync(Next, Next, cancellationToken) is { } row ? OrgId.Parse((string)row.Properties["org"], provider: null) : null;

    /// <summary>Says which organization the next run begins with.</summary>
    public Task SetNextAsync(OrgId org, CancellationToken cancellationToken) =>
        table.UpsertAsync(new TableRow(Next, Next, new Dictionary<string, object> { ["v"] = "1", ["org"] = org.ToString() }), cancellationToken);

    /// <summary>Takes an organization; null when another instance has it, or it was done not long ago.</summary>
    public async Task<SweepTurn?> TryTakeAsync(OrgId org, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var key = Key.Of(org);
        var row = await table.GetAsync(key, key, cancellationToken);
        if (row is not null && (DateTimeOffset)row.Properties["until"] > now)
            return null;
        var place = row is null ? new SweepPlace(0, null) : new SweepPlace((int)row.Properties["partition"], row.Properties["applications"] is string { Length: > 0 } cursor ? cursor : null);
        var taken = RowOf(org, place, now + Turn) with { ETag = row?.ETag };
        var write = row is null ? await table.InsertAsync(taken, cancellationToken) : await table.ReplaceAsync(taken, cancellationToken);
        return write.Ok ? new SweepTurn(org, place, write.ETag!) : null;
    }

    /// <summary>Leaves it, to be gone on with at a place; null when everything was walked, and it rests. Whoever took over a turn that lasted too long keeps it.</summary>
    public Task LeaveAsync(SweepTurn turn, SweepPlace? place, CancellationToken cancellationToken) => table.ReplaceAsync(
        RowOf(turn.Org, place ?? new SweepPlace(0, null), place is null ? time.GetUtcNow() + Rest : time.GetUtcNow()) with { ETag = turn.Version }, cancellationToken);

    private static TableRow RowOf(OrgId org, SweepPlace place, DateTimeOffset until) => new(Key.Of(org), Key.Of(org), new Dictionary<string, object>(StringComparer.Ordinal)
    {
        ["v"] = "1",
        ["partition"] = place.Partition,
        ["applications"] = place.Applications ?? "",
        ["until"] = until,
    });
}

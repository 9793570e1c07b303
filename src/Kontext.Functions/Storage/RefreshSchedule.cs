using System.Runtime.CompilerServices;
using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Storage;

/// <summary>Due times of connections, as <see cref="DueNotes"/>.</summary>
internal sealed class RefreshSchedule(ITableSource tables, string table) : IRefreshSchedule
{
    private readonly DueNotes notes = new(tables, table);

    /// <summary>Due times of refreshes.</summary>
    public RefreshSchedule(ITableSource tables)
        : this(tables, "refreshdue")
    {
    }

    /// <inheritdoc/>
    public Task FileAsync(DueRefresh due, CancellationToken cancellationToken) => notes.FileAsync(
        PlaceOf(due),
        new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["org"] = due.Org.ToString(),
            ["user"] = due.User.Value.ToString("N"),
            ["integration"] = due.Integration.Value.ToString("N"),
            ["connection"] = due.Connection.Value.ToString("N"),
            ["expires"] = due.ExpiresAt,
        },
        cancellationToken);

    /// <inheritdoc/>
    public async IAsyncEnumerable<Versioned<DueRefresh>> DueAsync(DateTimeOffset now, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var row in notes.DueAsync(now, IRefreshSchedule.LookBack, cancellationToken))
            yield return new Versioned<DueRefresh>(From(row), row.ETag!);
    }

    /// <inheritdoc/>
    public async Task<Versioned<DueRefresh>?> FindAsync(DueRefresh due, CancellationToken cancellationToken) =>
        await notes.FindAsync(PlaceOf(due), cancellationToken) is { } found && From(found) == due ? new Versioned<DueRefresh>(due, found.ETag!) : null;

    /// <inheritdoc/>
    public Task ForgetAsync(DateTimeOffset before, CancellationToken cancellationToken) => notes.ForgetAsync(before, cancellationToken);

    /// <inheritdoc/>
    public Task RemoveAsync(Versioned<DueRefresh> due, CancellationToken cancellationToken) => notes.RemoveAsync(PlaceOf(due.Value), due.Version, cancellationToken);

    private static DuePlace PlaceOf(DueRefresh due) => new(due.Org, due.DueAt, due.Connection.Value.ToByteArray()[15] % DueNotes.Shards, due.Connection.Value.ToString("N"));

    private static DueRefresh From(TableRow row) => new(
        OrgId.Parse((string)row.Properties["org"], null),
        new UserId(Guid.Parse((string)row.Properties["user"])),
        new IntegrationId(Guid.Parse((string)row.Properties["integration"])),
        new ConnectionId(Guid.Parse((string)row.Properties["connection"])),
        (DateTimeOffset)row.Properties["expires"],
        DueNotes.DueAt(row));
}

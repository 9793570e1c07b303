using Kontext.Domain;
using Kontext.Domain.Work;

namespace Kontext.Functions.Storage;

/// <summary>Work that failed as often as the queue tries. One small partition per organization; messages that nobody can read, and so nobody owns, are under the empty organization.</summary>
internal sealed class FailedWorkStore(ITableSource tables, TimeProvider time)
{
    /// <summary>Where messages are that belong to no organization.</summary>
    public static readonly OrgId Nobody = new(Guid.Empty);

    private readonly DocumentTable<FailedWork> works = new(tables.Open("failedwork"), StoredJson.Default.FailedWork);

    /// <summary>Keeps a message. The same message, kept again, is kept once.</summary>
    public Task RecordAsync(OrgId org, string kind, string message, CancellationToken cancellationToken)
    {
        var id = Ids.Named<RevocationId>(message).Value;
        return works.InsertAsync(Key.Of(org), RowOf(org, id), new FailedWork(id, message, kind, time.GetUtcNow()), cancellationToken);
    }

    /// <summary>An organization's failed work.</summary>
    public async Task<IReadOnlyList<FailedWork>> ListAsync(OrgId org, int limit, CancellationToken cancellationToken) =>
        (await works.TakeAsync(Key.Of(org), Key.Of(org), null, limit, cancellationToken)).ConvertAll(row => row.Value);

    /// <summary>One; null when there is none.</summary>
    public Task<Versioned<FailedWork>?> FindAsync(OrgId org, Guid id, CancellationToken cancellationToken) => works.FindAsync(Key.Of(org), RowOf(org, id), cancellationToken);

    /// <summary>Forgets one.</summary>
    public Task RemoveAsync(OrgId org, Guid id, CancellationToken cancellationToken) => works.DeleteAsync(Key.Of(org), RowOf(org, id), "*", cancellationToken);

    private static string RowOf(OrgId org, Guid id) => $"{Key.Of(org)}~{id:N}";
}

using Kontext.Domain;
using Kontext.Domain.Revocations;

namespace Kontext.Functions.Storage;

/// <summary>Cut-offs, one partition per organization: there are as many as administrators ordered. Row keys hold the complement of the id, so that the newest come first.</summary>
internal sealed class CutOffStore(ITableSource tables) : ICutOffStore
{
    private readonly DocumentTable<CutOff> cutOffs = new(tables.Open("cutoffs"), StoredJson.Default.CutOff);

    /// <inheritdoc/>
    public Task<Versioned<CutOff>?> FindAsync(OrgId org, CutOffId id, CancellationToken cancellationToken) => cutOffs.FindAsync(Key.Of(org), RowKey(org, id), cancellationToken);

    /// <inheritdoc/>
    public async Task<Versioned<CutOff>> InsertAsync(OrgId org, CutOff cutOff, CancellationToken cancellationToken) =>
        await cutOffs.InsertAsync(Key.Of(org), RowKey(org, cutOff.Id), cutOff, cancellationToken) ?? throw new InvalidOperationException("A new id was used before.");

    /// <inheritdoc/>
    public Task<Versioned<CutOff>?> ReplaceAsync(OrgId org, Versioned<CutOff> current, CutOff next, CancellationToken cancellationToken) =>
        cutOffs.ReplaceAsync(Key.Of(org), RowKey(org, next.Id), current, next, cancellationToken);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The cursor is not one this list gave.</exception>
    public async Task<Page<CutOff>> ListAsync(OrgId org, string? cursor, int limit, CancellationToken cancellationToken)
    {
        var from = PageCursor.Read<CutOffId>(cursor) is { } after ? $"{RowKey(org, after)}~" : Key.Of(org);
        var found = await cutOffs.TakeAsync(Key.Of(org), from, to: null, limit, cancellationToken);
        return new Page<CutOff>([.. found.Select(row => row.Value)], found.Count == limit ? PageCursor.After(found[^1].Value.Id) : null);
    }

    private static string RowKey(OrgId org, CutOffId id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.Value.TryWriteBytes(bytes, bigEndian: true, out _);
        foreach (ref var part in bytes)
            part = (byte)~part;
        return Key.Of(org, new CutOffId(new Guid(bytes, bigEndian: true)));
    }
}

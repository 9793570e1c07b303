using System.Globalization;
using Kontext.Domain;
using Kontext.Domain.Revocations;
using Microsoft.Extensions.Caching.Memory;

namespace Kontext.Functions.Storage;

/// <summary>Issued credentials, a row each for the agent, the person and the integration, so that whoever is cut off is a range of one partition. Rows are never changed: a credential that ends at another time is another one.</summary>
internal sealed class IssuedCredentialStore(ITableSource tables) : IIssuedCredentials, IDisposable
{
    private const int PageSize = 500;
    private const int ShardsAtOnce = 16;
    private const string AfterIds = "~~";

    private readonly CredentialEnds ends = new(tables);
    // What this process noted before needs no other row.
    private readonly MemoryCache noted = new(new MemoryCacheOptions { SizeLimit = 50_000 });
    private readonly DocumentTable<IssuedCredential> table = new(tables.Open("issuedcredentials"), StoredJson.Default.IssuedCredential);

    /// <inheritdoc/>
    public Task NoteAsync(OrgId org, IssuedCredential issued)
    {
        var key = (org, issued.Application, issued.User, issued.Session, issued.Integration, End: EndOf(issued));
        return noted.TryGetValue(key, out _) ? Task.CompletedTask : WriteAsync();

        async Task WriteAsync()
        {
            await Task.WhenAll([
                .. RowsOf(org, issued).Select(row => table.InsertAsync(row.Partition, row.Row, issued, CancellationToken.None)),
                issued.EndsAt is null ? Task.CompletedTask : ends.FileAsync(new CredentialEnd(org, issued), CancellationToken.None)]);
            noted.Set(key, true, new MemoryCacheEntryOptions { Size = 1, AbsoluteExpiration = issued.KeptUntil });
        }
    }

    /// <inheritdoc/>
    public Task<IssuedCredentials> ListAsync(OrgId org, CutOffTarget target, DateTimeOffset now, int limit, CancellationToken cancellationToken) => target switch
    {
        { Kind: CutOffKind.Session, Application: { } application, Session: { } session } => OfAsync(Key.Shard(org, application), Key.Of(org, application, session), now, limit, cancellationToken),
        { Kind: CutOffKind.Application, Application: { } application } => OfAsync(Key.Shard(org, application), Key.Of(org, application), now, limit, cancellationToken),
        { Kind: CutOffKind.User, User: { } user } => OfAsync(Key.Shard(org, user), Key.Of(org, user), now, limit, cancellationToken),
        { Kind: CutOffKind.Connection, User: { } user, Integration: { } integration } => OfAsync(Key.Shard(org, user), Key.Of(org, user, integration), now, limit, cancellationToken),
        { Kind: CutOffKind.Integration, Integration: { } integration } => OfAsync(Key.Shard(org, integration), Key.Of(org, integration), now, limit, cancellationToken),
        { Kind: CutOffKind.Organization } => OfAllAsync(org, now, limit, cancellationToken),
        _ => throw new ArgumentException($"A target of kind {target.Kind} lacks an id.", nameof(target)),
    };

    /// <inheritdoc/>
    public void Dispose() => noted.Dispose();

    private async Task<IssuedCredentials> OfAsync(string partition, string prefix, DateTimeOffset now, int limit, CancellationToken cancellationToken)
    {
        var found = new Dictionary<object, IssuedCredential>();
        string? continuation = null;
        do
        {
            (var page, continuation) = await table.RangeAsync(partition, prefix + "~", prefix + AfterIds, PageSize, continuation, cancellationToken);
            foreach (var row in page)
                Add(found, row.Value, now);
        }
        while (continuation is not null && found.Count <= limit);
        return Of(found, limit);
    }

    private async Task<IssuedCredentials> OfAllAsync(OrgId org, DateTimeOffset now, int limit, CancellationToken cancellationToken)
    {
        var (found, whole) = (new Dictionary<object, IssuedCredential>(), true);
        foreach (var shards in Key.Shards(org).Chunk(ShardsAtOnce))
        {
            foreach (var rows in await Task.WhenAll(shards.Select(shard => table.TakeAsync(shard, Key.Of(org), null, PageSize, cancellationToken))))
            {
                whole &= rows.Count < PageSize;
                foreach (var row in rows)
                    Add(found, row.Value, now);
            }
            if (found.Count > limit)
                break;
        }
        var some = Of(found, limit);
        return some with { More = some.More || !whole };
    }

    // One without a known end has a row for each day it was asked for: told of once, as of the last.
    private static void Add(Dictionary<object, IssuedCredential> found, IssuedCredential issued, DateTimeOffset now)
    {
        var key = (issued.Application, issued.User, issued.Session, issued.Integration, issued.EndsAt);
        if (issued.KeptUntil > now && (!found.TryGetValue(key, out var other) || other.IssuedAt < issued.IssuedAt))
            found[key] = issued;
    }

    private static IssuedCredentials Of(Dictionary<object, IssuedCredential> found, int limit) =>
        new([.. found.Values.OrderByDescending(issued => issued.IssuedAt).Take(limit)], found.Count > limit);

    private static IEnumerable<(string Partition, string Row)> RowsOf(OrgId org, IssuedCredential issued)
    {
        var (session, user, end) = (issued.Session ?? default, issued.User ?? default, EndOf(issued));
        yield return (Key.Shard(org, issued.Application), $"{Key.Of(org, issued.Application, session)}~{user.Value:N}~{issued.Integration.Value:N}~{end}");
        yield return (Key.Shard(org, issued.Integration), $"{Key.Of(org, issued.Integration, user)}~{issued.Application.Value:N}~{session.Value:N}~{end}");
        if (issued.User is not null)
            yield return (Key.Shard(org, user), $"{Key.Of(org, user, issued.Integration)}~{issued.Application.Value:N}~{session.Value:N}~{end}");
    }

    private static string EndOf(IssuedCredential issued) => issued.EndsAt is { } end
        ? end.UtcTicks.ToString("x16", CultureInfo.InvariantCulture)
        : issued.IssuedAt.UtcDateTime.ToString("yyyyMMdd", CultureInfo.InvariantCulture);
}

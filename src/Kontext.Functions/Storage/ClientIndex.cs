using System.Collections.Concurrent;
using Kontext.Domain;
using Kontext.Domain.OAuth;

namespace Kontext.Functions.Storage;

/// <summary>Resolves OAuth client ids to their organizations. An entry never changes, so what was found once is remembered.</summary>
internal sealed class ClientIndex(ITableSource tables)
{
    private const string OrgProperty = "org";
    private const int MaxKnown = 100_000;

    private readonly ITable table = tables.Open("clients");
    private readonly ConcurrentDictionary<string, OrgId> known = new(StringComparer.Ordinal);

    /// <summary>The organization of a client; null when unknown. The client id must have been parsed.</summary>
    public async ValueTask<OrgId?> FindAsync(string clientId, CancellationToken cancellationToken)
    {
        if (known.TryGetValue(clientId, out var org))
            return org;
        var key = KeyOf(clientId);
        if (await table.GetAsync(key, key, cancellationToken) is not { } row)
            return null;
        org = OrgId.Parse((string)row.Properties[OrgProperty], provider: null);
        if (known.Count >= MaxKnown)
            known.Clear();
        known[clientId] = org;
        return org;
    }

    /// <summary>Adds a client; false when it is another organization's.</summary>
    public async Task<bool> InsertAsync(string clientId, OrgId org, CancellationToken cancellationToken)
    {
        var key = KeyOf(clientId);
        var row = new TableRow(key, key, new Dictionary<string, object> { [OrgProperty] = org.ToString() });
        return (await table.InsertAsync(row, cancellationToken)).Ok || await FindAsync(clientId, cancellationToken) == org;
    }

    // A URL has characters that a key may not have.
    private static string KeyOf(string clientId) => ClientIdUrl.IsUrl(clientId) ? $"url~{RandomValue.HashOf(clientId)}" : clientId;
}

using Kontext.Domain;
using Kontext.Domain.Gateway;

namespace Kontext.Functions.Storage;

/// <summary>Notes on clients' sessions, found by the hash of the session's unguessable name.</summary>
internal sealed class McpSessionNotes(ITableSource tables) : IMcpSessionNotes
{
    private readonly DocumentTable<McpSessionNote> notes = new(tables.Open("mcpsessions"), StoredJson.Default.McpSessionNote);

    /// <inheritdoc/>
    public async Task<McpSessionNote?> FindAsync(OrgId org, string session, CancellationToken cancellationToken)
    {
        var (partition, row) = PlaceOf(org, session);
        return (await notes.FindAsync(partition, row, cancellationToken))?.Value;
    }

    /// <inheritdoc/>
    public async Task ChangeAsync(OrgId org, string session, DateTimeOffset expiresAt, Func<McpSessionNote, McpSessionNote> change, CancellationToken cancellationToken)
    {
        var (partition, row) = PlaceOf(org, session);
        while (true)
        {
            var changed = await notes.FindAsync(partition, row, cancellationToken) is { } current
                ? await notes.ReplaceAsync(partition, row, current, change(current.Value), cancellationToken)
                : await notes.InsertAsync(partition, row, change(new McpSessionNote { ExpiresAt = expiresAt }), cancellationToken);
            if (changed is not null)
                return;
        }
    }

    private static (string Partition, string Row) PlaceOf(OrgId org, string session)
    {
        var hash = RandomValue.HashOf(session);
        return (Key.HashShard(org, hash), Key.Of(org, hash));
    }
}

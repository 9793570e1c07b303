using System.Globalization;
using System.Runtime.CompilerServices;
using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Testing.Connections;

/// <summary>Due times in memory, one per connection and time.</summary>
public sealed class MemorySchedule : IRefreshSchedule
{
    private readonly Dictionary<(ConnectionId, DateTimeOffset), Versioned<DueRefresh>> notes = [];
    private long version;

    /// <summary>What is noted, in the order of due times.</summary>
    public IReadOnlyList<DueRefresh> Notes
    {
        get
        {
            lock (notes)
                return [.. notes.Values.Select(note => note.Value).OrderBy(due => due.DueAt)];
        }
    }

    /// <inheritdoc/>
    public Task FileAsync(DueRefresh due, CancellationToken cancellationToken)
    {
        lock (notes)
            notes[(due.Connection, due.DueAt)] = new Versioned<DueRefresh>(due, (++version).ToString(CultureInfo.InvariantCulture));
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<Versioned<DueRefresh>> DueAsync(DateTimeOffset now, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        List<Versioned<DueRefresh>> due;
        lock (notes)
            due = [.. notes.Values.Where(note => note.Value.DueAt <= now).OrderBy(note => note.Value.DueAt)];
        foreach (var note in due)
        {
            await Task.Yield();
            yield return note;
        }
    }

    /// <inheritdoc/>
    public Task<Versioned<DueRefresh>?> FindAsync(DueRefresh due, CancellationToken cancellationToken)
    {
        lock (notes)
            return Task.FromResult(notes.TryGetValue((due.Connection, due.DueAt), out var stored) && stored.Value == due ? stored : null);
    }

    /// <inheritdoc/>
    public Task ForgetAsync(DateTimeOffset before, CancellationToken cancellationToken)
    {
        lock (notes)
        {
            foreach (var old in notes.Where(note => note.Value.Value.DueAt < before).Select(note => note.Key).ToList())
                notes.Remove(old);
        }
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task RemoveAsync(Versioned<DueRefresh> due, CancellationToken cancellationToken)
    {
        lock (notes)
        {
            if (notes.TryGetValue((due.Value.Connection, due.Value.DueAt), out var stored) && stored.Version == due.Version)
                notes.Remove((due.Value.Connection, due.Value.DueAt));
        }
        return Task.CompletedTask;
    }
}

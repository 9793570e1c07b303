using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Kontext.Domain.Work;

namespace Kontext.Testing.Connections;

/// <summary>A queue from which a test takes what was put in, whenever it likes.</summary>
public sealed class CollectingQueue : IWorkQueue
{
    private readonly ConcurrentQueue<(WorkItem Item, TimeSpan Delay)> items = [];

    /// <summary>How long what waits was told to wait, in the order it came.</summary>
    public IReadOnlyList<TimeSpan> Delays => [.. items.Select(item => item.Delay)];

    /// <inheritdoc/>
    public Task EnqueueAsync(WorkItem item, TimeSpan delay, CancellationToken cancellationToken)
    {
        items.Enqueue((item, delay));
        return Task.CompletedTask;
    }

    /// <summary>Takes out what has waited longest.</summary>
    public bool TryTake([NotNullWhen(true)] out WorkItem? item)
    {
        var taken = items.TryDequeue(out var found);
        item = found.Item;
        return taken;
    }
}

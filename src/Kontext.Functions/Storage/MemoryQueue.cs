using Kontext.Domain;
using Kontext.Domain.Work;
using Kontext.Functions.Work;

namespace Kontext.Functions.Storage;

/// <summary>The work queue of an installation whose state is in memory.</summary>
internal sealed class MemoryQueue(TimeProvider time) : IWorkQueue, IWorkSource
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Waiting> messages = [];

    /// <inheritdoc/>
    public Task EnqueueAsync(WorkItem item, TimeSpan delay, CancellationToken cancellationToken)
    {
        lock (gate)
            messages.Add(RandomValue.ShortId(), new Waiting(WorkMessage.Write(item), time.GetUtcNow() + delay, "", 0));
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<ReceivedWork>> ReceiveAsync(int max, TimeSpan hidden, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            var now = time.GetUtcNow();
            var due = messages.Where(message => message.Value.VisibleAt <= now).OrderBy(message => message.Value.VisibleAt).Take(max).ToList();
            var received = new List<ReceivedWork>(due.Count);
            foreach (var (id, waiting) in due)
            {
                var given = messages[id] = waiting with { VisibleAt = now + hidden, Receipt = RandomValue.ShortId(), Deliveries = waiting.Deliveries + 1 };
                received.Add(new ReceivedWork(id, given.Receipt, given.Body, given.Deliveries));
            }
            return Task.FromResult<IReadOnlyList<ReceivedWork>>(received);
        }
    }

    /// <inheritdoc/>
    public Task CompleteAsync(ReceivedWork work, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            if (messages.TryGetValue(work.Id, out var waiting) && waiting.Receipt == work.Receipt)
                messages.Remove(work.Id);
        }
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task ReleaseAsync(ReceivedWork work, TimeSpan wait, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            if (messages.TryGetValue(work.Id, out var waiting) && waiting.Receipt == work.Receipt)
                messages[work.Id] = waiting with { VisibleAt = time.GetUtcNow() + wait };
        }
        return Task.CompletedTask;
    }

    private sealed record Waiting(byte[] Body, DateTimeOffset VisibleAt, string Receipt, long Deliveries);
}

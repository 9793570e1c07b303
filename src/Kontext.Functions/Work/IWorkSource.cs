namespace Kontext.Functions.Work;

/// <summary>A message that was handed out and comes back unless it is completed.</summary>
/// <param name="Id">Its id in the queue.</param>
/// <param name="Receipt">Proves that it was handed out to us.</param>
/// <param name="Body">Its bytes.</param>
/// <param name="Deliveries">How often it was handed out, this time included.</param>
internal sealed record ReceivedWork(string Id, string Receipt, ReadOnlyMemory<byte> Body, long Deliveries);

/// <summary>A queue that can be received from.</summary>
internal interface IWorkSource
{
    /// <summary>At most <paramref name="max"/> messages, which nobody else gets before <paramref name="hidden"/> is over.</summary>
    Task<IReadOnlyList<ReceivedWork>> ReceiveAsync(int max, TimeSpan hidden, CancellationToken cancellationToken);

    /// <summary>Deletes a message that is done. One that was handed out again since stays.</summary>
    Task CompleteAsync(ReceivedWork work, CancellationToken cancellationToken);

    /// <summary>Hands a message back, to be delivered after the wait.</summary>
    Task ReleaseAsync(ReceivedWork work, TimeSpan wait, CancellationToken cancellationToken);
}

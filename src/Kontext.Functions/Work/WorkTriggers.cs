using Kontext.Functions.Triggers;

namespace Kontext.Functions.Work;

/// <summary>A message of the work queue, as the host posts it.</summary>
internal sealed class WorkTrigger(string name, WorkHandler handler) : IMessageTrigger
{
    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public Task RunAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken) => handler.RunAsync(message, cancellationToken);
}

/// <summary>A message that the host has moved aside because it failed too often.</summary>
internal sealed class GivenUpTrigger(string name, WorkHandler handler) : IMessageTrigger
{
    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public Task RunAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken) => handler.GiveUpAsync(message, cancellationToken);
}

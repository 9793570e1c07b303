namespace Kontext.Testing.Connections;

/// <summary>A clock that a test moves, whose short waits are over at once: polling and backing off cost no time.</summary>
public sealed class HastyTime(ManualTime clock) : TimeProvider
{
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(2);

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => clock.GetUtcNow();

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        base.CreateTimer(callback, state, dueTime > TimeSpan.Zero && dueTime < Short ? TimeSpan.FromMilliseconds(1) : dueTime, period);
}

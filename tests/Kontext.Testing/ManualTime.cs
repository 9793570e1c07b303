namespace Kontext.Testing;

/// <summary>A clock that stands still until a test moves it.</summary>
/// <param name="start">What it shows first.</param>
/// <param name="step">How far each reading moves it: with a step, what happens one after the other has different times, as with any clock.</param>
public sealed class ManualTime(DateTimeOffset start, TimeSpan step = default) : TimeProvider
{
    private long ticks = start.UtcTicks;

    /// <summary>Moves the clock on.</summary>
    public void Advance(TimeSpan by) => Interlocked.Add(ref ticks, by.Ticks);

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => new(Interlocked.Add(ref ticks, step.Ticks), TimeSpan.Zero);
}

namespace Kontext.Functions.Tests.Storage;

/// <summary>A clock whose time of day and whose timestamps stand still until a test moves them.</summary>
internal sealed class SteppedTime : TimeProvider
{
    private long ticks = new DateTimeOffset(2026, 3, 31, 12, 0, 0, TimeSpan.Zero).UtcTicks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public void Advance(TimeSpan by) => Interlocked.Add(ref ticks, by.Ticks);

    public override DateTimeOffset GetUtcNow() => new(Interlocked.Read(ref ticks), TimeSpan.Zero);

    public override long GetTimestamp() => Interlocked.Read(ref ticks);
}

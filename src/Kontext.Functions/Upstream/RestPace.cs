namespace Kontext.Functions.Upstream;

/// <summary>The time a proxied call may take: in all, and without a sign of life from the service. The time an agent takes to read counts only towards the first.</summary>
internal sealed class RestPace : IDisposable
{
    private readonly TimeProvider time;
    private readonly TimeSpan silence;
    private readonly TimeSpan total;
    private readonly long started;
    private readonly CancellationTokenSource end;

    /// <summary>The call begins; it also ends with the agent's own token.</summary>
    public RestPace(TimeSpan silence, TimeSpan total, TimeProvider time, CancellationToken cancellationToken)
    {
        (this.silence, this.total, this.time, started) = (silence, total, time, time.GetTimestamp());
        end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        end.CancelAfter(total);
    }

    /// <summary>Ends with the call.</summary>
    public CancellationToken Token => end.Token;

    /// <summary>It is the service's turn to send something.</summary>
    public void Listen() => end.CancelAfter(Left is var left && left < silence ? left : silence);

    /// <summary>It has sent something.</summary>
    public void Heard() => end.CancelAfter(Left);

    /// <inheritdoc/>
    public void Dispose() => end.Dispose();

    private TimeSpan Left => total - time.GetElapsedTime(started) is var left && left > TimeSpan.Zero ? left : TimeSpan.Zero;
}

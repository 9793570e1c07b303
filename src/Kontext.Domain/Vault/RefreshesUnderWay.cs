using System.Collections.Concurrent;

namespace Kontext.Domain.Vault;

/// <summary>The refreshes this process is at. Whoever began one may have stopped waiting for it; a program that ends in an orderly way finishes them first.</summary>
public sealed class RefreshesUnderWay
{
    private readonly ConcurrentDictionary<Task, bool> refreshes = new();

    /// <summary>Told of a refresh that broke off, whether or not anybody still waits for it.</summary>
    public event Action<Exception>? BrokeOff;

    /// <summary>Counts a refresh in until it ends.</summary>
    public void Add(Task refresh)
    {
        if (refresh.IsCompletedSuccessfully)
            return;
        refreshes[refresh] = true;
        _ = ForgetAsync(refresh);
    }

    /// <summary>Completes when those that are under way now have ended, however they did.</summary>
    public async Task DrainAsync(CancellationToken cancellationToken)
    {
        foreach (var refresh in refreshes.Keys)
            await refresh.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task ForgetAsync(Task refresh)
    {
        try
        {
            await refresh;
        }
        catch (Exception failure)
        {
            BrokeOff?.Invoke(failure);
        }
        finally
        {
            refreshes.TryRemove(refresh, out _);
        }
    }
}

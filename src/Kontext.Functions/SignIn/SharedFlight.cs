using System.Collections.Concurrent;

namespace Kontext.Functions.SignIn;

/// <summary>Lets those who ask for the same thing at the same moment wait for one answer, failures included.</summary>
/// <typeparam name="TKey">What is asked for.</typeparam>
/// <typeparam name="T">The answer.</typeparam>
internal sealed class SharedFlight<TKey, T>
    where TKey : notnull
{
    private readonly ConcurrentDictionary<TKey, Lazy<Task<T>>> running = new();

    /// <summary>The answer of the work that is under way, or of this one.</summary>
    /// <param name="key">What is asked for.</param>
    /// <param name="work">How it is found out. It bounds its own time: who stops waiting does not stop it for the others.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public Task<T> RunAsync(TKey key, Func<Task<T>> work, CancellationToken cancellationToken) =>
        running.GetOrAdd(key, _ => new Lazy<Task<T>>(() => LandAsync(key, work))).Value.WaitAsync(cancellationToken);

    private async Task<T> LandAsync(TKey key, Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        finally
        {
            running.TryRemove(key, out _);
        }
    }
}

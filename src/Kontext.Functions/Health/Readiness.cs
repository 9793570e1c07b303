namespace Kontext.Functions.Health;

/// <summary>Asks everything Kontext depends on, at most every two seconds however often it is asked itself.</summary>
internal sealed class Readiness(IEnumerable<IDependency> dependencies, TimeProvider time, ILogger<Readiness> log)
{
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private readonly IDependency[] dependencies = [.. dependencies];
    private readonly Lock gate = new();
    private DateTimeOffset askedAt = DateTimeOffset.MinValue;
    private Task<IReadOnlyDictionary<string, bool>>? asked;

    /// <summary>Who answers, by name.</summary>
    public Task<IReadOnlyDictionary<string, bool>> AskAsync()
    {
        lock (gate)
        {
            var now = time.GetUtcNow();
            if (asked is { } running && (!running.IsCompleted || now - askedAt < Fresh))
                return running;
            askedAt = now;
            return asked = AskAllAsync();
        }
    }

    private async Task<IReadOnlyDictionary<string, bool>> AskAllAsync()
    {
        var answers = await Task.WhenAll(dependencies.Select(AskAsync));
        return dependencies.Zip(answers).ToDictionary(pair => pair.First.Name, pair => pair.Second);
    }

    private async Task<bool> AskAsync(IDependency dependency)
    {
        using var limit = new CancellationTokenSource(Limit, time);
        try
        {
            // Some clients wait on their own before they heed the token.
            await Task.Run(() => dependency.ProbeAsync(limit.Token), limit.Token).WaitAsync(limit.Token);
            return true;
        }
#pragma warning disable CA1031 // Whatever is wrong with it, the answer is the same, and the reason is in the log.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            Log.DependencyFails(log, dependency.Name, failure);
            return false;
        }
    }
}

using System.Text;

namespace Kontext.Chaos;

/// <summary>Posts the timers to the instances as the Functions host does, much more often than it does.</summary>
internal sealed class Timers(Site site, Journal journal, Choices dice) : IDisposable
{
    private static readonly (string Name, TimeSpan Every)[] All =
    [
        ("fn-refresh-sweep", TimeSpan.FromSeconds(2)),
        ("fn-trace-rollup", TimeSpan.FromSeconds(5)),
        ("fn-audit-seal", TimeSpan.FromSeconds(7)),
        ("fn-refresh-backfill", TimeSpan.FromSeconds(15)),
    ];

    private readonly HttpClient http = new() { Timeout = TimeSpan.FromMinutes(2) };

    /// <summary>Fires until it is over. Runs may overlap, as they may on several instances.</summary>
    public Task RunAsync(CancellationToken over) => Task.WhenAll(All.Select(timer => RepeatAsync(timer.Name, timer.Every, dice.Apart(timer.Name.Length), over)));

    /// <summary>Fires one timer on one instance, once.</summary>
    public async Task<bool> FireAsync(string name, Instance at)
    {
        try
        {
            using var happened = new StringContent("""{"Data":{},"Metadata":{}}""", Encoding.UTF8, "application/json");
            using var answer = await http.PostAsync(new Uri(at.Url, $"/{name}"), happened);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException or OperationCanceledException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    private async Task RepeatAsync(string name, TimeSpan every, Choices own, CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            await Task.Delay(every, over).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (site.Instances.Where(instance => instance.Up).ToList() is { Count: > 0 } up)
                journal.Count(await FireAsync(name, own.Of(up)) ? "timer runs" : "timer runs that failed");
        }
    }
}

namespace Kontext.Load.Runs;

/// <summary>One stretch of a run with more load than can be answered.</summary>
/// <param name="Name">What it is.</param>
/// <param name="PerSecond">How many requests began in a second.</param>
/// <param name="Seconds">What each second saw.</param>
public sealed record Stretch(string Name, int PerSecond, IReadOnlyList<OpenSecond> Seconds);

/// <summary>Half of what an instance can do, twice as much as it can do, and half again: what is refused, how long the rest takes, and what is left of it afterwards.</summary>
public static class Overload
{
    private const int Slots = 64;

    /// <summary>How many requests the instance works on at a time here.</summary>
    public static int ConcurrentRequests => Slots;

    /// <summary>Runs on an instance of its own. <paramref name="capacity"/> is what was measured before.</summary>
    public static async Task<IReadOnlyList<Stretch>> RunAsync(Workplace workplace, int capacity, int seconds)
    {
        await using var server = await workplace.StartAsync(settings: new Dictionary<string, string> { ["Kontext__Limits__ConcurrentRequests"] = $"{Slots}" });
        await workplace.RenewAsync();
        HttpRequestMessage Next() => workplace.Exchange(server.Url, "notes");
        await LoadRun.RunAsync(_ => Next(), 16, TimeSpan.FromSeconds(2));
        var stretches = new List<Stretch>();
        foreach (var (name, rate) in new[] { ("half", capacity / 2), ("twice", capacity * 2), ("half again", capacity / 2) })
            stretches.Add(new Stretch(name, rate, await OpenLoop.RunAsync(Next, rate, seconds, server.ProcessId)));
        return stretches;
    }
}

using System.Diagnostics;

namespace Kontext.Load.Runs;

/// <summary>The server's memory at a moment of a long run.</summary>
/// <param name="At">Since its beginning.</param>
/// <param name="Requests">Answered so far.</param>
/// <param name="Bytes">Resident.</param>
public sealed record MemoryPoint(TimeSpan At, long Requests, long Bytes);

/// <summary>An hour of a busy installation in a few minutes: as many exchanges and tool calls as it would see, as fast as they go, and what that does to its memory.</summary>
public static class MemoryRun
{
    /// <summary>What ten requests a second are in an hour.</summary>
    public const long HourOfRequests = 36_000;

    /// <summary>Runs on an instance of its own until it has answered this many, half exchanges and half tool calls.</summary>
    public static async Task<IReadOnlyList<MemoryPoint>> RunAsync(Workplace workplace, string program, long requests)
    {
        await using var server = await workplace.StartAsync(program: program);
        await workplace.RenewAsync();
        var (points, answered, clock) = (new List<MemoryPoint>(), 0L, Stopwatch.StartNew());
        while (answered < requests)
        {
            var turn = await LoadRun.RunAsync(
                connection => connection % 2 == 0 ? workplace.Exchange(server.Url, "notes") : Requests.Call(new Uri(server.Url, "/mcp"), "up__echo", workplace.AccessToken), 16, TimeSpan.FromSeconds(3), TimeSpan.Zero);
            if (turn.Errors > 0)
                throw new InvalidOperationException($"{turn.Errors} requests failed, the first: {turn.FirstError}");
            answered += turn.Latencies.Count;
            points.Add(new MemoryPoint(clock.Elapsed, answered, ServerMemory.Resident(server.ProcessId)));
        }
        return points;
    }
}

using System.Diagnostics;
using System.Globalization;
using Kontext.Testing;

namespace Kontext.Load.Runs;

/// <summary>How long a process takes from its start to its first answer, and to its first token.</summary>
/// <param name="FirstAnswer">Of each start: until <c>/healthz</c> answered.</param>
/// <param name="FirstToken">Of each start: until a token was issued, durably recorded.</param>
public sealed record Starts(IReadOnlyList<TimeSpan> FirstAnswer, IReadOnlyList<TimeSpan> FirstToken);

/// <summary>The starts of everything that is compared.</summary>
/// <param name="Packaged">The program of the package that is deployed.</param>
/// <param name="Built">What <c>dotnet build</c> leaves, compiled as it runs.</param>
/// <param name="Floor">Of each start of a bare Kestrel: until it answered.</param>
public sealed record ColdStarts(Starts Packaged, Starts Built, IReadOnlyList<TimeSpan> Floor);

/// <summary>Starts the product and the floor in turns, on storage that is set up already.</summary>
public static class ColdStart
{
    /// <summary>Runs.</summary>
    public static async Task<ColdStarts> RunAsync(Workplace workplace, string program, int starts)
    {
        var (packaged, built, floors) = (new List<(TimeSpan Answer, TimeSpan Token)>(), new List<(TimeSpan Answer, TimeSpan Token)>(), new List<TimeSpan>());
        for (var start = 0; start < starts; start++)
        {
            floors.Add(await FloorAsync());
            packaged.Add(await StartAsync(workplace, program));
            built.Add(await StartAsync(workplace, program: null));
        }
        return new ColdStarts(Of(packaged), Of(built), floors);

        static Starts Of(IReadOnlyList<(TimeSpan Answer, TimeSpan Token)> starts) => new([.. starts.Select(start => start.Answer)], [.. starts.Select(start => start.Token)]);
    }

    private static async Task<(TimeSpan Answer, TimeSpan Token)> StartAsync(Workplace workplace, string? program)
    {
        var clock = Stopwatch.StartNew();
        await using var server = await workplace.StartAsync(program: program);
        var first = clock.Elapsed;
        using var request = workplace.Exchange(server.Url, "notes");
        using var answer = await server.Http.SendAsync(request);
        answer.EnsureSuccessStatusCode();
        await answer.Content.ReadAsByteArrayAsync();
        return (first, clock.Elapsed);
    }

    private static async Task<TimeSpan> FloorAsync()
    {
        var clock = Stopwatch.StartNew();
        await using var server = await Floors.StartAsync(Floors.Kestrel);
        using var http = new HttpClient();
        (await http.GetAsync(server.Address)).Dispose();
        return clock.Elapsed;
    }
}

/// <summary>Median and worst of a few times.</summary>
public static class Times
{
    /// <summary>The median.</summary>
    public static TimeSpan Median(this IEnumerable<TimeSpan> times)
    {
        var ordered = times.Order().ToList();
        return ordered[ordered.Count / 2];
    }

    /// <summary>In milliseconds, as tables show it.</summary>
    public static string Milliseconds(this TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0} ms");
}

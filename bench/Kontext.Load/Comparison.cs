namespace Kontext.Load;

/// <summary>One of the things that are compared: a floor, a peer or the product.</summary>
/// <param name="Name">Its name in tables and charts.</param>
/// <param name="LoadAsync">Loads it over so many connections for so long, after a warm-up.</param>
public sealed record Side(string Name, Func<int, TimeSpan, Task<LoadResult>> LoadAsync)
{
    /// <summary>A server that is there already.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="request">Makes the next request of a connection.</param>
    /// <param name="server">Its process, whose memory is read afterwards; null when there is none of its own.</param>
    public static Side Of(string name, Func<int, HttpRequestMessage> request, int? server = null) => new(name, async (connections, duration) =>
    {
        var load = LoadRun.RunAsync(request, connections, duration);
        var most = server is { } process ? await ServerMemory.MostAsync(process, load) : default(long?);
        return await load with { ResidentBytes = most };
    });
}

/// <summary>What the passes over one side measured.</summary>
/// <param name="Name">The side.</param>
/// <param name="Passes">One result per pass.</param>
public sealed record Measured(string Name, IReadOnlyList<LoadResult> Passes)
{
    /// <summary>The pass with the median rate.</summary>
    public LoadResult Median => Passes.OrderBy(pass => pass.PerSecond).ElementAt(Passes.Count / 2);

    /// <summary>The lowest rate.</summary>
    public double Worst => Passes.Min(pass => pass.PerSecond);

    /// <summary>Requests that failed, in all passes.</summary>
    public long Errors => Passes.Sum(pass => pass.Errors);
}

/// <summary>Compares sides: their passes alternate, so that whatever else the machine does falls on all of them.</summary>
public static class Comparison
{
    /// <summary>Runs.</summary>
    /// <exception cref="InvalidOperationException">Requests failed: there is nothing to compare.</exception>
    public static async Task<IReadOnlyList<Measured>> RunAsync(IReadOnlyList<Side> sides, int connections, TimeSpan duration, int passes)
    {
        var results = sides.Select(_ => new List<LoadResult>()).ToList();
        for (var pass = 0; pass < passes; pass++)
        {
            for (var side = 0; side < sides.Count; side++)
            {
                var result = await sides[side].LoadAsync(connections, duration);
                if (result.Errors > 0)
                    throw new InvalidOperationException($"{sides[side].Name}: {result.Errors} requests failed, the first: {result.FirstError}");
                results[side].Add(result with { Name = sides[side].Name });
            }
        }
        return [.. sides.Zip(results, (side, passed) => new Measured(side.Name, passed))];
    }
}

using System.Globalization;

namespace Kontext.Load;

/// <summary>The product beside its floor: passes of both alternate, so that whatever else the machine does falls on both.</summary>
internal static class Comparison
{
    /// <summary>Prints the head of the table.</summary>
    public static void WriteHead()
    {
        Console.WriteLine("| what | requests/s | p50 | p99 | resident | of the floor |");
        Console.WriteLine("|---|---|---|---|---|---|");
    }

    /// <summary>Runs both and prints a row for each; gives the number of errors.</summary>
    public static async Task<long> RunAsync(int passes, Func<Task<LoadResult>> floor, Func<Task<LoadResult>> product)
    {
        var (floors, products) = (new List<LoadResult>(), new List<LoadResult>());
        for (var pass = 0; pass < passes; pass++)
        {
            floors.Add(await floor());
            products.Add(await product());
        }
        Console.WriteLine(Row(floors, null));
        Console.WriteLine(Row(products, Median(floors)));
        var errors = floors.Concat(products).Where(result => result.Errors > 0).ToList();
        foreach (var result in errors)
            Console.Error.WriteLine($"{result.Name}: {result.Errors} errors, the first: {result.FirstError}");
        return errors.Sum(result => result.Errors);
    }

    // The median pass, and the worst one's rate behind it.
    private static string Row(List<LoadResult> results, LoadResult? floor)
    {
        var median = Median(results);
        var resident = results.Max(result => result.ResidentBytes) is { } bytes ? string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:0} MB") : "";
        var ratio = floor is null ? "" : string.Create(CultureInfo.InvariantCulture, $"{median.PerSecond / floor.PerSecond:0.00}");
        return string.Create(CultureInfo.InvariantCulture,
            $"| {median.Name} | {median.PerSecond:0} (worst pass {results.Min(result => result.PerSecond):0}) | {median.Latencies.Percentile(0.5).TotalMilliseconds:0.00} ms | {median.Latencies.Percentile(0.99).TotalMilliseconds:0.00} ms | {resident} | {ratio} |");
    }

    private static LoadResult Median(List<LoadResult> results) => results.OrderBy(result => result.PerSecond).ElementAt(results.Count / 2);
}

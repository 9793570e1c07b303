namespace Kontext.Functions.Tests.Hostile;

/// <summary>The same throws on every run (splitmix64), so that what was found is found again.</summary>
/// <param name="seed">Where it begins.</param>
internal sealed class Dice(ulong seed)
{
    private ulong state = seed;

    /// <summary>A number below a bound.</summary>
    public int Next(int bound)
    {
        state += 0x9E3779B97F4A7C15;
        var mixed = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return (int)((mixed ^ (mixed >> 31)) % (ulong)bound);
    }

    /// <summary>One of several.</summary>
    public T Pick<T>(IReadOnlyList<T> from) => from[Next(from.Count)];

    /// <summary>Some of several, each once, in their order.</summary>
    public IEnumerable<T> Some<T>(IReadOnlyList<T> from, int count)
    {
        var left = count;
        for (var index = 0; index < from.Count && left > 0; index++)
        {
            if (Next(from.Count - index) >= left)
                continue;
            left--;
            yield return from[index];
        }
    }
}

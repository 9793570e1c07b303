namespace Kontext.Chaos;

/// <summary>Dice that fall the same way for the same seed (SplitMix64).</summary>
internal sealed class Choices(long seed)
{
    private ulong state = (ulong)seed;

    /// <summary>A number from 0 up to, and without, <paramref name="end"/>.</summary>
    public int Below(int end)
    {
        var mixed = Interlocked.Add(ref state, 0x9E3779B97F4A7C15);
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return (int)((mixed ^ (mixed >> 31)) % (ulong)end);
    }

    /// <summary>True this often in a hundred times.</summary>
    public bool Percent(int chance) => Below(100) < chance;

    /// <summary>One of them.</summary>
    public T Of<T>(IReadOnlyList<T> all) => all[Below(all.Count)];

    /// <summary>A span between the two, in milliseconds.</summary>
    public TimeSpan Between(int least, int most) => TimeSpan.FromMilliseconds(least + Below(most - least + 1));

    /// <summary>All of them in some order.</summary>
    public IEnumerable<T> Shuffled<T>(IEnumerable<T> all)
    {
        var left = all.ToList();
        while (left.Count > 0)
        {
            var at = Below(left.Count);
            yield return left[at];
            left.RemoveAt(at);
        }
    }

    /// <summary>Other dice, which fall the same way however often these are thrown.</summary>
    public Choices Apart(int number) => new(unchecked((seed * 1_000_003) + number));
}

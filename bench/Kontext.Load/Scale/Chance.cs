namespace Kontext.Load.Scale;

/// <summary>Chance that is the same in every run (SplitMix64, after Steele, Lea and Flood 2014).</summary>
public sealed class Chance(ulong seed)
{
    private ulong state = seed;

    /// <summary>From 0 up to 1.</summary>
    public double Next()
    {
        var mixed = state += 0x9E3779B97F4A7C15;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return ((mixed ^ (mixed >> 31)) >> 11) * (1.0 / (1UL << 53));
    }

    /// <summary>From 0 up to, and without, this.</summary>
    public int Below(int most) => (int)(Next() * most);

    /// <summary>A time with this median and a long tail: log-normal with a sigma of 0.5, whose 99th percentile is 3.2 times the median.</summary>
    public double Around(double median) => median * Math.Exp(0.5 * Math.Sqrt(-2 * Math.Log(1 - Next())) * Math.Cos(2 * Math.PI * Next()));

    /// <summary>The time until the next of events that happen so often a second.</summary>
    public double Until(double perSecond) => -Math.Log(1 - Next()) / perSecond;
}

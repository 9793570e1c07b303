namespace Kontext.Chaos;

/// <summary>Something that must hold, how often it was checked, and where it did not.</summary>
/// <param name="Name">In words.</param>
/// <param name="Checked">How often.</param>
/// <param name="Violations">Where it did not, in words.</param>
public sealed record Invariant(string Name, int Checked, IReadOnlyList<string> Violations)
{
    /// <summary>It was looked at, and it held.</summary>
    public bool Holds => Violations.Count == 0;
}

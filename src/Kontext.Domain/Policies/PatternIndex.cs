namespace Kontext.Domain.Policies;

/// <summary>Rules about patterns of operations, found by how the pattern begins or ends, whichever says more: those that cannot match cost a decision nothing. A pattern that begins and ends with * is looked at by every decision.</summary>
internal sealed class PatternIndex
{
    private readonly FixedParts beginnings;
    private readonly FixedParts ends;

    public PatternIndex(IEnumerable<CompiledRule> rules)
    {
        var byBeginning = rules.ToLookup(rule => BeginningOf(rule).Length >= EndOf(rule).Length);
        beginnings = new FixedParts(byBeginning[true], BeginningOf);
        ends = new FixedParts(byBeginning[false], EndOf);
    }

    /// <summary>Lists of rules among which all that match are, those with the longest beginning first.</summary>
    public Candidates For(string operation) => new(this, operation);

    private static string BeginningOf(CompiledRule rule) => rule.Rule.Operation![..rule.Rule.Operation!.IndexOf('*', StringComparison.Ordinal)];

    private static string EndOf(CompiledRule rule) => rule.Rule.Operation![(rule.Rule.Operation!.LastIndexOf('*') + 1)..];

    /// <summary>Rules by a part of their pattern, and the lengths such parts have, longest first.</summary>
    private sealed class FixedParts
    {
        private readonly Dictionary<string, CompiledRule[]>.AlternateLookup<ReadOnlySpan<char>> rules;
        private readonly int[] lengths;

        public FixedParts(IEnumerable<CompiledRule> some, Func<CompiledRule, string> partOf)
        {
            var byPart = some.GroupBy(partOf, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.ToArray(), StringComparer.Ordinal);
            rules = byPart.GetAlternateLookup<ReadOnlySpan<char>>();
            lengths = [.. byPart.Keys.Select(part => part.Length).Distinct().OrderDescending()];
        }

        public int Count => lengths.Length;

        public CompiledRule[] Find(int place, string operation, bool atEnd)
        {
            var length = lengths[place];
            return length <= operation.Length && rules.TryGetValue(atEnd ? operation.AsSpan(operation.Length - length) : operation.AsSpan(0, length), out var found) ? found : [];
        }
    }

    /// <summary>Walks the lists without allocating.</summary>
    public struct Candidates(PatternIndex index, string operation)
    {
        private int place = -1;

        public readonly CompiledRule[] Current => place < index.beginnings.Count
            ? index.beginnings.Find(place, operation, atEnd: false)
            : index.ends.Find(place - index.beginnings.Count, operation, atEnd: true);

        public readonly Candidates GetEnumerator() => this;

        public bool MoveNext() => ++place < index.beginnings.Count + index.ends.Count;
    }
}

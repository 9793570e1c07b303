using System.Collections.Frozen;

namespace Kontext.Domain.Gateway.Search;

/// <summary>The words of <c>synonyms.txt</c>: what people say for what tools are called.</summary>
public static class Synonyms
{
    private static readonly (FrozenDictionary<string, string[]> Groups, FrozenDictionary<string, (string[] From, string[] To)[]> Phrases) Known = Read();

    /// <summary>Stems that mean about the same as one.</summary>
    public static IReadOnlyList<string> Of(string stem) => Known.Groups.TryGetValue(stem, out var others) ? others : [];

    /// <summary>Reads phrases and abbreviations as the words they stand for.</summary>
    public static List<string> Rewrite(List<string> words)
    {
        var read = new List<string>(words.Count);
        for (var at = 0; at < words.Count;)
        {
            var phrase = Known.Phrases.TryGetValue(words[at], out var candidates)
                ? Array.Find(candidates, candidate => at + candidate.From.Length <= words.Count && words.GetRange(at, candidate.From.Length).SequenceEqual(candidate.From))
                : default;
            read.AddRange(phrase.To ?? [words[at]]);
            at += phrase.From?.Length ?? 1;
        }
        return read;
    }

    private static (FrozenDictionary<string, string[]>, FrozenDictionary<string, (string[], string[])[]>) Read()
    {
        var groups = new Dictionary<string, HashSet<string>>(StringComparer.Ordinal);
        var phrases = new List<(string[] From, string[] To)>();
        using var stream = typeof(Synonyms).Assembly.GetManifestResourceStream("synonyms.txt") ?? throw new InvalidOperationException("The assembly has no synonyms.");
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            if (line.Length == 0 || line[0] == '#')
                continue;
            if (line.Split('>', StringSplitOptions.TrimEntries) is [var from, var to])
            {
                phrases.Add((from.Split(' '), to.Split(' ')));
                continue;
            }
            var stems = line.Split(',', StringSplitOptions.TrimEntries).Select(PorterStemmer.Stem).Distinct(StringComparer.Ordinal).ToList();
            foreach (var stem in stems)
            {
                if (!groups.TryGetValue(stem, out var others))
                    groups[stem] = others = new HashSet<string>(StringComparer.Ordinal);
                others.UnionWith(stems.Where(other => other != stem));
            }
        }
        return (
            groups.ToFrozenDictionary(group => group.Key, group => group.Value.ToArray(), StringComparer.Ordinal),
            // The longest phrase that fits is meant.
            phrases.GroupBy(phrase => phrase.From[0]).ToFrozenDictionary(same => same.Key, same => same.OrderByDescending(phrase => phrase.From.Length).ToArray(), StringComparer.Ordinal));
    }
}

using System.Collections.Frozen;

namespace Kontext.Domain.Gateway.Search;

/// <summary>Ranks tools by a question in a person's words: BM25 over weighted places (S. Robertson, H. Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009, section 3.6),
/// with synonyms, beginnings of words and misspellings as weaker ways to say the same.</summary>
public sealed class ToolSearch
{
    private const float Saturation = 1.2f;
    private const float Synonymous = 0.55f;
    private const float Cut = 0.7f;
    private const float Misspelled = 0.6f;
    private const float Uncovered = 0.4f;
    private const int MaxQuestionWords = 24;

    // Name, integration, description, parameters: how much a word counts there, and how much long texts are held back.
    private static readonly float[] Weights = [3.0f, 2.5f, 1.2f, 0.5f];
    private static readonly float[] Normalization = [0.4f, 0f, 0.6f, 0.7f];

    private readonly IReadOnlyList<ToolText> tools;
    private readonly float[] averages;
    private readonly FrozenDictionary<string, int> frequencies;

    /// <summary>Prepares a search over these tools.</summary>
    public ToolSearch(IReadOnlyList<ToolText> tools)
    {
        this.tools = tools;
        averages = new float[Weights.Length];
        var counted = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var tool in tools)
        {
            for (var field = 0; field < averages.Length; field++)
                averages[field] += tool.Lengths[field] / tools.Count;
            foreach (var stem in tool.Counts.Keys)
                counted[stem] = counted.GetValueOrDefault(stem) + 1;
        }
        frequencies = counted.ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <summary>The places of those tools that match in any way, the best first; of equals, the first.</summary>
    public List<int> Find(string question, int limit)
    {
        var meanings = SearchWords.StemsOfQuestion(question).Take(MaxQuestionWords).Select(MeaningOf).Where(meaning => meaning.Ways.Count > 0).ToList();
        var total = meanings.Sum(meaning => meaning.Rarity);
        var found = new List<(int Tool, float Score)>();
        for (var at = 0; at < tools.Count; at++)
        {
            var (score, covered) = (0f, 0f);
            foreach (var meaning in meanings)
            {
                var best = 0f;
                foreach (var (stem, weight) in meaning.Ways)
                    best = Math.Max(best, weight * Presence(tools[at], stem));
                score += best * meaning.Rarity;
                if (best > 0)
                    covered += meaning.Rarity;
            }
            // A tool that answers half of a question is less than half an answer.
            if (score > 0)
                found.Add((at, score * (Uncovered + ((1 - Uncovered) * covered / total))));
        }
        return [.. found.OrderByDescending(candidate => candidate.Score).ThenBy(candidate => candidate.Tool).Take(limit).Select(candidate => candidate.Tool)];
    }

    private Meaning MeaningOf(string stem)
    {
        var ways = new List<(string Stem, float Weight)>();
        if (frequencies.ContainsKey(stem))
            ways.Add((stem, 1f));
        foreach (var other in Synonyms.Of(stem))
        {
            if (frequencies.ContainsKey(other))
                ways.Add((other, Synonymous));
        }
        // Nobody calls it that: the word is cut short, or misspelled.
        if (ways.Count == 0 && stem.Length >= 3)
        {
            foreach (var known in frequencies.Keys)
            {
                if (known.StartsWith(stem, StringComparison.Ordinal) || (known.Length >= 5 && stem.StartsWith(known, StringComparison.Ordinal)))
                    ways.Add((known, Cut));
                else if (Spelling.IsNear(stem, known))
                    ways.Add((known, Misspelled));
            }
        }
        // As common as its commonest way: a rare synonym must not make an ordinary word weighty.
        return new Meaning(ways, ways.Count == 0 ? 0 : Rarity(ways.Max(way => frequencies[way.Stem])));
    }

    /// <summary>How strongly a word is there, from 0 to 1.</summary>
    private float Presence(ToolText tool, string stem)
    {
        if (!tool.Counts.TryGetValue(stem, out var counts))
            return 0;
        var occurrences = 0f;
        for (var field = 0; field < counts.Length; field++)
        {
            if (counts[field] > 0)
                occurrences += Weights[field] * counts[field] / (1 - Normalization[field] + (Normalization[field] * tool.Lengths[field] / averages[field]));
        }
        return occurrences / (Saturation + occurrences);
    }

    /// <summary>The inverse document frequency of Robertson and Sparck Jones, never negative.</summary>
    private float Rarity(int with) => MathF.Log(1 + ((tools.Count - with + 0.5f) / (with + 0.5f)));

    /// <summary>What a word of the question may be called in these tools.</summary>
    /// <param name="Ways">Stems, and how good each is.</param>
    /// <param name="Rarity">How much the word tells.</param>
    private sealed record Meaning(List<(string Stem, float Weight)> Ways, float Rarity);
}

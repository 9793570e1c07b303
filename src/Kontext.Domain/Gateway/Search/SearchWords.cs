using System.Text;

namespace Kontext.Domain.Gateway.Search;

/// <summary>Takes text apart into the stems it is searched by: names at changes of case, underscores and dots, prose at everything that is no letter or digit.</summary>
public static class SearchWords
{
    private const int MaxWord = 40;

    // What says nothing of the thing that is looked for. "not", "all" and the like carry no meaning in names of tools either.
    private static readonly HashSet<string> Empty = new(StringComparer.Ordinal)
    {
        "a", "about", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can", "could", "d", "did", "do", "does", "for", "from", "had", "has", "have", "he", "her", "him",
        "his", "how", "i", "if", "in", "into", "is", "it", "its", "let", "ll", "may", "me", "might", "must", "my", "need", "of", "on", "one", "or", "our", "please", "s", "should", "so", "some", "t", "that", "the",
        "their", "them", "then", "there", "these", "they", "this", "those", "three", "to", "tool", "tools", "two", "up", "us", "use", "using", "want", "was", "we", "were", "what", "when", "where", "which", "who", "whom",
        "why", "will", "with", "would", "you", "your",
    };

    /// <summary>The words of a text in lower case, in their order.</summary>
    public static List<string> Split(string text)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        for (var at = 0; at < text.Length; at++)
        {
            var character = text[at];
            if (!char.IsLetterOrDigit(character))
            {
                Take(words, word);
                continue;
            }
            // listIssues is two words, and so is HTTPServer.
            if (word.Length > 0 && char.IsUpper(character) && (char.IsLower(text[at - 1]) || (at + 1 < text.Length && char.IsLower(text[at + 1]))))
                Take(words, word);
            word.Append(char.ToLowerInvariant(character));
        }
        Take(words, word);
        return words;
    }

    /// <summary>The stems of a text that is searched in.</summary>
    public static List<string> StemsOf(string text)
    {
        var words = Synonyms.Rewrite(Split(text));
        words.RemoveAll(Empty.Contains);
        return words.ConvertAll(PorterStemmer.Stem);
    }

    /// <summary>The stems of a question, each once. Of one that says nothing but empty words, those.</summary>
    public static List<string> StemsOfQuestion(string question)
    {
        var words = Synonyms.Rewrite(Split(question));
        var meant = words.FindAll(word => !Empty.Contains(word));
        return [.. (meant.Count > 0 ? meant : words).Select(PorterStemmer.Stem).Distinct(StringComparer.Ordinal)];
    }

    private static void Take(List<string> words, StringBuilder word)
    {
        if (word.Length > 0)
            words.Add(word.ToString(0, Math.Min(word.Length, MaxWord)));
        word.Clear();
    }
}

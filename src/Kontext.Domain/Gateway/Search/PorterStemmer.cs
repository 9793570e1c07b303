namespace Kontext.Domain.Gateway.Search;

/// <summary>Brings the forms of an English word to one stem, so that <c>scheduling</c> finds <c>schedule</c> (M. F. Porter, An algorithm for suffix stripping, 1980).</summary>
public static class PorterStemmer
{
    private static readonly (string Suffix, string Replacement)[] Step2 =
    [
        ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"), ("abli", "able"), ("alli", "al"), ("entli", "ent"), ("eli", "e"), ("ousli", "ous"),
        ("ization", "ize"), ("ation", "ate"), ("ator", "ate"), ("alism", "al"), ("iveness", "ive"), ("fulness", "ful"), ("ousness", "ous"), ("aliti", "al"), ("iviti", "ive"), ("biliti", "ble"),
    ];

    private static readonly (string Suffix, string Replacement)[] Step3 = [("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", "")];

    private static readonly string[] Step4 =
        ["al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti", "ous", "ive", "ize"];

    /// <summary>The stem of a word in lower case. Words of one or two letters, and what is not English letters, stay as they are.</summary>
    public static string Stem(string word)
    {
        if (word.Length <= 2 || !word.All(char.IsAsciiLetterLower))
            return word;
        var stem = Plural(word);
        stem = PastAndGerund(stem);
        if (stem.EndsWith('y') && HasVowel(stem[..^1]))
            stem = stem[..^1] + "i";
        stem = Replace(stem, Step2);
        stem = Replace(stem, Step3);
        stem = Strip(stem);
        if (stem.EndsWith('e') && (Measure(stem[..^1]) > 1 || (Measure(stem[..^1]) == 1 && !EndsShort(stem[..^1]))))
            stem = stem[..^1];
        return stem.EndsWith("ll", StringComparison.Ordinal) && Measure(stem) > 1 ? stem[..^1] : stem;
    }

    private static string Plural(string word) =>
        Ends(word, "sses") || Ends(word, "ies") ? word[..^2] : Ends(word, "s") && !Ends(word, "ss") ? word[..^1] : word;

    private static string PastAndGerund(string word)
    {
        if (Ends(word, "eed"))
            return Measure(word[..^3]) > 0 ? word[..^1] : word;
        var stem = Ends(word, "ed") ? word[..^2] : Ends(word, "ing") ? word[..^3] : null;
        if (stem is null || !HasVowel(stem))
            return word;
        if (Ends(stem, "at") || Ends(stem, "bl") || Ends(stem, "iz"))
            return stem + "e";
        if (stem.Length > 1 && stem[^1] == stem[^2] && IsConsonant(stem, stem.Length - 1) && stem[^1] is not ('l' or 's' or 'z'))
            return stem[..^1];
        return Measure(stem) == 1 && EndsShort(stem) ? stem + "e" : stem;
    }

    private static string Replace(string word, (string Suffix, string Replacement)[] rules)
    {
        foreach (var (suffix, replacement) in rules)
        {
            if (Ends(word, suffix))
                return Measure(word[..^suffix.Length]) > 0 ? word[..^suffix.Length] + replacement : word;
        }
        return word;
    }

    private static string Strip(string word)
    {
        // The longest ending counts: "ement" before "ment" before "ent".
        var suffix = Step4.Where(ending => Ends(word, ending)).MaxBy(ending => ending.Length);
        if (suffix is null)
            return word;
        var stem = word[..^suffix.Length];
        return Measure(stem) > 1 && (suffix != "ion" || stem[^1] is 's' or 't') ? stem : word;
    }

    private static bool Ends(string word, string suffix) => word.Length > suffix.Length && word.EndsWith(suffix, StringComparison.Ordinal);

    private static bool IsConsonant(string word, int at) => word[at] switch
    {
        'a' or 'e' or 'i' or 'o' or 'u' => false,
        'y' => at == 0 || !IsConsonant(word, at - 1),
        _ => true,
    };

    private static bool HasVowel(string stem)
    {
        for (var at = 0; at < stem.Length; at++)
        {
            if (!IsConsonant(stem, at))
                return true;
        }
        return false;
    }

    /// <summary>How often vowels are followed by consonants: Porter's m.</summary>
    private static int Measure(string stem)
    {
        var measure = 0;
        for (var at = 1; at < stem.Length; at++)
        {
            if (IsConsonant(stem, at) && !IsConsonant(stem, at - 1))
                measure++;
        }
        return measure;
    }

    /// <summary>Ends consonant, vowel, consonant, the last not w, x or y: Porter's *o.</summary>
    private static bool EndsShort(string stem)
    {
        var last = stem.Length - 1;
        return last >= 2 && IsConsonant(stem, last) && !IsConsonant(stem, last - 1) && IsConsonant(stem, last - 2) && stem[last] is not ('w' or 'x' or 'y');
    }
}

using System.Collections.Immutable;

namespace Kontext.Functions.Upstream;

/// <summary>Reads parameters of a <c>WWW-Authenticate</c> field (RFC 9110 section 11.6.1), which an untrusted server wrote.</summary>
internal static class ChallengeParameters
{
    private const int MaxScopes = 50;

    /// <summary>The first value of a parameter, quoted or not; null when there is none.</summary>
    public static string? Find(string field, string name)
    {
        var position = 0;
        while (position < field.Length)
        {
            var start = position;
            while (position < field.Length && field[position] is not (' ' or ',' or '=' or '"'))
                position++;
            var word = field.AsSpan(start, position - start);
            if (position < field.Length && field[position] == '=')
            {
                position++;
                var value = Value(field, ref position);
                if (word.Equals(name, StringComparison.OrdinalIgnoreCase))
                    return value;
            }
            else
            {
                position++;
            }
        }
        return null;
    }

    /// <summary>The scopes of a challenge, as far as they are made of scope characters (RFC 6749 section 3.3).</summary>
    public static ImmutableArray<string> ScopesOf(string field) => Scopes((Find(field, "scope") ?? "").Split(' '));

    /// <summary>Those of the texts that can be scopes, and not too many.</summary>
    public static ImmutableArray<string> Scopes(IEnumerable<string> texts) =>
        [.. texts.Where(text => text.Length is > 0 and <= 200 && text.All(character => character is '!' or (>= '#' and <= '[') or (>= ']' and <= '~'))).Distinct(StringComparer.Ordinal).Take(MaxScopes)];

    private static string Value(string field, ref int position)
    {
        if (position >= field.Length || field[position] != '"')
        {
            var start = position;
            while (position < field.Length && field[position] is not (' ' or ','))
                position++;
            return field[start..position];
        }
        position++;
        var value = new System.Text.StringBuilder();
        while (position < field.Length && field[position] != '"')
        {
            if (field[position] == '\\' && position + 1 < field.Length)
                position++;
            value.Append(field[position++]);
        }
        position++;
        return value.ToString();
    }
}

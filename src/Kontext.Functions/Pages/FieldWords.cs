using System.Text;

namespace Kontext.Functions.Pages;

/// <summary>Names of schema fields as people write them.</summary>
internal static class FieldWords
{
    /// <summary><c>apiKey</c>, <c>api_key</c> and <c>api-key</c> become <c>Api key</c>; runs of capitals stay as they are.</summary>
    public static string Of(string field)
    {
        var words = new StringBuilder();
        for (var i = 0; i < field.Length; i++)
        {
            var letter = field[i];
            if (i == 0)
                words.Append(char.ToUpperInvariant(letter));
            else if (letter is '_' or '-')
                words.Append(' ');
            else if (char.IsUpper(letter) && char.IsLower(field[i - 1]))
                words.Append(' ').Append(char.ToLowerInvariant(letter));
            else
                words.Append(letter);
        }
        return words.ToString();
    }
}

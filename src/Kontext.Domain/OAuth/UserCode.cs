namespace Kontext.Domain.OAuth;

/// <summary>The code a person types to say which device they mean (RFC 8628 section 6.1): eight consonants, 34 bits, shown as <c>XXXX-XXXX</c>. Without vowels it spells no words.</summary>
public static class UserCode
{
    private const string Alphabet = "BCDFGHJKLMNPQRSTVWXZ";
    private const int Length = 8;
    private const int MaxTyped = 64;

    /// <summary>A new code, as it is compared.</summary>
    public static string New() => string.Create(Length, 0, static (code, _) =>
    {
        for (var index = 0; index < code.Length; index++)
            code[index] = Alphabet[RandomValue.Below(Alphabet.Length)];
    });

    /// <summary>As it is shown.</summary>
    public static string Display(string code) => $"{code[..(Length / 2)]}-{code[(Length / 2)..]}";

    /// <summary>What was typed, as it is compared: case, spaces and dashes do not matter, and a character that is in no code is read as the one it resembles. Null for what no code can be.</summary>
    public static string? Normalize(string? typed)
    {
        if (typed is null || typed.Length > MaxTyped)
            return null;
        Span<char> code = stackalloc char[Length];
        var length = 0;
        foreach (var character in typed)
        {
            var plain = char.ToUpperInvariant(character is >= '\uff01' and <= '\uff5e' ? (char)(character - 0xfee0) : character);
            if (!char.IsLetterOrDigit(plain))
                continue;
            var read = Resembled(plain);
            if (length == Length || !Alphabet.Contains(read, StringComparison.Ordinal))
                return null;
            code[length++] = read;
        }
        return length == Length ? new string(code) : null;
    }

    private static char Resembled(char character) => character switch
    {
        '0' or 'O' => 'Q',
        '1' or 'I' => 'L',
        '2' => 'Z',
        '5' => 'S',
        '6' => 'G',
        '8' => 'B',
        'U' => 'V',
        _ => character,
    };
}

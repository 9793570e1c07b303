namespace Kontext.Domain.Gateway.Search;

/// <summary>Tells misspelled words from different ones.</summary>
public static class Spelling
{
    /// <summary>Whether two words are one slip apart, from nine letters on two: a letter too much, missing, wrong, or two exchanged (F. J. Damerau, 1964). Words of up to four letters have to agree.</summary>
    public static bool IsNear(string left, string right)
    {
        var shorter = Math.Min(left.Length, right.Length);
        var allowed = shorter < 5 ? 0 : shorter < 9 ? 1 : 2;
        return Math.Abs(left.Length - right.Length) <= allowed && Distance(left, right) <= allowed;
    }

    /// <summary>How many slips lie between two words.</summary>
    public static int Distance(string left, string right)
    {
        var (before, previous, current) = (new int[right.Length + 1], new int[right.Length + 1], new int[right.Length + 1]);
        for (var column = 0; column <= right.Length; column++)
            previous[column] = column;
        for (var row = 1; row <= left.Length; row++)
        {
            current[0] = row;
            for (var column = 1; column <= right.Length; column++)
            {
                var cost = left[row - 1] == right[column - 1] ? 0 : 1;
                current[column] = Math.Min(Math.Min(current[column - 1], previous[column]) + 1, previous[column - 1] + cost);
                if (row > 1 && column > 1 && left[row - 1] == right[column - 2] && left[row - 2] == right[column - 1])
                    current[column] = Math.Min(current[column], before[column - 2] + 1);
            }
            (before, previous, current) = (previous, current, before);
        }
        return previous[right.Length];
    }
}

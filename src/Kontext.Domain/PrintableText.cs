using System.Globalization;

namespace Kontext.Domain;

/// <summary>Tells names that look like what they are from those that can deceive a reader on a consent page or in an audit trail.</summary>
public static class PrintableText
{
    /// <summary>Why a name is refused.</summary>
    public const string Rule = "No control characters, and none that are invisible or change the direction of writing.";

    // Zero-width joiner and non-joiner are part of how some scripts are spelled.
    private const char NonJoiner = '\u200c';
    private const char Joiner = '\u200d';

    /// <summary>Has the text visible characters and spaces only? What controls, hides or reorders (bidirectional overrides) is refused.</summary>
    public static bool IsPrintable(string text) => !text.Any(character => character is not (NonJoiner or Joiner) && char.GetUnicodeCategory(character)
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse);

    /// <summary>The same of a text that may have several lines.</summary>
    public static bool HasPrintableLines(string text) => text.Split('\n').All(line => IsPrintable(line.EndsWith('\r') ? line[..^1] : line));
}

using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Kontext.Domain.Policies;

/// <summary>Arguments as a person reads them before approving: unescaped and indented, bounded, and without characters that could show something else than is there.</summary>
internal static class ApprovalExcerpt
{
    private const int MaxText = 4_000;
    private const int MaxParsed = 256 * 1024;

    /// <summary>The text, and whether something is missing at its end; null without arguments.</summary>
    public static (string Text, bool Shortened)? Of(ReadOnlyMemory<byte> arguments)
    {
        if (arguments.IsEmpty)
            return null;
        var readable = arguments.Length <= MaxParsed ? Indented(arguments) ?? arguments : arguments;
        var text = new StringBuilder();
        foreach (var rune in Encoding.UTF8.GetString(readable.Span[..Math.Min(readable.Length, 4 * MaxText)]).EnumerateRunes())
        {
            if (text.Length >= MaxText)
                break;
            text.Append(rune.Value == '\n' || PrintableText.IsPrintable(rune.ToString()) ? rune.ToString() : string.Create(CultureInfo.InvariantCulture, $"\\u{{{rune.Value:x4}}}"));
        }
        return (text.ToString(), Encoding.UTF8.GetCharCount(readable.Span) > MaxText);
    }

    private static ReadOnlyMemory<byte>? Indented(ReadOnlyMemory<byte> arguments)
    {
        var buffer = new ArrayBufferWriter<byte>(arguments.Length * 2);
        try
        {
            using var document = JsonDocument.Parse(arguments);
            using var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
            document.RootElement.WriteTo(writer);
            writer.Flush();
            return buffer.WrittenMemory;
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException or ArgumentException)
        {
            // Then the person sees the bytes as they are.
            return null;
        }
    }
}

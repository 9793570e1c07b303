using System.Text;
using Kontext.Domain;

namespace Kontext.Functions.Upstream;

/// <summary>Blanks a credential out of what its own server says, in whichever form it stands there and also where it lies across two pieces. Lengths stay as they are.</summary>
/// <param name="secrets">What must not come back.</param>
internal sealed class CredentialScrub(IEnumerable<string> secrets)
{
    private const byte Blank = (byte)'*';
    private readonly byte[][] forms = [.. secrets.SelectMany(SecretForms.Of)];
    private byte[] buffer = [];
    private int start;
    private int held;

    /// <summary>For a credential that is sent as it is.</summary>
    public CredentialScrub(Secret? secret)
        : this(secret is null ? [] : [secret.Reveal()])
    {
    }

    /// <summary>The piece without the credential, valid until the next call. Before the last piece, an end that could be the credential's beginning is held back.</summary>
    public ReadOnlyMemory<byte> Clean(ReadOnlyMemory<byte> piece, bool last)
    {
        if (forms.Length == 0 || (held == 0 && IsClean(piece.Span, last)))
            return piece;
        var length = held + piece.Length;
        var target = buffer.Length >= length ? buffer : new byte[length];
        buffer.AsSpan(start, held).CopyTo(target);
        piece.Span.CopyTo(target.AsSpan(held));
        buffer = target;
        var text = buffer.AsSpan(0, length);
        foreach (var form in forms)
        {
            var rest = text;
            for (var found = rest.IndexOf(form); found >= 0; found = rest.IndexOf(form))
            {
                rest.Slice(found, form.Length).Fill(Blank);
                rest = rest[(found + form.Length)..];
            }
        }
        held = last ? 0 : BeginningAtEnd(text);
        start = length - held;
        return buffer.AsMemory(0, start);
    }

    /// <summary>A text without the credential.</summary>
    public string Clean(string text) => Encoding.Latin1.GetString(Clean(Encoding.Latin1.GetBytes(text), last: true).Span);

    private bool IsClean(ReadOnlySpan<byte> text, bool last)
    {
        foreach (var form in forms)
        {
            if (text.IndexOf(form) >= 0)
                return false;
        }
        return last || BeginningAtEnd(text) == 0;
    }

    private int BeginningAtEnd(ReadOnlySpan<byte> text)
    {
        var longest = 0;
        foreach (var form in forms)
        {
            for (var length = Math.Min(form.Length - 1, text.Length); length > longest; length--)
            {
                if (text[^length..].SequenceEqual(form.AsSpan(0, length)))
                    longest = length;
            }
        }
        return longest;
    }
}

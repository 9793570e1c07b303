using System.Buffers;
using System.Text;
using Kontext.Domain;

namespace Kontext.Functions.Upstream;

/// <summary>Blanks a credential out of what its own server says, also where it lies across two pieces.</summary>
internal sealed class CredentialScrub
{
    private const int ShortestBlanked = 8;
    private readonly byte[]? credential;
    private readonly ArrayBufferWriter<byte> output = new();
    private byte[] carried = [];

    /// <summary>For one answer. Credentials too short to be told from ordinary text are left alone.</summary>
    public CredentialScrub(Secret? secret)
    {
        // Compared as it stands in JSON, where only quote, backslash and control characters would be written differently.
        var bytes = secret is null ? [] : Encoding.UTF8.GetBytes(secret.Reveal());
        credential = bytes.Length >= ShortestBlanked ? bytes : null;
    }

    /// <summary>The piece without the credential, valid until the next call. Before the last piece, an end that could be the credential's beginning is held back.</summary>
    public ReadOnlyMemory<byte> Clean(ReadOnlyMemory<byte> piece, bool last)
    {
        if (credential is null || (last && carried.Length == 0 && piece.Span.IndexOf(credential) < 0))
            return piece;
        output.ResetWrittenCount();
        var rest = carried.Length == 0 ? piece.Span : [.. carried, .. piece.Span];
        for (var found = rest.IndexOf(credential); found >= 0; found = rest.IndexOf(credential))
        {
            output.Write(rest[..found]);
            output.Write("***"u8);
            rest = rest[(found + credential.Length)..];
        }
        var held = last ? 0 : Math.Min(rest.Length, credential.Length - 1);
        output.Write(rest[..^held]);
        carried = rest[^held..].ToArray();
        return output.WrittenMemory;
    }
}

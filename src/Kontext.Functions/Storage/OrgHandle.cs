using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using Kontext.Domain;

namespace Kontext.Functions.Storage;

/// <summary>An unguessable handle that says whose it is, so that its row can be found under its organization without an index.</summary>
internal static class OrgHandle
{
    private const int OrgLength = 22;
    private const int TokenLength = 43;

    /// <summary>A new handle: the organization and 256 random bits, base64url.</summary>
    public static string Create(OrgId org) => Base64Url.EncodeToString(org.Value.ToByteArray(bigEndian: true)) + RandomValue.Token();

    /// <summary>The organization a handle claims to be of. Whether there is such a handle only its row can tell.</summary>
    public static bool TryRead([NotNullWhen(true)] string? handle, out OrgId org)
    {
        Span<byte> bytes = stackalloc byte[16];
        var read = handle?.Length == OrgLength + TokenLength && Base64Url.IsValid(handle.AsSpan(OrgLength))
            && Base64Url.TryDecodeFromChars(handle.AsSpan(0, OrgLength), bytes, out var written) && written == bytes.Length;
        org = read ? new OrgId(new Guid(bytes, bigEndian: true)) : default;
        return read;
    }
}

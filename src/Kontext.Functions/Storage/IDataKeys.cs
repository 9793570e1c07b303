using System.Security.Cryptography;
using Kontext.Domain;

namespace Kontext.Functions.Storage;

/// <summary>A 256-bit key as one operation uses it: a copy of its own, zeroed when disposed.</summary>
internal sealed class DataKey(string version, ReadOnlySpan<byte> bytes) : IDisposable
{
    /// <summary>The length of every key.</summary>
    public const int Length = 32;

    private readonly byte[] bytes = bytes.ToArray();

    /// <summary>Names it among the organization's keys.</summary>
    public string Version { get; } = version;

    /// <summary>The key itself.</summary>
    public ReadOnlySpan<byte> Bytes => bytes;

    /// <inheritdoc/>
    public void Dispose() => CryptographicOperations.ZeroMemory(bytes);
}

/// <summary>The data keys of each organization (architecture section 3): versioned, created when first asked for, kept outside of table storage.</summary>
internal interface IDataKeys
{
    /// <summary>The key to encrypt with.</summary>
    ValueTask<DataKey> CurrentAsync(OrgId org, CancellationToken cancellationToken);

    /// <summary>The key something was encrypted with; null when the organization has no such version. The version may come from an untrusted text.</summary>
    ValueTask<DataKey?> FindAsync(OrgId org, string version, CancellationToken cancellationToken);

    /// <summary>The key that handles are derived from. A secret of its own that never rotates, so that derived handles stay the same while data keys change.</summary>
    ValueTask<DataKey> DerivationAsync(OrgId org, CancellationToken cancellationToken);

    /// <summary>The version that is current now, whatever this process remembers; if it remembers an older one, it forgets it.</summary>
    ValueTask<string> CurrentVersionAsync(OrgId org, CancellationToken cancellationToken);

    /// <summary>Makes a new version the current one and gives its name. Other processes go on with the version they know for at most an hour; both open.
    /// Nonces are random, so a version is good for 2^32 encryptions (NIST SP 800-38D section 8.3): rotate before.</summary>
    ValueTask<string> RotateAsync(OrgId org, CancellationToken cancellationToken);
}

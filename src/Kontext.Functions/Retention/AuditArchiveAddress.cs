using Kontext.Functions.Storage;

namespace Kontext.Functions.Retention;

/// <summary>Where the archive is, read from <c>Kontext__Audit__Archive</c>: a directory, or a container of a blob service.</summary>
/// <param name="Directory">The directory's full path; null for a container.</param>
/// <param name="Container">The container's address without a trailing slash; null for a directory.</param>
/// <param name="Account">The storage account of <c>Kontext__Storage</c> when the container is in it and a key opens it; null when Entra ID vouches for us.</param>
internal sealed record AuditArchiveAddress(string? Directory, Uri? Container, StorageAccount? Account)
{
    /// <summary>Reads the setting.</summary>
    /// <exception cref="InvalidSettingException">It is neither.</exception>
    public static AuditArchiveAddress Parse(string setting, string storage)
    {
        if (!setting.Contains("://", StringComparison.Ordinal))
            return new AuditArchiveAddress(Path.GetFullPath(setting), null, null);
        if (!Uri.TryCreate(setting.TrimEnd('/'), UriKind.Absolute, out var address) || address.Query.Length > 0 || address.Fragment.Length > 0
            || !(address.Scheme == Uri.UriSchemeHttps || (address.Scheme == Uri.UriSchemeHttp && address.IsLoopback)))
            throw Wrong("an address has to be https, http only on loopback, without query or fragment");
        // Emulators have the account in the path.
        var path = address.AbsolutePath.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var (name, container) = path switch
        {
            [var only] => (address.Host.Split('.')[0], only),
            [var first, var second] when address.IsLoopback => (first, second),
            _ => throw Wrong("an address has to end with the name of one container"),
        };
        if (container.Length is < 3 or > 63 || !container.All(letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) || letter == '-'))
            throw Wrong("the name of a container has 3 to 63 small letters, digits and hyphens");
        var account = !storage.Contains('=', StringComparison.Ordinal) ? null : StorageAccount.Parse(storage) is { Key: not null } known && known.Name == name ? known : null;
        return account is not null || address.Scheme == Uri.UriSchemeHttps
            ? new AuditArchiveAddress(null, address, account)
            : throw Wrong("an http address has to be in the storage account whose key Kontext__Storage has");
    }

    private static InvalidSettingException Wrong(string why) => new($"Kontext__Audit__Archive has to be a directory or the https address of a blob container: {why}.");
}

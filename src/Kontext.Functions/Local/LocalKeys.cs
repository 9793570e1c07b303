using System.Globalization;
using System.Security.Cryptography;
using Kontext.Domain;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Local;

/// <summary>Data keys in files that only this program's user can read: <c>{directory}/{organization}/{version}.key</c>. Processes on one machine share them.</summary>
internal sealed class LocalKeys : IDataKeys, IDisposable
{
    private const string Current = "current";
    private const string Derivation = "derivation";
    private const string First = "000001";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnerFolder = OwnerOnly | UnixFileMode.UserExecute;
    private const UnixFileMode OthersRead = UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private const UnixFileMode OthersWrite = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;
    private readonly string directory;
    private readonly DataKeyCache cache;

    /// <summary>Opens the folder, creating it if need be.</summary>
    /// <exception cref="InvalidSettingException">Others can read a key or put one in its place.</exception>
    public LocalKeys(string directory, TimeProvider time)
    {
        this.directory = Path.GetFullPath(directory);
        CreateFolder(this.directory);
        CheckFolder(this.directory);
        foreach (var folder in Directory.EnumerateDirectories(this.directory))
        {
            CheckFolder(folder);
            foreach (var file in Directory.EnumerateFiles(folder, "*.key"))
                CheckFile(file);
        }
        cache = new DataKeyCache(time);
    }

    /// <inheritdoc/>
    public ValueTask<DataKey> CurrentAsync(OrgId org, CancellationToken cancellationToken)
    {
        if (cache.Find(org, Current) is { } kept)
            return ValueTask.FromResult(kept);
        var key = ReadOrCreate(org, LatestVersion(org) ?? First);
        cache.Keep(org, Current, key);
        return ValueTask.FromResult(key);
    }

    /// <inheritdoc/>
    public ValueTask<DataKey?> FindAsync(OrgId org, string version, CancellationToken cancellationToken)
    {
        // The version becomes part of a path and may come from outside.
        if (!IsVersion(version))
            return ValueTask.FromResult<DataKey?>(null);
        var key = cache.Find(org, version);
        if (key is null && (key = Read(org, version)) is not null)
            cache.Keep(org, version, key);
        return ValueTask.FromResult(key);
    }

    /// <inheritdoc/>
    public ValueTask<DataKey> DerivationAsync(OrgId org, CancellationToken cancellationToken)
    {
        if (cache.Find(org, Derivation) is { } kept)
            return ValueTask.FromResult(kept);
        var key = ReadOrCreate(org, Derivation);
        cache.Keep(org, Derivation, key);
        return ValueTask.FromResult(key);
    }

    /// <inheritdoc/>
    public ValueTask<string> CurrentVersionAsync(OrgId org, CancellationToken cancellationToken)
    {
        using var current = ReadOrCreate(org, LatestVersion(org) ?? First);
        cache.Keep(org, Current, current);
        return ValueTask.FromResult(current.Version);
    }

    /// <summary>The derivation key if there is one already.</summary>
    public DataKey? FindDerivation(OrgId org) => Read(org, Derivation);

    /// <inheritdoc/>
    public ValueTask<string> RotateAsync(OrgId org, CancellationToken cancellationToken)
    {
        var latest = int.Parse(LatestVersion(org) ?? "0", CultureInfo.InvariantCulture);
        using var key = ReadOrCreate(org, (latest + 1).ToString("D6", CultureInfo.InvariantCulture));
        cache.Drop(org, Current);
        return ValueTask.FromResult(key.Version);
    }

    /// <inheritdoc/>
    public void Dispose() => cache.Dispose();

    private string? LatestVersion(OrgId org) => Directory.Exists(Folder(org))
        ? Directory.EnumerateFiles(Folder(org), "*.key").Select(file => Path.GetFileNameWithoutExtension(file)).Where(IsVersion).Max(StringComparer.Ordinal)
        : null;

    private DataKey ReadOrCreate(OrgId org, string name)
    {
        if (Read(org, name) is { } there)
            return there;
        Create(org, name);
        return Read(org, name) ?? throw new InvalidDataException($"Key file {PathOf(org, name)} is gone right after it was made.");
    }

    private DataKey? Read(OrgId org, string name)
    {
        var path = PathOf(org, name);
        if (!File.Exists(path))
            return null;
        CheckFile(path);
        var bytes = File.ReadAllBytes(path);
        if (bytes.Length != DataKey.Length)
            throw new InvalidDataException($"Key file {path} has {bytes.Length} bytes, not {DataKey.Length}.");
        var key = new DataKey(name, bytes);
        CryptographicOperations.ZeroMemory(bytes);
        return key;
    }

    /// <summary>Makes the file unless it is there. It gets its name only when it is complete and on disk, and never takes the place of another: processes that race agree on one key, and a crash leaves none that is cut short.</summary>
    private void Create(OrgId org, string name)
    {
        CreateFolder(Folder(org));
        var path = PathOf(org, name);
        var draft = Path.Combine(Folder(org), $".{RandomValue.ShortId()}.draft");
        var bytes = RandomNumberGenerator.GetBytes(DataKey.Length);
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None };
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = OwnerOnly;
            using (var file = new FileStream(draft, options))
            {
                file.Write(bytes);
                file.Flush(flushToDisk: true);
            }
            // When another process was first, its key is the one.
            FileClaim.TryTake(draft, path);
        }
        finally
        {
            File.Delete(draft);
            CryptographicOperations.ZeroMemory(bytes);
        }
    }

    private string Folder(OrgId org) => Path.Combine(directory, org.ToString());

    private string PathOf(OrgId org, string name) => Path.Combine(Folder(org), name + ".key");

    private static bool IsVersion(string text) => text.Length == First.Length && text.All(char.IsAsciiDigit);

    private static void CreateFolder(string path)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else
            Directory.CreateDirectory(path, OwnerFolder);
    }

    private static void CheckFolder(string path)
    {
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & OthersWrite) != 0)
            throw new InvalidSettingException($"Kontext__KeyDirectory: others can write to {path}. Make it the owner's alone (chmod 700).");
    }

    private static void CheckFile(string path)
    {
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & (OthersRead | OthersWrite)) != 0)
            throw new InvalidSettingException($"Kontext__KeyDirectory: others can read or write {path}. Make it the owner's alone (chmod 600), and rotate the key.");
    }
}

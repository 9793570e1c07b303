using Kontext.Domain;

namespace Kontext.Functions.Retention;

/// <summary>An archive in a directory of this machine, which only the program's user can read.</summary>
internal sealed class DirectoryArchive(string root) : IAuditArchive
{
    /// <inheritdoc/>
    public string PlaceOf(OrgId org) => Path.Combine(root, org.ToString());

    /// <inheritdoc/>
    public async Task<bool> WriteAsync(OrgId org, DateOnly day, string file, CancellationToken cancellationToken)
    {
        var folder = PlaceOf(org);
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(folder);
        else
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var target = Path.Combine(folder, IAuditArchive.NameOf(day));
        var unfinished = Path.Combine(folder, $".{Path.GetRandomFileName()}.unfinished");
        try
        {
            await CopyAsync(file, unfinished, cancellationToken);
            File.Move(unfinished, target, overwrite: false);
            return true;
        }
        catch (IOException) when (File.Exists(target))
        {
            return false;
        }
        finally
        {
            File.Delete(unfinished);
        }
    }

    /// <inheritdoc/>
    public async Task<bool> ReadAsync(OrgId org, DateOnly day, string file, CancellationToken cancellationToken)
    {
        var source = Path.Combine(PlaceOf(org), IAuditArchive.NameOf(day));
        if (!File.Exists(source))
            return false;
        await CopyAsync(source, file, cancellationToken);
        return true;
    }

    private static async Task CopyAsync(string source, string target, CancellationToken cancellationToken)
    {
        await using var from = File.OpenRead(source);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Options = FileOptions.Asynchronous };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        await using var to = new FileStream(target, options);
        await from.CopyToAsync(to, cancellationToken);
        // On the disk before it has its name: after a crash there is the whole file or none.
        to.Flush(flushToDisk: true);
    }
}

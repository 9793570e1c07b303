using System.Diagnostics;
using System.IO.Compression;
using Kontext.Testing;

namespace Kontext.Load.Runs;

/// <summary>The package that is deployed, unpacked: the program for linux-x64 with its runtime, compiled ahead of time as far as it can be.</summary>
public sealed class Package : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("kontext-package-");

    private Package()
    {
    }

    /// <summary>The program.</summary>
    public string Program => Path.Combine(folder.FullName, "app", "Kontext.Functions");

    /// <summary>Makes it, as <c>infra/deploy package</c> does.</summary>
    public static async Task<Package> MakeAsync()
    {
        var package = new Package();
        var file = Path.Combine(package.folder.FullName, "kontext.zip");
        using var made = Process.Start(new ProcessStartInfo("bash", [RepositoryFiles.Path("infra", "deploy"), "package", file]) { RedirectStandardOutput = true })!;
        await made.StandardOutput.ReadToEndAsync();
        await made.WaitForExitAsync();
        if (made.ExitCode != 0)
            throw new InvalidOperationException("infra/deploy package failed.");
        await ZipFile.ExtractToDirectoryAsync(file, Path.GetDirectoryName(package.Program)!);
        return package;
    }

    /// <inheritdoc/>
    public void Dispose() => folder.Delete(recursive: true);
}

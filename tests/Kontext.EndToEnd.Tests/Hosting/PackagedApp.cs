using System.Diagnostics;
using System.IO.Compression;
using System.Runtime.InteropServices;
using Kontext.EndToEnd.Tests.Hosting;
using Kontext.Testing;

[assembly: AssemblyFixture(typeof(PackagedApp))]

namespace Kontext.EndToEnd.Tests.Hosting;

/// <summary>The package that infra/deploy publishes, unpacked: the program for linux-x64 with its runtime. Made once per test run.</summary>
public sealed class PackagedApp : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("kontext-packaged-");
    private Task<string>? packaged;

    /// <summary>The app root; skips the test where the package does not run. Tests run one after the other, so the first one makes it.</summary>
    public Task<string> FolderAsync()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && RuntimeInformation.OSArchitecture == Architecture.X64, "The package is for linux-x64.");
        return packaged ??= PackageAsync();
    }

    public void Dispose() => folder.Delete(recursive: true);

    private async Task<string> PackageAsync()
    {
        var (file, app) = (Path.Combine(folder.FullName, "kontext.zip"), Path.Combine(folder.FullName, "app"));
        using var package = Process.Start(new ProcessStartInfo("bash")
        {
            ArgumentList = { RepositoryFiles.Path("infra", "deploy"), "package", file },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = package.StandardOutput.ReadToEndAsync();
        var errors = package.StandardError.ReadToEndAsync();
        await package.WaitForExitAsync();
        if (package.ExitCode != 0)
            throw new InvalidOperationException($"infra/deploy package failed:\n{await output}{await errors}");
        await ZipFile.ExtractToDirectoryAsync(file, app);
        return app;
    }
}

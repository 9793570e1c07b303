using System.Diagnostics;
using System.Reflection;
using Kontext.EndToEnd.Tests.Hosting;
using Kontext.Testing;

[assembly: AssemblyFixture(typeof(PublishedApp))]

namespace Kontext.EndToEnd.Tests.Hosting;

/// <summary>The app as it is deployed: <c>dotnet publish</c> of what was built for these tests, once per test run, into a folder that goes when they end.</summary>
public sealed class PublishedApp : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("kontext-published-");
    private readonly Lazy<Task<string>> published;

    public PublishedApp() => published = new(PublishAsync);

    /// <summary>The app root: host.json, the function folders and the program.</summary>
    public Task<string> FolderAsync() => published.Value;

    public void Dispose() => folder.Delete(recursive: true);

    private async Task<string> PublishAsync()
    {
        var configuration = typeof(PublishedApp).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])["publish", RepositoryFiles.Path("src", "Kontext.Functions"), "-c", configuration, "--no-build", "-o", folder.FullName, "--nologo", "-v", "q", "-nodeReuse:false"])
            start.ArgumentList.Add(argument);
        using var publish = Process.Start(start)!;
        var output = publish.StandardOutput.ReadToEndAsync();
        var errors = publish.StandardError.ReadToEndAsync();
        await publish.WaitForExitAsync();
        return publish.ExitCode == 0 ? folder.FullName : throw new InvalidOperationException($"dotnet publish failed:\n{await output}{await errors}");
    }
}

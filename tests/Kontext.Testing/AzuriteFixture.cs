using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Kontext.Testing;

/// <summary>Azurite for the tests of an assembly: in memory, on free ports, started when the first test asks for it and gone with the test process.
/// Use it as an xunit assembly fixture: <c>[assembly: AssemblyFixture(typeof(AzuriteFixture))]</c>.</summary>
public sealed partial class AzuriteFixture : IAsyncDisposable
{
    // Ends Azurite when its standard input does, which also happens when the test process is killed.
    private const string Start = "process.stdin.resume(); process.stdin.on('end', () => process.exit(0)); process.argv.splice(1, 0, 'azurite'); require(process.env.AZURITE_MAIN);";

    private readonly Lazy<Task<string>> connectionString;
    private Process? azurite;

    /// <summary>Starts nothing yet.</summary>
    public AzuriteFixture() => connectionString = new(StartAsync);

    /// <summary>A connection string with the addresses of all three services. The first call starts Azurite and waits until it listens.</summary>
    public Task<string> ConnectionStringAsync() => connectionString.Value;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (azurite is null)
            return;
        azurite.Kill(entireProcessTree: true);
        await azurite.WaitForExitAsync();
        azurite.Dispose();
    }

    private async Task<string> StartAsync()
    {
        var root = FindRoot();
        var main = Path.Combine(root, "node_modules", "azurite", "dist", "src", "azurite.js");
        if (!File.Exists(main))
            await InstallAsync(root);
        var start = new ProcessStartInfo("node")
        {
            WorkingDirectory = root,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            ArgumentList =
            {
                "-e", Start, "--", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent",
                "--blobPort", "0", "--queuePort", "0", "--tablePort", "0",
            },
        };
        start.Environment["AZURITE_MAIN"] = main;
        azurite = Process.Start(start) ?? throw new InvalidOperationException("Azurite cannot be started.");
        var endpoints = new List<string>();
        while (endpoints.Count < 3)
        {
            var line = await azurite.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("Azurite ended before it listened.");
            if (Listening().Match(line) is { Success: true } listening)
                endpoints.Add($"{listening.Groups[1].Value}Endpoint={listening.Groups[2].Value}/devstoreaccount1");
        }
        // Nobody may let the pipe fill up.
        _ = azurite.StandardOutput.ReadToEndAsync();
        return "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
            + "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
            + string.Join(';', endpoints);
    }

    private static async Task InstallAsync(string root)
    {
        using var npm = Process.Start(new ProcessStartInfo("npm") { WorkingDirectory = root, ArgumentList = { "ci", "--no-audit", "--no-fund" } })
            ?? throw new InvalidOperationException("npm cannot be started.");
        await npm.WaitForExitAsync();
        if (npm.ExitCode != 0)
            throw new InvalidOperationException("npm ci failed: Azurite is not installed.");
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Kontext.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("The folder with Kontext.sln is not above the tests.");
    }

    [GeneratedRegex(@"Azurite (\w+) service is successfully listening at (\S+)")]
    private static partial Regex Listening();
}

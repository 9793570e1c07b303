using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Kontext.Testing;

/// <summary>Azurite as a process, in memory and on free ports. It ends with the test process.</summary>
internal sealed partial class AzuriteProcess : IAsyncDisposable
{
    // Ends Azurite when its standard input does, which also happens when the test process is killed.
    private const string Start = "process.stdin.resume(); process.stdin.on('end', () => process.exit(0)); process.argv.splice(1, 0, 'azurite'); require(process.env.AZURITE_MAIN);";

    private readonly Process process;

    private AzuriteProcess(Process process) => this.process = process;

    /// <summary>The addresses of the three services as parts of a connection string, without the account.</summary>
    public IReadOnlyList<string> Endpoints { get; private set; } = [];

    /// <summary>Starts it and waits until it listens.</summary>
    /// <param name="accounts">The setting AZURITE_ACCOUNTS.</param>
    /// <param name="options">More options of its command line.</param>
    public static async Task<AzuriteProcess> StartAsync(string accounts, params string[] options)
    {
        var root = RepositoryFiles.Root;
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
        foreach (var option in options)
            start.ArgumentList.Add(option);
        start.Environment["AZURITE_MAIN"] = main;
        start.Environment["AZURITE_ACCOUNTS"] = accounts;
        var azurite = new AzuriteProcess(Process.Start(start) ?? throw new InvalidOperationException("Azurite cannot be started."));
        var output = azurite.process.StandardOutput;
        var listening = new List<string>();
        while (listening.Count < 3)
        {
            var line = await output.ReadLineAsync() ?? throw new InvalidOperationException("Azurite ended before it listened.");
            if (Listening().Match(line) is { Success: true } match)
                listening.Add($"{match.Groups[1].Value}Endpoint={match.Groups[2].Value}");
        }
        // Nobody may let the pipe fill up.
        _ = output.ReadToEndAsync();
        azurite.Endpoints = listening;
        return azurite;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private static async Task InstallAsync(string root)
    {
        using var npm = Process.Start(new ProcessStartInfo("npm") { WorkingDirectory = root, ArgumentList = { "ci", "--no-audit", "--no-fund" } })
            ?? throw new InvalidOperationException("npm cannot be started.");
        await npm.WaitForExitAsync();
        if (npm.ExitCode != 0)
            throw new InvalidOperationException("npm ci failed: Azurite is not installed.");
    }

    [GeneratedRegex(@"Azurite (\w+) service is successfully listening at (\S+)")]
    private static partial Regex Listening();
}

using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Kontext.Testing;

/// <summary>Azurite for the tests of an assembly: in memory, on free ports, started when the first test asks for it and gone with the test process.
/// Use it as an xunit assembly fixture: <c>[assembly: AssemblyFixture(typeof(AzuriteFixture))]</c>.</summary>
public sealed partial class AzuriteFixture : IAsyncDisposable
{
    // Ends Azurite when its standard input does, which also happens when the test process is killed.
    private const string Start = "process.stdin.resume(); process.stdin.on('end', () => process.exit(0)); process.argv.splice(1, 0, 'azurite'); require(process.env.AZURITE_MAIN);";

    private const string Account = "devstoreaccount1";
    private const string AccountKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
    private const int Accounts = 100;

    private readonly Lazy<Task<IReadOnlyList<string>>> endpoints;
    private Process? azurite;
    private int given;

    /// <summary>Starts nothing yet.</summary>
    public AzuriteFixture() => endpoints = new(StartAsync);

    /// <summary>A connection string with the addresses of all three services. The first call starts Azurite and waits until it listens.</summary>
    public Task<string> ConnectionStringAsync() => ConnectionStringAsync(Account);

    /// <summary>A connection string for a storage account that nobody else has used.</summary>
    public Task<string> EmptyAccountAsync()
    {
        var number = Interlocked.Increment(ref given);
        return number <= Accounts ? ConnectionStringAsync($"account{number}") : throw new InvalidOperationException($"The tests use more than {Accounts} accounts.");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (azurite is null)
            return;
        azurite.Kill(entireProcessTree: true);
        await azurite.WaitForExitAsync();
        azurite.Dispose();
    }

    private async Task<string> ConnectionStringAsync(string account) =>
        $"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={AccountKey};"
        + string.Join(';', (await endpoints.Value).Select(endpoint => $"{endpoint}/{account}"));

    private async Task<IReadOnlyList<string>> StartAsync()
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
        start.Environment["AZURITE_MAIN"] = main;
        start.Environment["AZURITE_ACCOUNTS"] = string.Join(';', Enumerable.Range(1, Accounts).Select(number => $"account{number}:{AccountKey}").Prepend($"{Account}:{AccountKey}"));
        azurite = Process.Start(start) ?? throw new InvalidOperationException("Azurite cannot be started.");
        var listening = new List<string>();
        while (listening.Count < 3)
        {
            var line = await azurite.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("Azurite ended before it listened.");
            if (Listening().Match(line) is { Success: true } match)
                listening.Add($"{match.Groups[1].Value}Endpoint={match.Groups[2].Value}");
        }
        // Nobody may let the pipe fill up.
        _ = azurite.StandardOutput.ReadToEndAsync();
        return listening;
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

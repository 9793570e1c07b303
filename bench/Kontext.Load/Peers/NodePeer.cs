using System.Diagnostics;
using System.Net;
using Kontext.Testing;

namespace Kontext.Load.Peers;

/// <summary>A program on Node that stands beside the product in a comparison, with its packages in <c>bench/peers</c>.</summary>
public sealed class NodePeer : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly Process process;

    private NodePeer(Process process, string firstLine) => (this.process, FirstLine) = (process, firstLine);

    /// <summary>Where the peers' programs and packages are.</summary>
    public static string Folder => Path.Combine(RepositoryFiles.Root, "bench", "peers");

    /// <summary>Its process.</summary>
    public int ProcessId => process.Id;

    /// <summary>The first line it printed; empty when it was not waited for.</summary>
    public string FirstLine { get; }

    /// <summary>Starts a program that prints a line when it is ready.</summary>
    public static async Task<NodePeer> StartAsync(params string[] arguments)
    {
        var process = Start(arguments);
        var line = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException($"{arguments[0]} ended at once.");
        _ = process.StandardOutput.ReadToEndAsync();
        return new NodePeer(process, line);
    }

    /// <summary>Starts a program that is ready when it answers HTTP requests, whatever it says to them.</summary>
    public static async Task<NodePeer> StartAsync(Uri address, params string[] arguments)
    {
        var process = Start(arguments);
        _ = process.StandardOutput.ReadToEndAsync();
        using var http = new HttpClient();
        var limit = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                using var answer = await http.GetAsync(address, HttpCompletionOption.ResponseHeadersRead);
                return new NodePeer(process, "");
            }
            catch (HttpRequestException) when (limit.Elapsed < StartLimit && !process.HasExited)
            {
                await Task.Delay(100);
            }
        }
    }

    /// <summary>Runs a program to its end and gives what it printed.</summary>
    public static async Task<string> RunAsync(params string[] arguments)
    {
        using var process = Start(arguments);
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{arguments[0]} ended with {process.ExitCode}.");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private static Process Start(string[] arguments)
    {
        if (!Directory.Exists(Path.Combine(Folder, "node_modules")))
            throw new InvalidOperationException("The peers' packages are missing: run npm ci in bench/peers, or bench/run, which does.");
        var start = new ProcessStartInfo("node", arguments) { WorkingDirectory = Folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["NODE_ENV"] = "production";
        var process = Process.Start(start) ?? throw new InvalidOperationException("node cannot be started.");
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        return process;
    }
}

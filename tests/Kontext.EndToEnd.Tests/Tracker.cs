using System.Diagnostics;

namespace Kontext.EndToEnd.Tests;

/// <summary>The demo's MCP servers as a process.</summary>
internal sealed class Tracker : IAsyncDisposable
{
    private readonly Process process;

    private Tracker(Process process, Uri address) => (this.process, Address) = (process, address);

    /// <summary>Where it listens.</summary>
    public Uri Address { get; }

    /// <summary>The server for personal tokens.</summary>
    public Uri Notes => new(Address, "/notes/mcp");

    /// <summary>Starts it on a free port.</summary>
    public static async Task<Tracker> StartAsync()
    {
        var start = new ProcessStartInfo("node") { WorkingDirectory = Kontext.Testing.RepositoryFiles.Root, ArgumentList = { "demo/mcp-server.mjs" }, RedirectStandardOutput = true };
        start.Environment["PORT"] = "0";
        var process = Process.Start(start) ?? throw new InvalidOperationException("node cannot be started.");
        var line = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The demo's MCP server ended at once.");
        return new Tracker(process, new Uri(line.Split(' ')[^1]));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        process.Dispose();
    }
}

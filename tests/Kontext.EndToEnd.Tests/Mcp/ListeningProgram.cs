using System.Diagnostics;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests.Mcp;

/// <summary>A Node program of the repository that listens, and says where in its first line.</summary>
internal sealed class ListeningProgram : IAsyncDisposable
{
    private readonly Process process;

    private ListeningProgram(Process process, Uri address) => (this.process, Address) = (process, address);

    /// <summary>Where it listens.</summary>
    public Uri Address { get; }

    /// <summary>Starts it on a free port.</summary>
    public static async Task<ListeningProgram> StartAsync(string script, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo("node") { WorkingDirectory = RepositoryFiles.Root, ArgumentList = { script }, RedirectStandardOutput = true };
        start.Environment["PORT"] = "0";
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        var process = Process.Start(start) ?? throw new InvalidOperationException("node cannot be started.");
        var line = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException($"{script} ended at once.");
        return new ListeningProgram(process, new Uri(line.Split(' ')[^1]));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        process.Dispose();
    }
}

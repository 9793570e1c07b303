using System.Diagnostics;

namespace Kontext.Testing;

/// <summary>How a Node program ended.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Output">What it printed, errors included.</param>
public sealed record NodeOutcome(int ExitCode, string Output)
{
    /// <summary>The last line it printed.</summary>
    public string LastLine => Output.TrimEnd().Split('\n')[^1];
}

/// <summary>Runs programs of the repository on Node.</summary>
public static class NodeProgram
{
    /// <summary>Runs one to its end.</summary>
    /// <param name="script">Its path from the repository's root.</param>
    /// <param name="environment">What it is told.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<NodeOutcome> RunAsync(string script, IReadOnlyDictionary<string, string> environment, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo("node") { WorkingDirectory = RepositoryFiles.Root, ArgumentList = { script }, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start) ?? throw new InvalidOperationException("node cannot be started.");
        try
        {
            var errors = process.StandardError.ReadToEndAsync(cancellationToken);
            var output = await process.StandardOutput.ReadToEndAsync(cancellationToken) + await errors;
            await process.WaitForExitAsync(cancellationToken);
            return new NodeOutcome(process.ExitCode, output);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }
}

using System.Diagnostics;
using System.Globalization;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests.Hosting;

/// <summary><c>./run --func</c> as it is typed, with the host's stand-in for the Core Tools.</summary>
public sealed class RunFuncTests : IDisposable
{
    // Tests may themselves run in the background, where Ctrl-C is ignored; what is started would inherit that, and no script can undo it.
    private const string AtTerminal = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])";

    private readonly DirectoryInfo state = Directory.CreateTempSubdirectory("kontext-run-");

    public void Dispose() => state.Delete(recursive: true);

    [Fact]
    public async Task Run_func_builds_starts_signs_people_in_and_leaves_nothing_behind()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "run is a script for bash.");
        var python = FunctionsHost.PythonProgram();
        var port = KontextServer.FreePort().ToString(CultureInfo.InvariantCulture);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromMinutes(10));
        using var run = new Process { StartInfo = new ProcessStartInfo(python) { ArgumentList = { "-c", AtTerminal, RepositoryFiles.Path("run"), "--func" }, RedirectStandardOutput = true, RedirectStandardError = true } };
        run.StartInfo.Environment["PATH"] = RepositoryFiles.Path("tests", "functions-host") + Path.PathSeparator + Environment.GetEnvironmentVariable("PATH");
        run.StartInfo.Environment["KONTEXT_STATE"] = state.FullName;
        run.StartInfo.Environment["PORT"] = port;
        var output = new List<string>();
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Read(string? line)
        {
            lock (output)
                output.Add(line ?? "");
            if (line?.Contains("Kontext is ready.", StringComparison.Ordinal) == true)
                ready.TrySetResult();
        }
        run.OutputDataReceived += (_, line) => Read(line.Data);
        run.ErrorDataReceived += (_, line) => Read(line.Data);
        run.EnableRaisingEvents = true;
        run.Exited += (_, _) => ready.TrySetException(new InvalidOperationException($"run ended before it was ready:\n{string.Join('\n', output)}"));
        run.Start();
        run.BeginOutputReadLine();
        run.BeginErrorReadLine();
        try
        {
            await ready.Task.WaitAsync(limit.Token);
            var agent = new TestAgent(new Uri($"http://localhost:{port}"));
            Assert.NotEmpty(await agent.ManagementTokenAsync("olivia"));

            var processes = File.ReadLines(Path.Combine(state.FullName, "processes")).Select(line => int.Parse(line.Split(' ')[0], CultureInfo.InvariantCulture)).Append(Handler(output)).ToList();
            Assert.Equal(4, processes.Count);
            Assert.All(processes, process => Assert.True(Runs(process)));
            // What Ctrl-C sends.
            using var interrupt = Process.Start("kill", ["-INT", run.Id.ToString(CultureInfo.InvariantCulture)]);
            await run.WaitForExitAsync(limit.Token);
            Assert.Equal(130, run.ExitCode);
            Assert.All(processes, process => Assert.False(Runs(process)));
        }
        finally
        {
            // Its own end takes the others along.
            if (!run.HasExited)
            {
                using var end = Process.Start("kill", ["-TERM", run.Id.ToString(CultureInfo.InvariantCulture)]);
                await run.WaitForExitAsync(CancellationToken.None);
            }
        }
    }

    private static int Handler(List<string> output)
    {
        lock (output)
            return int.Parse(output.Single(line => line.StartsWith("[driver] handler is process ", StringComparison.Ordinal)).Split(' ')[^1], CultureInfo.InvariantCulture);
    }

    private static bool Runs(int process)
    {
        // What has ended may wait for its parent to look.
        try
        {
            using var found = Process.GetProcessById(process);
            return !File.Exists($"/proc/{process}/stat") || !File.ReadAllText($"/proc/{process}/stat").Contains(") Z ", StringComparison.Ordinal);
        }
        catch (Exception gone) when (gone is ArgumentException or IOException)
        {
            return false;
        }
    }
}

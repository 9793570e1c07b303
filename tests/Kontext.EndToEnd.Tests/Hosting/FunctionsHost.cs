using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests.Hosting;

/// <summary>
/// The published app under a stand-in of the Azure Functions host (tests/functions-host), which starts it, proxies HTTP to it and posts
/// triggers to it as the host does. Skips the test when there is no Python to run the stand-in.
/// </summary>
public sealed class FunctionsHost : IAsyncDisposable
{
    private const string Listening = "listening on ";
    private const string HandlerIs = "[driver] handler is process ";
    private readonly Process process;
    private readonly DirectoryInfo state;
    private readonly ConcurrentQueue<string> output = new();
    private readonly ConcurrentQueue<(string Words, TaskCompletionSource Said)> awaited = new();
    private volatile int handlerId;
    private readonly TaskCompletionSource<Uri> ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private FunctionsHost(Process process, DirectoryInfo state)
    {
        (this.process, this.state) = (process, state);
        process.ErrorDataReceived += (_, line) => Read(line.Data);
        process.EnableRaisingEvents = true;
        process.Exited += (_, _) => ready.TrySetException(new InvalidOperationException($"The host ended before it was ready:\n{Output}"));
    }

    /// <summary>Where the outside reaches the host.</summary>
    public Uri Address => Client.BaseAddress!;

    /// <summary>A client from outside.</summary>
    public HttpClient Client { get; } = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });

    /// <summary>What host and program have written so far.</summary>
    public string Output => string.Join('\n', output);

    /// <summary>Starts host and program and waits until the host listens.</summary>
    /// <param name="app">The app root.</param>
    /// <param name="settings">App settings beyond storage in memory and the Development environment.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <param name="queues">It hands out the messages of storage queues. Timers are only ever fired by the test.</param>
    /// <param name="restarts">How often it starts a program again that was killed; Azure's host gives up after three times.</param>
    public static async Task<FunctionsHost> StartAsync(
        string app, IReadOnlyDictionary<string, string> settings, CancellationToken cancellationToken, bool queues = false, int restarts = 3)
    {
        var python = PythonProgram();
        var state = Directory.CreateTempSubdirectory("kontext-host-");
        // Known beforehand, because the public address is a setting and never taken from a request.
        var port = KontextServer.FreePort().ToString(CultureInfo.InvariantCulture);
        var start = new ProcessStartInfo(python) { RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in (string[])[
            RepositoryFiles.Path("tests", "functions-host", "host-driver.py"), app, "--port", port, "--no-timers",
            "--max-errors", restarts.ToString(CultureInfo.InvariantCulture), .. queues ? (string[])[] : ["--no-queues"]])
            start.ArgumentList.Add(argument);
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Development";
        start.Environment["AzureWebJobsDisableHomepage"] = "true";
        start.Environment["Kontext__PublicUrl"] = $"http://127.0.0.1:{port}";
        start.Environment["Kontext__Storage"] = "memory";
        start.Environment["Kontext__KeyDirectory"] = Path.Combine(state.FullName, "keys");
        foreach (var (name, value) in settings)
            start.Environment[name] = value;

        var host = new FunctionsHost(new Process { StartInfo = start }, state);
        try
        {
            host.process.Start();
            host.process.BeginErrorReadLine();
            host.Client.BaseAddress = await host.ready.Task.WaitAsync(cancellationToken);
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>Python 3; skips the test when there is none.</summary>
    public static string PythonProgram()
    {
        var python = Array.Find(["python3", "python"], OnPath);
        Assert.SkipWhen(python is null, "Python 3 is not installed; the stand-in of the Functions host is a Python program.");
        return python!;
    }

    /// <summary>Fires a trigger as the host's administration API does, and gives the host's account of how it went.</summary>
    public Task<JsonNode> FireAsync(string function, CancellationToken cancellationToken) => FireAsync(function, new JsonObject { ["input"] = "" }, cancellationToken);

    /// <summary>The same with a message, or with what the stand-in takes beyond that: <c>isPastDue</c>, <c>serviceBus</c>.</summary>
    public async Task<JsonNode> FireAsync(string function, JsonObject input, CancellationToken cancellationToken)
    {
        using var content = new StringContent(input.ToJsonString(), Encoding.UTF8, "application/json");
        using var response = await AdminAsync(HttpMethod.Post, $"admin/functions/{function}?wait=1", content, cancellationToken);
        return JsonNode.Parse(await response.Content.ReadAsStringAsync(cancellationToken))!;
    }

    /// <summary>What the host has passed on so far: one object per invocation, HTTP and triggers alike.</summary>
    public Task<JsonArray> InvocationsAsync(CancellationToken cancellationToken) => ListAsync("admin/driver/log", cancellationToken);

    /// <summary>Service Bus messages that were delivered as often as their queue allows.</summary>
    public Task<JsonArray> DeadLettersAsync(CancellationToken cancellationToken) => ListAsync("admin/driver/deadletter", cancellationToken);

    /// <summary>Completes when host or program have written a line with these words.</summary>
    public async Task SaidAsync(string words, CancellationToken cancellationToken)
    {
        var said = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        awaited.Enqueue((words, said));
        if (output.Any(line => line.Contains(words, StringComparison.Ordinal)))
            return;
        await said.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Kills the program without notice. The host starts it again.</summary>
    public void KillHandler()
    {
        using var handler = Process.GetProcessById(handlerId);
        handler.Kill();
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (ready.Task.IsCompleted || IsRunning())
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
        }
        process.Dispose();
        state.Delete(recursive: true);
    }

    private static bool OnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Any(folder => File.Exists(Path.Combine(folder, program)));

    private async Task<JsonArray> ListAsync(string path, CancellationToken cancellationToken)
    {
        using var response = await AdminAsync(HttpMethod.Get, path, null, cancellationToken);
        return JsonNode.Parse(await response.Content.ReadAsStringAsync(cancellationToken))!.AsArray();
    }

    private async Task<HttpResponseMessage> AdminAsync(HttpMethod method, string path, HttpContent? content, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative)) { Content = content };
        request.Headers.Add("x-functions-key", "local-master-key");
        var response = await Client.SendAsync(request, cancellationToken);
        return response.EnsureSuccessStatusCode();
    }

    private void Read(string? line)
    {
        if (line is null)
            return;
        output.Enqueue(line);
        if (line.StartsWith(HandlerIs, StringComparison.Ordinal))
            handlerId = int.Parse(line[HandlerIs.Length..], CultureInfo.InvariantCulture);
        foreach (var (words, said) in awaited)
        {
            if (line.Contains(words, StringComparison.Ordinal))
                said.TrySetResult();
        }
        if (line.StartsWith("[driver] " + Listening, StringComparison.Ordinal))
            ready.TrySetResult(new Uri(line["[driver] ".Length..][Listening.Length..]));
    }

    private bool IsRunning()
    {
        try
        {
            return !process.HasExited;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}

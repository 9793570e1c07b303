using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Kontext.Testing;

/// <summary>The product as a process of its own, listening on loopback: what users run, and what can be killed.</summary>
public sealed class KontextServer : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly Process process;
    private readonly StringBuilder output = new();

    private KontextServer(Process process, Uri url)
    {
        (this.process, Url) = (process, url);
        Http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = url };
    }

    /// <summary>Its public URL, which is also its issuer.</summary>
    public Uri Url { get; }

    /// <summary>A client without cookies that follows no redirects.</summary>
    public HttpClient Http { get; }

    /// <summary>The process, for killing and measuring.</summary>
    public int ProcessId => process.Id;

    /// <summary>Everything it has logged so far.</summary>
    public string Output
    {
        get
        {
            lock (output)
                return output.ToString();
        }
    }

    /// <summary>Starts it in Development and waits until it answers.</summary>
    /// <param name="storage">The setting Kontext__Storage.</param>
    /// <param name="keyDirectory">The setting Kontext__KeyDirectory.</param>
    /// <param name="publicUrl">Its public URL, when several instances share one; its own address otherwise.</param>
    /// <param name="settings">More settings.</param>
    /// <param name="handler">As the Functions host starts it: with triggers to post to, and without timers of its own.</param>
    /// <param name="listenOn">The port of one that was killed and is to come back where it was; any free one otherwise.</param>
    /// <param name="program">The program of an unpacked package; what was built with the tests otherwise.</param>
    public static async Task<KontextServer> StartAsync(
        string storage, string keyDirectory, Uri? publicUrl = null, IReadOnlyDictionary<string, string>? settings = null, bool handler = false, int? listenOn = null, string? program = null)
    {
        var port = listenOn ?? FreePort();
        var address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
        var start = new ProcessStartInfo(program ?? "dotnet", program is null ? [Path.Combine(AppContext.BaseDirectory, "Kontext.Functions.dll")] : [])
        {
            WorkingDirectory = program is null ? AppContext.BaseDirectory : Path.GetDirectoryName(program),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Development";
        start.Environment["ASPNETCORE_URLS"] = address.OriginalString;
        start.Environment["Kontext__PublicUrl"] = (publicUrl ?? address).OriginalString;
        start.Environment["Kontext__Storage"] = storage;
        start.Environment["Kontext__KeyDirectory"] = keyDirectory;
        if (handler)
            start.Environment["FUNCTIONS_CUSTOMHANDLER_PORT"] = port.ToString(CultureInfo.InvariantCulture);
        foreach (var (name, value) in settings ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        var server = new KontextServer(Process.Start(start) ?? throw new InvalidOperationException("The product cannot be started."), address);
        server.process.OutputDataReceived += (_, line) => server.Note(line.Data);
        server.process.ErrorDataReceived += (_, line) => server.Note(line.Data);
        server.process.BeginOutputReadLine();
        server.process.BeginErrorReadLine();
        try
        {
            await server.ReadyAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Posts to a trigger as the Functions host does, of an instance that was started as a handler. A run that failed is an error.</summary>
    public async Task FireAsync(string trigger)
    {
        using var happened = new StringContent("""{"Data":{},"Metadata":{}}""", Encoding.UTF8, "application/json");
        using var answer = await Http.PostAsync(new Uri($"/{trigger}", UriKind.Relative), happened);
        if (!answer.IsSuccessStatusCode)
            throw new InvalidOperationException($"{trigger} answered {(int)answer.StatusCode}. {Output}");
    }

    /// <summary>Kills it without notice, as the Functions host does.</summary>
    public async Task KillAsync()
    {
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
    }

    /// <summary>Completes when it has ended by itself.</summary>
    public Task ExitedAsync() => process.WaitForExitAsync();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        process.Dispose();
        Http.Dispose();
    }

    /// <summary>A port nobody listens on at the moment.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private async Task ReadyAsync()
    {
        var limit = Stopwatch.StartNew();
        while (true)
        {
            if (process.HasExited)
                throw new InvalidOperationException($"The product ended with {process.ExitCode}:\n{Output}");
            try
            {
                using var answer = await Http.GetAsync(new Uri("/healthz", UriKind.Relative));
                if (answer.IsSuccessStatusCode)
                    return;
            }
            catch (HttpRequestException) when (limit.Elapsed < StartLimit)
            {
                // Not listening yet.
            }
            if (limit.Elapsed > StartLimit)
                throw new TimeoutException($"The product did not become ready:\n{Output}");
            await Task.Delay(50);
        }
    }

    private void Note(string? line)
    {
        lock (output)
            output.AppendLine(line);
    }
}

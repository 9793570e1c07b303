using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Kontext.Testing;

/// <summary>A request on a wire.</summary>
/// <param name="Method">Its method.</param>
/// <param name="Target">Path and query as they were sent.</param>
/// <param name="Body">Its body as text.</param>
public sealed record WireRequest(string Method, string Target, string Body)
{
    /// <summary>Its W3C trace context; null when it has none.</summary>
    public string? TraceParent { get; init; }
}

/// <summary>An answer on a wire.</summary>
/// <param name="Status">Its status.</param>
/// <param name="Headers">Its headers, those of the body included.</param>
/// <param name="Body">Its body.</param>
public sealed record WireAnswer(int Status, IReadOnlyList<KeyValuePair<string, string>> Headers, byte[] Body)
{
    /// <summary>An answer without content.</summary>
    public static WireAnswer Of(HttpStatusCode status) => new((int)status, [], []);

    /// <summary>An answer without content, with a header.</summary>
    public static WireAnswer Of(HttpStatusCode status, string header, string value) => new((int)status, [KeyValuePair.Create(header, value)], []);
}

/// <summary>Decides what becomes of a request: passes it on (or not) and gives the answer its sender gets; null hangs up on the sender.</summary>
public delegate Task<WireAnswer?> WireRule(WireRequest request, Func<Task<WireAnswer>> pass);

/// <summary>A stretch of wire between the program and a service, where a test can hold, lose and count requests and answers one by one.</summary>
public sealed class Wire : IAsyncDisposable
{
    private static readonly HashSet<string> PerConnection = new(StringComparer.OrdinalIgnoreCase) { "Host", "Connection", "Transfer-Encoding", "Content-Length", "Keep-Alive" };

    private readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false }) { Timeout = Timeout.InfiniteTimeSpan };
    private readonly WebApplication app;

    private Wire(Uri target)
    {
        Target = target;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        app = builder.Build();
        app.Run(CarryAsync);
    }

    /// <summary>What happens on it. At first everything is passed on.</summary>
    public WireRule Rule { get; set; } = static async (_, pass) => await pass();

    /// <summary>The service it leads to; a rule may lead it elsewhere.</summary>
    public Uri Target { get; set; }

    /// <summary>Where the program has to send what is meant for the service.</summary>
    public Uri Address => new(app.Urls.First());

    /// <summary>Opens a wire to a service.</summary>
    public static async Task<Wire> OpenAsync(Uri target)
    {
        var wire = new Wire(target);
        await wire.app.StartAsync();
        return wire;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await app.StopAsync(now.Token);
        await app.DisposeAsync();
        http.Dispose();
    }

    private async Task CarryAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        var rawTarget = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var request = new WireRequest(context.Request.Method, rawTarget, Encoding.UTF8.GetString(body.GetBuffer(), 0, (int)body.Length))
        {
            TraceParent = context.Request.Headers["traceparent"] is [{ } parent] ? parent : null,
        };
        if (await Rule(request, () => PassAsync(context, request, body.ToArray())) is not { } answer)
        {
            context.Abort();
            return;
        }
        context.Response.StatusCode = answer.Status;
        foreach (var (name, value) in answer.Headers)
            context.Response.Headers.Append(name, value);
        if (answer.Status != StatusCodes.Status204NoContent)
        {
            context.Response.ContentLength = answer.Body.Length;
            await context.Response.Body.WriteAsync(answer.Body);
        }
    }

    private async Task<WireAnswer> PassAsync(HttpContext context, WireRequest request, byte[] body)
    {
        // What is signed is the path as it was sent: nobody may tidy it up.
        var target = Target;
        var address = new Uri(string.Create(CultureInfo.InvariantCulture, $"{target.Scheme}://{target.Authority}{request.Target}"), new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        using var message = new HttpRequestMessage(new HttpMethod(request.Method), address);
        if (body.Length > 0 || request.Method is "POST" or "PUT")
            message.Content = new ByteArrayContent(body);
        foreach (var (name, values) in context.Request.Headers)
        {
            if (!PerConnection.Contains(name) && !message.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
                message.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
        }
        // The service has the request, whatever becomes of its sender.
        using var answer = await http.SendAsync(message, CancellationToken.None);
        return new WireAnswer(
            (int)answer.StatusCode,
            [.. answer.Headers.NonValidated.Concat(answer.Content.Headers.NonValidated).Where(header => !PerConnection.Contains(header.Key))
                .SelectMany(header => header.Value.Select(value => KeyValuePair.Create(header.Key, value)))],
            await answer.Content.ReadAsByteArrayAsync());
    }
}

using System.Globalization;
using System.Net;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Functions.Mcp;

namespace Kontext.Functions.Upstream;

/// <summary>How much a call to a server may take.</summary>
/// <param name="Call">Time from the first byte sent to the last received.</param>
/// <param name="Notice">Time for messages nobody waits for.</param>
/// <param name="AnswerBytes">Bytes of an answer.</param>
internal sealed record UpstreamLimits(TimeSpan Call, TimeSpan Notice, long AnswerBytes)
{
    /// <summary>What holds in production.</summary>
    public static UpstreamLimits Ordinary { get; } = new(TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(5), 32 * 1024 * 1024);
}

/// <summary>Calls MCP servers over Streamable HTTP, 2026-07-28 and the revisions before it alike (protocols 1.5).</summary>
internal sealed class HttpMcpUpstream(HttpClient http, UpstreamEras eras, UpstreamLimits limits) : IMcpUpstream
{
    private const int Attempts = 3;
    private readonly HttpMcpUpstreamProbe prober = new(http, limits);
    private long lastId;

    /// <inheritdoc/>
    public async Task<Result<McpServerDescription>> DescribeAsync(Integration integration, Secret? credential, CancellationToken cancellationToken) =>
        (await EraAsync(integration, credential, cancellationToken)).TryGet(out var era, out var failure) ? era.Server : failure;

    /// <inheritdoc/>
    public async Task<Result<McpAnswer>> SendAsync(Integration integration, Secret? credential, McpRequest request, CancellationToken cancellationToken)
    {
        var budget = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        budget.CancelAfter(limits.Call);
        var kept = false;
        try
        {
            // Each further attempt follows an answer that says the call was not carried out: a lost session, or a revision the server no longer speaks.
            for (var attempt = 1; ; attempt++)
            {
                if (!(await EraAsync(integration, credential, budget.Token)).TryGet(out var era, out var failure))
                    return failure;
                var (answer, stale) = await AttemptAsync(integration, credential, request, era, budget);
                if (stale && attempt < Attempts)
                {
                    eras.Forget(integration, credential, era);
                    continue;
                }
                kept = answer.TryGet(out _, out _);
                return answer;
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new Failure(FailureCode.Unavailable, $"{integration.Name} did not answer in time.");
        }
        catch (UpstreamUnavailableException unavailable)
        {
            return unavailable.FailureOf(integration.Name);
        }
        catch (HttpRequestException unreachable)
        {
            return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} cannot be reached.", unreachable.HttpRequestError.ToString());
        }
        finally
        {
            if (!kept)
                budget.Dispose();
        }
    }

    private async Task<Result<UpstreamEra>> EraAsync(Integration integration, Secret? credential, CancellationToken cancellationToken)
    {
        if (!Uri.TryCreate(integration.Url, UriKind.Absolute, out var url) || (url.Scheme != Uri.UriSchemeHttps && url.Scheme != Uri.UriSchemeHttp))
            return new Failure(FailureCode.Misconfigured, $"The address of {integration.Name} is not an http address. An administrator has to correct it.");
        if (!InjectedCredential.Of(integration, credential).TryGet(out _, out var unfit))
            return unfit;
        return await eras.OfAsync(integration, credential, previous => prober.RunAsync(integration, credential, previous), cancellationToken);
    }

    private async Task<(Result<McpAnswer> Answer, bool Stale)> AttemptAsync(
        Integration integration, Secret? credential, McpRequest request, UpstreamEra era, CancellationTokenSource budget)
    {
        var id = Interlocked.Increment(ref lastId);
        using var message = HttpMcpUpstreamMessage.Of(integration, credential, request, era, id, out var bytesIn);
        HttpResponseMessage response;
        try
        {
            response = await http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, budget.Token);
        }
        catch (OperationCanceledException) when (!era.Modern)
        {
            await CancelAsync(integration, credential, era, id);
            throw;
        }

        var kept = false;
        try
        {
            if (!response.IsSuccessStatusCode)
                return await RefusalAsync(integration, credential, era, id, bytesIn, response, budget);
            var type = response.Content.Headers.ContentType?.MediaType;
            if (type is not ("application/json" or "text/event-stream"))
                return (new Failure(FailureCode.UpstreamFailed, $"{integration.Name} answered with something that is neither JSON nor an event stream."), false);
            var body = await response.Content.ReadAsStreamAsync(budget.Token);
            kept = true;
            return (new HttpMcpUpstreamAnswer(
                integration.Name,
                id,
                response,
                budget,
                new UpstreamMessages(body, events: type == "text/event-stream", limits.AnswerBytes),
                InjectedCredential.ScrubFor(integration, credential),
                bytesIn,
                (theirs, method) => ReplyAsync(integration, credential, era, theirs, method),
                era.Modern ? null : () => CancelAsync(integration, credential, era, id)), false);
        }
        finally
        {
            if (!kept)
                response.Dispose();
        }
    }

    /// <summary>Reads what a status other than success means.</summary>
    private async Task<(Result<McpAnswer> Answer, bool Stale)> RefusalAsync(
        Integration integration, Secret? credential, UpstreamEra era, long id, int bytesIn, HttpResponseMessage response, CancellationTokenSource budget)
    {
        if (HttpMcpUpstreamProbe.FailureOf(integration, response) is { } failure)
            return (failure, false);
        var body = await HttpMcpUpstreamProbe.ReadBoundedAsync(response, budget.Token);
        var error = JsonRpcErrorBody.Read(body);
        var stale = error?.Code == McpProtocol.UnsupportedVersion
            || (era.Modern && error is null)
            || (!era.Modern && era.SessionId is null && error is null)
            || (era.SessionId is not null && (response.StatusCode == HttpStatusCode.NotFound || error is null || error.Message.Contains("session", StringComparison.OrdinalIgnoreCase)));
        if (error is null)
            return (new Failure(FailureCode.UpstreamFailed, $"{integration.Name} answered with HTTP status {(int)response.StatusCode}."), stale);
        return (new HttpMcpUpstreamAnswer(
            integration.Name, id, connection: null, budget, new UpstreamMessages(new MemoryStream(body), events: false, limits.AnswerBytes), InjectedCredential.ScrubFor(integration, credential), bytesIn, static (_, _) => Task.CompletedTask, abandon: null), stale);
    }

    /// <summary>Answers a request of the server's own. It was told that we can do nothing, so only <c>ping</c> is to be expected.</summary>
    private Task ReplyAsync(Integration integration, Secret? credential, UpstreamEra era, string id, string method) =>
        NoticeAsync(integration, credential, era, method == "ping"
            ? $$$"""{"jsonrpc":"2.0","id":{{{id}}},"result":{}}"""
            : $$$"""{"jsonrpc":"2.0","id":{{{id}}},"error":{"code":-32601,"message":"The gateway cannot pass requests of servers on to its client."}}""");

    private Task CancelAsync(Integration integration, Secret? credential, UpstreamEra era, long id) =>
        NoticeAsync(integration, credential, era, $$$"""{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{{{id.ToString(CultureInfo.InvariantCulture)}}},"reason":"The client went away."}}""");

    private async Task NoticeAsync(Integration integration, Secret? credential, UpstreamEra era, string body)
    {
        using var limit = new CancellationTokenSource(limits.Notice);
        try
        {
            using var message = HttpMcpUpstreamMessage.InSession(integration, credential, System.Text.Encoding.UTF8.GetBytes(body), era);
            using var response = await http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, limit.Token);
        }
        catch (Exception lost) when (lost is HttpRequestException or OperationCanceledException)
        {
            // A courtesy to the server: it notices by itself when the call is over.
        }
    }
}

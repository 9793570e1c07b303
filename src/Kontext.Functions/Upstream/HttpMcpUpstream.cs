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
    /// <summary>Time a call may take in which a person is asked something.</summary>
    public TimeSpan Person { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Time a server may go on telling of changes.</summary>
    public TimeSpan Subscription { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>What holds in production.</summary>
    public static UpstreamLimits Ordinary { get; } = new(TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(5), 32 * 1024 * 1024);
}

/// <summary>Calls MCP servers over Streamable HTTP, 2026-07-28 and the revisions before it alike (protocols 1.5).</summary>
/// <param name="http">For calls.</param>
/// <param name="streams">For streams that stay open, so that they take no connection from the calls.</param>
/// <param name="eras">What is known of servers.</param>
/// <param name="limits">Time and size.</param>
internal sealed class HttpMcpUpstream(HttpClient http, HttpClient streams, UpstreamEras eras, UpstreamLimits limits) : IMcpUpstream
{
    private const int Attempts = 3;
    private const string Subscribe = "subscriptions/listen";
    private readonly HttpMcpUpstreamSessions sessions = new(http, streams, eras, limits);
    private long lastId;

    /// <inheritdoc/>
    public async Task<Result<McpServerDescription>> DescribeAsync(Integration integration, Secret? credential, McpParty party, McpClientSession? session, CancellationToken cancellationToken) =>
        (await sessions.EraAsync(integration, credential, party, session, cancellationToken)).TryGet(out var era, out var failure) ? era.Server : failure;

    /// <inheritdoc/>
    public Task<Result<McpAnswer>> ListenAsync(Integration integration, Secret? credential, McpParty party, McpClientSession session, CancellationToken cancellationToken) =>
        sessions.ListenAsync(integration, credential, party, session, cancellationToken);

    /// <inheritdoc/>
    public Task<Result<Done>> PostAsync(Integration integration, Secret? credential, string route, ReadOnlyMemory<byte> message, CancellationToken cancellationToken) =>
        sessions.PostAsync(integration, credential, route, message, cancellationToken);

    /// <inheritdoc/>
    public Task<Result<Done>> EndAsync(Integration integration, Secret? credential, string route, CancellationToken cancellationToken) =>
        sessions.EndAsync(integration, credential, route);

    /// <inheritdoc/>
    public async Task<Result<McpAnswer>> SendAsync(Integration integration, Secret? credential, McpRequest request, CancellationToken cancellationToken)
    {
        var budget = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        budget.CancelAfter(request.Method == Subscribe ? limits.Subscription : limits.Call);
        var kept = false;
        try
        {
            // Each further attempt follows an answer that says the call was not carried out: a lost session, or a revision the server no longer speaks.
            for (var attempt = 1; ; attempt++)
            {
                if (!(await sessions.EraAsync(integration, credential, request.Party, request.Session, budget.Token)).TryGet(out var era, out var failure))
                    return failure;
                var (answer, stale) = await AttemptAsync(integration, credential, request, era, budget);
                if (stale && attempt < Attempts)
                {
                    sessions.Forget(integration, credential, request.Party, request.Session, era);
                    // The session another instance opened is the one that was lost.
                    request = request with { Session = request.Session is null ? null : request.Session with { Route = null } };
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

    private async Task<(Result<McpAnswer> Answer, bool Stale)> AttemptAsync(
        Integration integration, Secret? credential, McpRequest request, UpstreamEra era, CancellationTokenSource budget)
    {
        var id = Interlocked.Increment(ref lastId);
        if (era.Sse is { IsClosed: true })
            return (new Failure(FailureCode.UpstreamFailed, $"{integration.Name} ended the connection."), true);
        var beside = era.Stream is not null && AsksPeople(request.Method) ? await era.Stream.ListenAsync(all: false, budget.Token) : null;
        using var message = HttpMcpUpstreamMessage.Of(integration, credential, request, era, id, out var bytesIn);
        HttpResponseMessage response;
        // Before the request is sent: its answer comes on a stream that is read all the time.
        var answered = era.Sse?.AnswerTo(id, request.Meta);
        try
        {
            response = await (request.Method == Subscribe || (request.Session is not null && !era.Modern) ? streams : http).SendAsync(message, HttpCompletionOption.ResponseHeadersRead, budget.Token);
        }
        catch (OperationCanceledException) when (!era.Modern)
        {
            beside?.Dispose();
            era.Sse?.Leave(id);
            await CancelAsync(integration, credential, era, id);
            throw;
        }
        catch
        {
            beside?.Dispose();
            era.Sse?.Leave(id);
            throw;
        }

        var kept = false;
        try
        {
            if (response.IsSuccessStatusCode && era.Sse is { } sse)
                return (SseAnswer(integration, credential, era, id, bytesIn, sse, answered!, request, budget), false);
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
                (theirs, method) => sessions.ReplyAsync(integration, credential, era, theirs, method),
                era.Modern ? null : () => CancelAsync(integration, credential, era, id))
            {
                Beside = beside,
                Session = request.Session is null || era.Modern ? null : era.Route,
                PersonLimit = limits.Person,
                ObjectsOnly = !request.Modern,
            }, false);
        }
        finally
        {
            if (!kept)
            {
                beside?.Dispose();
                response.Dispose();
                if (!response.IsSuccessStatusCode)
                    era.Sse?.Leave(id);
            }
        }
    }

    private HttpMcpUpstreamAnswer SseAnswer(Integration integration, Secret? credential, UpstreamEra era, long id, int bytesIn, SseConnection sse, Stream answered, McpRequest request, CancellationTokenSource budget) => new(
        integration.Name,
        id,
        new Left(sse, id),
        budget,
        new UpstreamMessages(answered, events: true, limits.AnswerBytes),
        InjectedCredential.ScrubFor(integration, credential),
        bytesIn,
        (theirs, method) => sessions.ReplyAsync(integration, credential, era, theirs, method),
        () => CancelAsync(integration, credential, era, id))
    {
        Session = request.Session is null ? null : era.Route,
        PersonLimit = limits.Person,
        ObjectsOnly = !request.Modern,
    };

    private sealed class Left(SseConnection sse, long id) : IDisposable
    {
        public void Dispose() => sse.Leave(id);
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

    private static bool AsksPeople(string method) => method is "tools/call" or "prompts/get" or "resources/read";

    private Task CancelAsync(Integration integration, Secret? credential, UpstreamEra era, long id) =>
        sessions.NoticeAsync(integration, credential, era, $$$"""{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{{{id.ToString(CultureInfo.InvariantCulture)}}},"reason":"The client went away."}}""");
}

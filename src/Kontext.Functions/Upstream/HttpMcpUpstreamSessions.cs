using System.Net;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;

namespace Kontext.Functions.Upstream;

/// <summary>The sessions we have at MCP servers of the older revisions: one for each person and credential, and one for each client that can be asked something or keeps state there.</summary>
/// <param name="http">For messages.</param>
/// <param name="streams">For streams that stay open, so that they take no connection from the calls.</param>
/// <param name="eras">What is known of servers.</param>
/// <param name="limits">Time and size.</param>
internal sealed class HttpMcpUpstreamSessions(HttpClient http, HttpClient streams, UpstreamEras eras, UpstreamLimits limits)
{
    private readonly HttpMcpUpstreamProbe prober = new(http, streams, limits);

    /// <summary>What the server speaks, and the session to speak in: the client's own when it has one and the server keeps any.</summary>
    public async Task<Result<UpstreamEra>> EraAsync(Integration integration, Secret? credential, McpParty party, McpClientSession? session, CancellationToken cancellationToken)
    {
        if (!Uri.TryCreate(integration.Url, UriKind.Absolute, out var url) || (url.Scheme != Uri.UriSchemeHttps && url.Scheme != Uri.UriSchemeHttp))
            return new Failure(FailureCode.Misconfigured, $"The address of {integration.Name} is not an http address. An administrator has to correct it.");
        if (!InjectedCredential.Of(integration, credential).TryGet(out _, out var unfit))
            return unfit;
        var shared = await eras.OfAsync(integration, credential, party, session: null, previous => prober.RunAsync(integration, credential, previous), cancellationToken);
        if (session is null || !shared.TryGet(out var era, out _) || era.Modern || !era.IsOpen)
            return shared;
        return await eras.OfAsync(integration, credential, party, session, previous => OwnAsync(integration, credential, session, previous), cancellationToken);
    }

    /// <summary>Forgets what turned out wrong.</summary>
    public void Forget(Integration integration, Secret? credential, McpParty party, McpClientSession? session, UpstreamEra wrong)
    {
        eras.Forget(integration, credential, party, session: null, wrong);
        if (session is not null)
            eras.Forget(integration, credential, party, session, wrong);
    }

    /// <summary>Opens the stream on which the server speaks unasked in the client's session.</summary>
    public async Task<Result<McpAnswer>> ListenAsync(Integration integration, Secret? credential, McpParty party, McpClientSession session, CancellationToken cancellationToken)
    {
        if (!(await EraAsync(integration, credential, party, session, cancellationToken)).TryGet(out var era, out var failure))
            return failure;
        if (era.Stream is null)
            return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} keeps no session in which it could say anything unasked.");
        return new SessionStreamAnswer(await era.Stream.ListenAsync(all: true, cancellationToken), era.Route);
    }

    /// <summary>Sends a message without an answer into a session that any instance may have opened.</summary>
    public async Task<Result<Done>> PostAsync(Integration integration, Secret? credential, string route, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        var over = new Failure(FailureCode.NotFound, $"{integration.Name} no longer waits for this.");
        if (!UpstreamEra.LeadsTo(route, integration.Url))
            return over;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(limits.Call);
        try
        {
            using var post = HttpMcpUpstreamMessage.InSession(integration, credential, message, UpstreamEra.At(route));
            using var response = await http.SendAsync(post, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            if (HttpMcpUpstreamProbe.FailureOf(integration, response) is { } failure)
                return failure;
            return response.IsSuccessStatusCode ? default(Done) : over;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new Failure(FailureCode.Unavailable, $"{integration.Name} did not answer in time.");
        }
        catch (HttpRequestException unreachable)
        {
            return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} cannot be reached.", unreachable.HttpRequestError.ToString());
        }
    }

    /// <summary>Ends a session. A server that does not care for it ends it in its own time.</summary>
    public async Task<Result<Done>> EndAsync(Integration integration, Secret? credential, string route)
    {
        await CourtesyAsync(() => HttpMcpUpstreamMessage.End(integration, credential, UpstreamEra.At(route)));
        return default(Done);
    }

    /// <summary>Tells the server something in a session that it will find out by itself, should this be lost.</summary>
    public Task NoticeAsync(Integration integration, Secret? credential, UpstreamEra era, string body) =>
        CourtesyAsync(() => HttpMcpUpstreamMessage.InSession(integration, credential, System.Text.Encoding.UTF8.GetBytes(body), era));

    /// <summary>Answers a request of the server's own that is no question to a client: only <c>ping</c> is to be expected.</summary>
    public Task ReplyAsync(Integration integration, Secret? credential, UpstreamEra era, string id, string method) =>
        CourtesyAsync(() => HttpMcpUpstreamMessage.InSession(integration, credential, ReplyTo(id, method), era));

    /// <summary>That answer, as a message.</summary>
    public static byte[] ReplyTo(string id, string method) => System.Text.Encoding.UTF8.GetBytes(method == "ping"
        ? $$$"""{"jsonrpc":"2.0","id":{{{id}}},"result":{}}"""
        : $$$"""{"jsonrpc":"2.0","id":{{{id}}},"error":{"code":-32601,"message":"The gateway cannot pass this request on to its client."}}""");

    private async Task<Result<UpstreamEra>> OwnAsync(Integration integration, Secret? credential, McpClientSession session, UpstreamEra? previous)
    {
        if (previous is { IsOpen: true })
            return previous with { };
        UpstreamEra era;
        if (session.Route is { } route && !UpstreamEra.IsSse(route))
            era = UpstreamEra.At(route);
        else if (!(await prober.OpenAsync(integration, credential, session)).TryGet(out era!, out var failure))
            return failure;
        // Where everything comes on one stream, there is none beside it.
        return era.Sse is not null ? era : era with
        {
            Stream = new SessionStream(
                cancellationToken => ListenAsync(integration, credential, era, cancellationToken),
                (id, method) => ReplyAsync(integration, credential, era, id, method),
                () => InjectedCredential.ScrubFor(integration, credential),
                eras.Time),
        };
    }

    private async Task<HttpResponseMessage> ListenAsync(Integration integration, Secret? credential, UpstreamEra era, CancellationToken cancellationToken)
    {
        using var message = HttpMcpUpstreamMessage.Listen(integration, credential, era);
        return await streams.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }

    private async Task CourtesyAsync(Func<HttpRequestMessage> write)
    {
        using var limit = new CancellationTokenSource(limits.Notice);
        try
        {
            using var message = write();
            using var response = await http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, limit.Token);
        }
        catch (Exception lost) when (lost is HttpRequestException or OperationCanceledException)
        {
            // A courtesy to the server: it notices by itself when the call or the session is over.
        }
    }
}

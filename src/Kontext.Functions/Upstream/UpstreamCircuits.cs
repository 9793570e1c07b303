using System.Collections.Concurrent;
using System.Net;
using Kontext.Domain;
using Kontext.Functions.Observability;
using Polly;
using Polly.CircuitBreaker;

namespace Kontext.Functions.Upstream;

/// <summary>An integration's server cannot be asked now: it keeps silent, or failed so often that it is left alone for a while.</summary>
/// <param name="message">What happened, without the integration's name in front.</param>
/// <param name="retryAfter">When asking again makes sense; null when that is not known.</param>
internal sealed class UpstreamUnavailableException(string message, TimeSpan? retryAfter) : HttpRequestException(message)
{
    /// <summary>When asking again makes sense; null when that is not known.</summary>
    public TimeSpan? RetryAfter { get; } = retryAfter;

    /// <summary>The failure it comes down to.</summary>
    public Failure FailureOf(string integration) => new(FailureCode.Unavailable, $"{integration} {Message}. Try again later.") { RetryAfter = RetryAfter };
}

/// <summary>A body that reports its progress, so that a long upload is not taken for silence of the server.</summary>
internal interface IPacedContent
{
    /// <summary>To be called after every piece that was sent.</summary>
    Action Progress { set; }
}

/// <summary>What servers did lately: those that mostly fail are left alone for a while. Each integration's origin is judged by what it did to that integration only: one tenant cannot shut it off for another.</summary>
internal sealed class CircuitStates(TimeProvider time)
{
    private const int MaxCircuits = 10_000;

    /// <summary>How long a server is left alone.</summary>
    public static readonly TimeSpan Break = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<(IntegrationId Integration, string Origin), ResiliencePipeline<HttpResponseMessage>> circuits = [];

    /// <summary>What a request goes through.</summary>
    public ResiliencePipeline<HttpResponseMessage> Of(HttpRequestMessage request)
    {
        request.Options.TryGetValue(UpstreamCircuits.Integration, out var integration);
        var key = (integration, request.RequestUri!.GetLeftPart(UriPartial.Authority));
        if (circuits.TryGetValue(key, out var known))
            return known;
        // Integrations come and go; to forget what is known of the others costs them a few slow answers.
        if (circuits.Count >= MaxCircuits)
            circuits.Clear();
        return circuits.GetOrAdd(key, static (_, clock) => Circuit(clock), time);
    }

    // An error a single request may have caused (500) says nothing about the next one.
    private static ResiliencePipeline<HttpResponseMessage> Circuit(TimeProvider clock) => new ResiliencePipelineBuilder<HttpResponseMessage> { TimeProvider = clock }
        .AddCircuitBreaker(new CircuitBreakerStrategyOptions<HttpResponseMessage>
        {
            FailureRatio = 0.5,
            MinimumThroughput = 10,
            SamplingDuration = TimeSpan.FromSeconds(30),
            BreakDuration = Break,
            ShouldHandle = new PredicateBuilder<HttpResponseMessage>()
                .Handle<HttpRequestException>()
                .HandleResult(response => response.StatusCode is HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout),
        })
        .Build();
}

/// <summary>Bounds how long servers may keep silent, and keeps away from those that are left alone.</summary>
/// <param name="inner">Sends.</param>
/// <param name="circuits">Who is left alone, as all clients found.</param>
/// <param name="silence">How long a server may keep silent; infinite for streams.</param>
internal sealed class UpstreamCircuits(HttpMessageHandler inner, CircuitStates circuits, TimeSpan silence) : DelegatingHandler(inner)
{
    /// <summary>Says on a request which integration it is for.</summary>
    public static readonly HttpRequestOptionsKey<IntegrationId> Integration = new("Kontext.Integration");

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            return await circuits.Of(request).ExecuteAsync(
                static async (state, token) => await state.Self.AskAsync(state.request, token), (Self: this, request), cancellationToken);
        }
        catch (BrokenCircuitException broken)
        {
            throw new UpstreamUnavailableException("failed again and again and is left alone for a moment", broken.RetryAfter ?? CircuitStates.Break);
        }
    }

    private async Task<HttpResponseMessage> AskAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(silence);
        if (request.Content is IPacedContent paced)
            paced.Progress = () => patience.CancelAfter(silence);
        try
        {
            return await base.SendAsync(request, patience.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new UpstreamUnavailableException("did not answer in time", retryAfter: null);
        }
        finally
        {
            if (request.Content is IPacedContent done)
                done.Progress = static () => { };
        }
    }
}

/// <summary>The clients that call integrations' servers, for gateway and proxy. What one of them finds out about a server holds for both.</summary>
internal sealed class UpstreamHttp : IDisposable
{
    /// <summary>Makes both.</summary>
    public UpstreamHttp(KontextSettings settings, TimeProvider time)
    {
        var circuits = new CircuitStates(time);
        Client = Create(Handler(), settings.Limits.Calls.Silence);
        var streaming = Handler();
        // A stream that waits takes a connection for as long. How many there are is bounded for each person and agent; a bound for each server would have those of one organization keep out another's.
        streaming.MaxConnectionsPerServer = int.MaxValue;
        Streams = Create(streaming, Timeout.InfiniteTimeSpan);

        SocketsHttpHandler Handler() => GuardedHttp.Handler(address => settings.AllowPrivateUpstreams || GuardedHttp.IsPublic(address));
        HttpClient Create(SocketsHttpHandler handler, TimeSpan silence) => new(new UpstreamCircuits(new TraceContextHandler(handler), circuits, silence)) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>For calls. Callers bound each with a token.</summary>
    public HttpClient Client { get; }

    /// <summary>For streams that wait for people and for changes, and are silent for long: they take no connection from the calls.</summary>
    public HttpClient Streams { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Client.Dispose();
        Streams.Dispose();
    }
}

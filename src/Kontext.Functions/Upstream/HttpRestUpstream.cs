using System.Net;
using System.Runtime.ExceptionServices;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Observability;
using Kontext.Functions.Observability;

namespace Kontext.Functions.Upstream;

/// <summary>Calls the HTTP APIs of integrations: credential in, hop-by-hop headers out, everything else passed through as it comes.</summary>
internal sealed class HttpRestUpstream(UpstreamHttp http, KontextSettings settings, TimeProvider time) : IRestUpstream
{
    private const int Attempts = 3;
    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(100);

    /// <inheritdoc/>
    public async Task<Result<RestAnswer>> SendAsync(Integration integration, Secret? credential, RestRequest request, CancellationToken cancellationToken)
    {
        if (!RestAddress.Of(integration, settings.AllowPrivateUpstreams).TryGet(out var address, out var failure)
            || !InjectedCredential.Of(integration, credential).TryGet(out var injected, out failure))
            return failure;
        var pace = new RestPace(settings.Limits.Calls.Silence, settings.Limits.Calls.ProxyCall, time, cancellationToken);
        var kept = false;
        try
        {
            var response = await AskAsync(integration, address.For(request.Path, injected.ApplyTo(request.Query)), injected, request, pace.Token);
            var answer = Read(integration, response, address, injected, pace);
            kept = answer.TryGet(out _, out _);
            if (!kept)
                response.Dispose();
            return answer;
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
            // The agent broke off or sent too much: that is between it and us.
            if (request.Body?.Fault is { } fault)
            {
                cancellationToken.ThrowIfCancellationRequested();
                ExceptionDispatchInfo.Throw(fault);
            }
            return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} cannot be reached.", unreachable.HttpRequestError.ToString());
        }
        finally
        {
            if (!kept)
                pace.Dispose();
        }
    }

    /// <summary>Sends, and again where that cannot do anything twice: nothing had gone out yet, or the method is idempotent and the service did not get to it.</summary>
    private async Task<HttpResponseMessage> AskAsync(Integration integration, Uri address, InjectedCredential injected, RestRequest request, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            using var message = MessageOf(integration, address, injected, request);
            using var span = HttpSpans.StartClient(message, integration.Name);
            try
            {
                var response = await http.Client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
                span.Answered((int)response.StatusCode);
                if (attempt == Attempts || !request.IsIdempotent || request.Body is { MayRepeat: false } || !IsPassing(response))
                    return response;
                response.Dispose();
            }
            catch (HttpRequestException lost) when (attempt < Attempts && lost is not UpstreamUnavailableException && request.Body is null or { MayRepeat: true }
                && (request.IsIdempotent || lost.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError))
            {
                span.Fail("broken_off");
            }
            await Task.Delay(FirstWait * (1 << (2 * (attempt - 1))), time, cancellationToken);
        }
    }

    // One that says when to come back is left to the agent.
    private static bool IsPassing(HttpResponseMessage response) =>
        response.StatusCode is HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout && response.Headers.RetryAfter is null;

    private static HttpRequestMessage MessageOf(Integration integration, Uri address, InjectedCredential injected, RestRequest request)
    {
        var message = new HttpRequestMessage(new HttpMethod(request.Method), address) { Content = request.Body is { } body ? new RestContent(body) : null };
        message.Options.Set(UpstreamCircuits.Integration, integration.Id);
        foreach (var (name, value) in RestHeaders.ForService(request.Headers))
        {
            // Compressed, an echo of the credential could not be found.
            if (injected != InjectedCredential.None && name.Equals("Accept-Encoding", StringComparison.OrdinalIgnoreCase))
                continue;
            if (!message.Headers.TryAddWithoutValidation(name, value))
                message.Content?.Headers.TryAddWithoutValidation(name, value);
        }
        if (injected != InjectedCredential.None)
            message.Headers.TryAddWithoutValidation("Accept-Encoding", "identity");
        if (!message.Headers.Contains("User-Agent"))
            message.Headers.TryAddWithoutValidation("User-Agent", "kontext/1");
        injected.ApplyTo(message);
        return message;
    }

    private Result<RestAnswer> Read(Integration integration, HttpResponseMessage response, RestAddress address, InjectedCredential injected, RestPace pace)
    {
        var status = (int)response.StatusCode;
        if (status == 401 || (status == 403 && HttpMcpUpstreamProbe.RefusesToken(response)))
            return new Failure(FailureCode.InvalidToken, $"{integration.Name} does not accept the connection's credential.");
        if (status == 403 && HttpMcpUpstreamProbe.DemandedScopesOf(response) is { } scopes)
            return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} refused access (403): it asks for scope {string.Join(' ', scopes)}. The connection lacks a permission there.") { DemandedScopes = scopes };
        // Some services say 403 where others say 429; either way the request was not carried out.
        if (status is 429 or 403 && HttpMcpUpstreamProbe.RetryAfterOf(response) is { } wait)
            return new Failure(FailureCode.RateLimited, $"{integration.Name} is limiting requests. Try again later.") { RetryAfter = wait };
        if (status < 200)
            return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} wants to speak another protocol, which the proxy does not pass on.");
        if (!RestDecoding.IsKnown(response, injected))
            return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} sent its answer in an encoding it was not asked for.");
        string? Outward(string target) => address.Outward(response.RequestMessage!.RequestUri!, target, $"{settings.Issuer}/proxy/{Uri.EscapeDataString(integration.Name)}", injected);
        var location = response.Headers.NonValidated.TryGetValues("Location", out var values) && values.Count == 1 ? Outward(values.ToString()) : null;
        if (location is null && status is > 300 and < 400 && response.Headers.NonValidated.Contains("Location"))
            return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} redirects to an address that is not among its allowed hosts. The redirect is not passed on.");
        return new HttpRestAnswer(integration, response, location, Outward, injected, pace);
    }
}

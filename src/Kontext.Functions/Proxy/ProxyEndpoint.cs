using System.Diagnostics;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;
using Kontext.Functions.Limits;
using Microsoft.AspNetCore.Http.Features;

namespace Kontext.Functions.Proxy;

/// <summary>Any method on <c>/proxy/{integration}/{path}</c>: the agent's request goes to the integration's API with the person's credential, and the answer comes back, both as a stream.</summary>
internal sealed class ProxyEndpoint(KontextSettings settings, AttachedIntegrations attached, CallLimits limits, ProxyCall calls, IConnectLinks links, ILogger<ProxyEndpoint> log)
{
    /// <summary>Serves a request.</summary>
    public async Task RunAsync(HttpContext context)
    {
        if (CallerOf.Request(context) is not AgentCaller caller)
        {
            await RefuseAsync(context, new Failure(FailureCode.Forbidden, "The proxy serves agents that act for a person."));
            return;
        }
        using var admission = await limits.EnterAsync(caller);
        if (admission.Refusal is { } refused)
        {
            await RefuseAsync(context, refused);
            return;
        }
        if (!(await RequestAsync(context, caller)).TryGet(out var asked, out var failure)
            || !(await calls.RunAsync(caller, asked.Integration, asked.Request, asked.TraceId, context.RequestAborted)).TryGet(out var call, out failure))
        {
            await RefuseAsync(context, await WithLinkAsync(caller, failure, context.RequestAborted));
            return;
        }
        await using (call)
            await AnswerAsync(context, call);
    }

    private async ValueTask<Result<(Integration Integration, RestRequest Request, string TraceId)>> RequestAsync(HttpContext context, AgentCaller caller)
    {
        // TRACE would send the credential back, CONNECT would open a tunnel.
        if (HttpMethods.IsTrace(context.Request.Method) || HttpMethods.IsConnect(context.Request.Method))
            return new Failure(FailureCode.MethodNotAllowed, $"{context.Request.Method} is not passed on.");
        if (!ProxyTarget.Parse(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget, context.Request.RouteValues["integration"] as string).TryGet(out var target, out var failure))
            return failure;
        if (await attached.FindWithApiAsync(caller, target.Name, context.RequestAborted) is not { } integration)
            return new Failure(FailureCode.NotFound, "This application has no integration of that name whose API the proxy reaches.");
        BodyLimit.Set(context, settings.Limits.Calls.ProxyBodyBytes);
        return (integration, new RestRequest
        {
            // Methods are case-sensitive (RFC 9110 section 9.1), but servers read the common ones in any case: policy must not miss them.
            Method = context.Request.Method.ToUpperInvariant(),
            Path = target.Path,
            Query = target.Query,
            Headers = HeadersOf(context.Request),
            Body = await ProxyBody.OpenAsync(context.Request, context.RequestAborted),
        }, (Activity.Current?.TraceId ?? ActivityTraceId.CreateRandom()).ToHexString());
    }

    private static List<KeyValuePair<string, string>> HeadersOf(HttpRequest request)
    {
        var headers = new List<KeyValuePair<string, string>>(request.Headers.Count);
        foreach (var (name, values) in request.Headers)
        {
            foreach (var value in values)
                headers.Add(new(name, value ?? ""));
        }
        return headers;
    }

    /// <summary>Passes the answer on as it comes. Its end is on record before the last byte leaves.</summary>
    private async Task AnswerAsync(HttpContext context, OngoingProxyCall call)
    {
        var answer = call.Answer;
        Result<ReadOnlyMemory<byte>> next = ReadOnlyMemory<byte>.Empty;
        var begins = answer.HasBody && answer.Length != 0;
        if (!begins && !(await call.CompleteAsync()).TryGet(out _, out var unrecorded))
        {
            await RefuseAsync(context, unrecorded);
            return;
        }
        WriteHead(context.Response, answer);
        if (!begins)
            return;
        await context.Response.StartAsync(context.RequestAborted);
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
        while (true)
        {
            next = await answer.NextAsync(context.RequestAborted);
            if (!next.TryGet(out var piece, out var failure))
            {
                await call.CompleteAsync(CallOutcome.Of(failure));
                // Part of the answer is out: only breaking off tells the agent that the rest is missing.
                context.Abort();
                return;
            }
            if ((piece.IsEmpty || answer.BytesOut == answer.Length) && !(await call.CompleteAsync()).TryGet(out _, out _))
            {
                context.Abort();
                return;
            }
            if (piece.IsEmpty)
                return;
            await context.Response.BodyWriter.WriteAsync(piece, context.RequestAborted);
            if (answer.BytesOut == answer.Length)
                return;
        }
    }

    private static void WriteHead(HttpResponse response, RestAnswer answer)
    {
        response.StatusCode = answer.Status;
        foreach (var (name, value) in answer.Headers)
            response.Headers.Append(name, value);
        if (answer.Length is { } length && answer.Status is not (204 or 205 or 304))
            response.ContentLength = length;
        // What a service sends must not become a page of ours.
        response.Headers.ContentSecurityPolicy = "sandbox; default-src 'none'";
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["X-Accel-Buffering"] = "no";
    }

    private async ValueTask<Failure> WithLinkAsync(AgentCaller caller, Failure failure, CancellationToken cancellationToken) =>
        failure is { Code: FailureCode.NotConnected, ConnectUrl: null, Integration: { } integration }
            ? failure with { ConnectUrl = (await links.CreateAsync(caller, integration.Id, returnUrl: null, cancellationToken)).Url }
            : failure;

    private Task RefuseAsync(HttpContext context, Failure failure)
    {
        Log.Refused(log, context.Request.Method, "proxy", failure.Code, failure.Detail);
        return ProxyErrors.Of(settings, context, failure).ExecuteAsync(context);
    }
}

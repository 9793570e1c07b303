using System.Diagnostics;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Observability;

namespace Kontext.Functions.Observability;

/// <summary>Calls MCP servers with a span and a measurement for each request, from sending it to the end of its answer. When nobody wants either, nothing is added.</summary>
internal sealed class ObservedMcpUpstream(IMcpUpstream upstream) : IMcpUpstream
{
    /// <inheritdoc/>
    public Task<Result<McpServerDescription>> DescribeAsync(Integration integration, Secret? credential, McpParty party, McpClientSession? session, CancellationToken cancellationToken) =>
        upstream.DescribeAsync(integration, credential, party, session, cancellationToken);

    /// <inheritdoc/>
    public Task<Result<McpAnswer>> ListenAsync(Integration integration, Secret? credential, McpParty party, McpClientSession session, CancellationToken cancellationToken) =>
        upstream.ListenAsync(integration, credential, party, session, cancellationToken);

    /// <inheritdoc/>
    public Task<Result<Done>> PostAsync(Integration integration, Secret? credential, string route, ReadOnlyMemory<byte> message, CancellationToken cancellationToken) =>
        upstream.PostAsync(integration, credential, route, message, cancellationToken);

    /// <inheritdoc/>
    public Task<Result<Done>> EndAsync(Integration integration, Secret? credential, string route, CancellationToken cancellationToken) =>
        upstream.EndAsync(integration, credential, route, cancellationToken);

    /// <inheritdoc/>
    public Task<Result<McpAnswer>> SendAsync(Integration integration, Secret? credential, McpRequest request, CancellationToken cancellationToken) =>
        Stages.Source.HasListeners() || Measures.Timing
            ? ObservedAsync(integration, credential, request, cancellationToken)
            : upstream.SendAsync(integration, credential, request, cancellationToken);

    private async Task<Result<McpAnswer>> ObservedAsync(Integration integration, Secret? credential, McpRequest request, CancellationToken cancellationToken)
    {
        var call = new ObservedCall(integration.Name, request.Method, SpanOf(integration, request), Stopwatch.GetTimestamp());
        var kept = false;
        try
        {
            var sent = await upstream.SendAsync(integration, credential, request, cancellationToken);
            if (!sent.TryGet(out var answer, out var failure))
            {
                call.Fail(Stages.WordOf(failure.Code));
                return sent;
            }
            kept = true;
            return new ObservedAnswer(answer, call);
        }
        catch (OperationCanceledException)
        {
            call.Fail("cancelled");
            throw;
        }
        finally
        {
            if (!kept)
                call.End();
        }
    }

    private static Activity? SpanOf(Integration integration, McpRequest request)
    {
        var method = McpSpan.MethodOf(request.Method);
        if (Stages.Source.StartActivity(method, ActivityKind.Client) is not { IsAllDataRequested: true } span)
            return null;
        span.SetTag("mcp.method.name", method).SetTag("network.transport", "tcp").SetTag("kontext.integration.name", integration.Name);
        if (Uri.TryCreate(integration.Url, UriKind.Absolute, out var address))
            HttpSpans.SetServer(span, address);
        if (request is { Method: "tools/call", Name: { } tool })
        {
            span.SetTag("gen_ai.operation.name", "execute_tool").SetTag("gen_ai.tool.name", tool);
            span.DisplayName = $"{method} {tool}";
        }
        return span;
    }

    /// <summary>What is known of a call until its answer has ended.</summary>
    private sealed class ObservedCall(string integration, string method, Activity? span, long started)
    {
        private string? error;

        public void Fail(string errorType) => error ??= errorType;

        public void End()
        {
            if (error is not null)
                span.Fail(error);
            span?.Dispose();
            Measures.ClientOperation(integration, McpSpan.MethodOf(method), error, Stopwatch.GetElapsedTime(started));
        }
    }

    /// <summary>An answer whose end is the span's.</summary>
    private sealed class ObservedAnswer(McpAnswer answer, ObservedCall call) : McpAnswer
    {
        private bool over;
        private bool ended;

        public override bool IsError => answer.IsError;

        public override string? ResultType => answer.ResultType;

        public override long TtlMs => answer.TtlMs;

        public override string? Route => answer.Route;

        public override void AwaitPerson() => answer.AwaitPerson();

        public override long BytesIn => answer.BytesIn;

        public override long BytesOut => answer.BytesOut;

        public override async ValueTask<Result<AnswerPart>> NextAsync(CancellationToken cancellationToken)
        {
            var next = await answer.NextAsync(cancellationToken);
            if (!next.TryGet(out var part, out var failure))
                call.Fail(Stages.WordOf(failure.Code));
            else if (part.Last)
            {
                over = true;
                if (part.Kind == AnswerPartKind.Error)
                    call.Fail("jsonrpc_error");
                else if (answer.IsError)
                    call.Fail("tool_error");
            }
            return next;
        }

        public override async ValueTask DisposeAsync()
        {
            await answer.DisposeAsync();
            if (ended)
                return;
            ended = true;
            if (!over)
                call.Fail("cancelled");
            call.End();
        }
    }
}

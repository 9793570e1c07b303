using System.Text.Json;
using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Vault;

namespace Kontext.Domain.Gateway;

/// <summary>How a call through the gateway ended, for its audit entry (contract 1.14).</summary>
/// <param name="Status"><c>ok</c>, <c>warn</c>, <c>error_remote</c>, <c>error_proxy</c> or <c>error_auth</c>.</param>
/// <param name="ErrorType">Machine-readable reason; null when it went well.</param>
/// <param name="ErrorMessage">In words; null when it went well.</param>
public sealed record CallOutcome(string Status, string? ErrorType = null, string? ErrorMessage = null)
{
    /// <summary>It went well.</summary>
    public static CallOutcome Ok { get; } = new("ok");

    /// <summary>The tool ran and reported an error of its own.</summary>
    public static CallOutcome ToolError { get; } = new("warn", "tool_error");

    /// <summary>The client went away before the end.</summary>
    public static CallOutcome Cancelled { get; } = new("warn", "client_cancelled");

    /// <summary>The server answered with a JSON-RPC error.</summary>
    public static CallOutcome RemoteError { get; } = new("error_remote", "jsonrpc_error");

    /// <summary>The outcome that a failure stands for.</summary>
    public static CallOutcome Of(Failure failure) => failure.Code switch
    {
        FailureCode.PolicyDenied => new("error_auth", "kontext_policy_denied", failure.Message),
        FailureCode.ApprovalRequired => new("error_auth", "kontext_approval_required", failure.Message),
        FailureCode.NotConnected or FailureCode.InvalidToken => new("error_auth", failure.Integration?.Reason ?? "not_connected", failure.Message),
        FailureCode.UpstreamFailed or FailureCode.RateLimited or FailureCode.Unavailable => new("error_remote", "upstream_failed", failure.Message),
        _ => new("error_proxy", "gateway_error", failure.Message),
    };
}

/// <summary>One call of an integration through the gateway, from the permit to the record of its end. Tools, resources and prompts alike.</summary>
public sealed class ToolCall(InjectedUpstream upstream, IAuditLog audit, TimeProvider time)
{
    /// <summary>Permits, injects and sends. What is returned is not yet on record as ended: <see cref="OngoingCall.CompleteAsync"/> has to come before the last byte leaves.</summary>
    /// <param name="caller">The agent.</param>
    /// <param name="integration">The integration.</param>
    /// <param name="operation">The tool's own name, or the method for what is not a tool (<c>resources/read</c>).</param>
    /// <param name="arguments">The arguments; <c>default</c> for none.</param>
    /// <param name="rawArguments">The same as UTF-8 JSON, for conditions of policy.</param>
    /// <param name="traceId">W3C trace id.</param>
    /// <param name="request">What to send.</param>
    /// <param name="cancellationToken">Ends the call at the server as well.</param>
    public async Task<Result<OngoingCall>> RunAsync(
        AgentCaller caller, Integration integration, string operation, JsonElement arguments, ReadOnlyMemory<byte> rawArguments, string? traceId, McpRequest request, CancellationToken cancellationToken)
    {
        var access = AccessRequest.Of(caller, integration, AccessKind.Operation, operation) with
        {
            Arguments = rawArguments,
            Target = CallTarget.Of(arguments),
            TraceId = traceId,
        };
        var call = new OngoingCall(audit, time, access);
        Result<InjectedAnswer<McpAnswer>> sent;
        try
        {
            sent = await upstream.BeginAsync(access, request, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            await call.CompleteAsync(CallOutcome.Cancelled);
            throw;
        }
        if (sent.TryGet(out var answer, out var failure))
            return call.With(answer);
        // What the broker refused it has recorded; what the server did not do is ours to record.
        if (failure is { Decision: null, Code: not (FailureCode.PolicyDenied or FailureCode.ApprovalRequired or FailureCode.NotConnected or FailureCode.InvalidTarget) })
            await call.CompleteAsync(CallOutcome.Of(failure));
        return await upstream.ExplainAsync(access, failure);
    }

    /// <summary>Records that a call was refused because its tool changed, or is not among those its server lists and cannot be held against anything, and gives the refusal.</summary>
    public async Task<Failure> HoldAsync(AgentCaller caller, Integration integration, string tool, bool listed, string? traceId, CancellationToken cancellationToken)
    {
        var held = new Failure(FailureCode.PolicyDenied, listed
            ? $"{tool} of {integration.Name} is held back: its server describes it otherwise than when it was accepted. An administrator has to look at the change."
            : $"{tool} of {integration.Name} is held back: its server does not list it, and only listed tools are called here.")
        {
            Integration = new FailedIntegration(integration.Id, integration.Name, "tool_quarantined"),
        };
        var access = AccessRequest.Of(caller, integration, AccessKind.Operation, tool) with { TraceId = traceId };
        return (await new OngoingCall(audit, time, access).CompleteAsync(new CallOutcome("error_auth", "tool_quarantined", held.Message))).TryGet(out _, out var unrecorded) ? held : unrecorded;
    }
}

/// <summary>A call whose answer is coming in.</summary>
public sealed class OngoingCall : IAsyncDisposable
{
    private readonly CallRecord record;
    private McpAnswer? answer;
    private Task injected = Task.CompletedTask;

    internal OngoingCall(IAuditLog audit, TimeProvider time, AccessRequest access) => (record, Integration) = (new CallRecord(audit, time, access), access.Integration);

    /// <summary>What the server says.</summary>
    public McpAnswer Answer => answer ?? throw new InvalidOperationException("The call has no answer.");

    /// <summary>Whom the call is made to.</summary>
    public Integration Integration { get; }

    /// <summary>The next part. INVARIANT: what may be passed on before the call's end is only given out when the injection is on record; the end's own record is written together with that,
    /// so <see cref="CompleteAsync"/> has to come before the last part leaves.</summary>
    public async ValueTask<Result<AnswerPart>> NextAsync(CancellationToken cancellationToken)
    {
        var next = await Answer.NextAsync(cancellationToken);
        if (injected.IsCompletedSuccessfully || !next.TryGet(out var part, out _) || (part.Last && Answer.ResultType != "input_required"))
            return next;
        await injected.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return injected.IsCompletedSuccessfully ? next : InjectedUpstream.Unrecorded(injected);
    }

    /// <summary>Records the end; durable, like the injection, when this succeeds.</summary>
    public async Task<Result<Done>> CompleteAsync(CallOutcome outcome)
    {
        var ended = record.CompleteAsync(outcome, answer?.BytesIn, answer?.BytesOut);
        await injected.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var end = await ended;
        return injected.IsCompletedSuccessfully ? end : InjectedUpstream.Unrecorded(injected);
    }

    /// <summary>Ends the call; one that was broken off is recorded as such.</summary>
    public async ValueTask DisposeAsync()
    {
        if (answer is not null)
            await answer.DisposeAsync();
        if (!record.Completed)
            await CompleteAsync(CallOutcome.Cancelled);
    }

    internal OngoingCall With(InjectedAnswer<McpAnswer> received)
    {
        (answer, injected) = (received.Answer, received.Recorded);
        return this;
    }
}

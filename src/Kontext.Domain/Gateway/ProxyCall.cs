using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Vault;

namespace Kontext.Domain.Gateway;

/// <summary>One request to an integration's API through the REST proxy, from the permit to the record of its end. Method and path are the operation that policy decides on.</summary>
public sealed class ProxyCall(CredentialBroker broker, InjectedUpstream upstream, IAuditLog audit, TimeProvider time)
{
    /// <summary>Permits, injects and sends. What is returned is not yet on record as ended: <see cref="OngoingProxyCall.CompleteAsync()"/> has to come before the last byte leaves.</summary>
    /// <param name="caller">The agent.</param>
    /// <param name="integration">An integration with an API.</param>
    /// <param name="request">What to send.</param>
    /// <param name="traceId">W3C trace id.</param>
    /// <param name="cancellationToken">Ends the call at the service as well.</param>
    public async Task<Result<OngoingProxyCall>> RunAsync(AgentCaller caller, Integration integration, RestRequest request, string traceId, CancellationToken cancellationToken)
    {
        var access = AccessRequest.Of(caller, integration, AccessKind.Operation, request.Operation) with
        {
            Arguments = RestArguments.Of(request),
            Target = request.Path.Text,
            TraceId = traceId,
        };
        var record = new CallRecord(audit, time, access);
        if (request.Body is { Seen: null } && (await broker.DecideAsync(access, cancellationToken)) is { Passes: false, Asks: true } decision)
            return await RefuseUnseenAsync(access, decision, record);
        Result<RestAnswer> sent;
        try
        {
            sent = await upstream.SendAsync(access, request, cancellationToken);
        }
        catch (Exception ended) when (ended is OperationCanceledException || request.Body?.Fault is not null)
        {
            await record.CompleteAsync(CallOutcome.Cancelled, request.Body?.Sent, bytesOut: null);
            throw;
        }
        if (sent.TryGet(out var answer, out var failure))
            return new OngoingProxyCall(answer, request.Body, record);
        // What the broker refused it has recorded; what the service did not do is ours to record.
        if (failure is { Decision: null, Code: not (FailureCode.PolicyDenied or FailureCode.ApprovalRequired or FailureCode.NotConnected or FailureCode.InvalidTarget) })
            await record.CompleteAsync(CallOutcome.Of(failure), request.Body?.Sent, bytesOut: null);
        return await upstream.ExplainAsync(access, failure);
    }

    // Nobody can approve what nobody can see, and an approval of one body must not serve for another.
    private static async Task<Failure> RefuseUnseenAsync(AccessRequest access, PolicyDecision decision, CallRecord record)
    {
        var unseen = new Failure(FailureCode.PolicyDenied, $"{access.Capability} needs a person's approval, which takes a body they can be shown: send at most 64 KiB, as JSON or with its length announced (Content-Length).")
        {
            Integration = new FailedIntegration(access.Integration.Id, access.Integration.Name, "policy_denied"),
            Decision = decision,
        };
        return (await record.CompleteAsync(CallOutcome.Of(unseen), bytesIn: null, bytesOut: null)).TryGet(out _, out var unrecorded) ? unseen : unrecorded;
    }
}

/// <summary>A proxied call whose answer is coming in.</summary>
public sealed class OngoingProxyCall : IAsyncDisposable
{
    private readonly RestBody? body;
    private readonly CallRecord record;

    internal OngoingProxyCall(RestAnswer answer, RestBody? body, CallRecord record) => (Answer, this.body, this.record) = (answer, body, record);

    /// <summary>What the service says.</summary>
    public RestAnswer Answer { get; }

    /// <summary>Records that the answer came in whole; durable when this succeeds.</summary>
    public Task<Result<Done>> CompleteAsync() => CompleteAsync(Answer.Status switch
    {
        < 400 => CallOutcome.Ok,
        < 500 => new CallOutcome("warn", "http_status", $"HTTP status {Answer.Status}"),
        _ => new CallOutcome("error_remote", "http_status", $"HTTP status {Answer.Status}"),
    });

    /// <summary>Records another end.</summary>
    public Task<Result<Done>> CompleteAsync(CallOutcome outcome) => record.CompleteAsync(outcome, body?.Sent ?? 0, Answer.BytesOut);

    /// <summary>Ends the call; one that was broken off is recorded as such.</summary>
    public async ValueTask DisposeAsync()
    {
        await Answer.DisposeAsync();
        if (!record.Completed)
            await CompleteAsync(CallOutcome.Cancelled);
    }
}

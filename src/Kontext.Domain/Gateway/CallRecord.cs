using Kontext.Domain.Audit;
using Kontext.Domain.Vault;

namespace Kontext.Domain.Gateway;

/// <summary>The audit entry of a call's end, whichever way the call took.</summary>
internal sealed class CallRecord(IAuditLog audit, TimeProvider time, AccessRequest access)
{
    private readonly long started = time.GetTimestamp();

    /// <summary>The end was recorded, or tried to be.</summary>
    public bool Completed { get; private set; }

    /// <summary>Records the end; durable when this succeeds. The caller's token has no say here, since the call did happen.</summary>
    public async Task<Result<Done>> CompleteAsync(CallOutcome outcome, long? bytesIn, long? bytesOut)
    {
        Completed = true;
        var recorded = audit.AppendAsync(access.Org, EventOf(outcome, bytesIn, bytesOut), CancellationToken.None);
        await recorded.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return recorded.IsCompletedSuccessfully ? default(Done) : InjectedUpstream.Unrecorded(recorded);
    }

    private AuditEvent EventOf(CallOutcome outcome, long? bytesIn, long? bytesOut) => new()
    {
        At = time.GetUtcNow(),
        Type = AuditTypes.ApiCall,
        Status = outcome.Status,
        Agent = new AuditParty(access.Application.Id.ToString(), access.Application.Name),
        User = access.User is null ? null : new AuditParty(access.User.Id.ToString(), access.User.DisplayName),
        Act = access.Act?.Chain,
        SessionId = access.Session?.Id.ToString(),
        TraceId = access.TraceId,
        Integration = new AuditParty(access.Integration.Id.ToString(), access.Integration.Name),
        Capability = access.Capability,
        Target = access.Target,
        ErrorType = outcome.ErrorType,
        ErrorMessage = outcome.ErrorMessage,
        DurationMs = time.GetElapsedTime(started).TotalMilliseconds,
        BytesIn = bytesIn,
        BytesOut = bytesOut,
    };
}

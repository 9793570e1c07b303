using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;

namespace Kontext.Domain.Gateway;

/// <summary>An answer, and the audit entry of the injection that it was had with, on its way: nothing of the answer may leave before that is durable.</summary>
/// <param name="Answer">The answer.</param>
/// <param name="Recorded">The entry.</param>
internal readonly record struct InjectedAnswer<T>(T Answer, Task Recorded);

/// <summary>The broker and the upstream put together: credential in, one renewal when it is refused, and no answer before the injection is on record.</summary>
public sealed class InjectedUpstream(CredentialBroker broker, IMcpUpstream upstream, IRestUpstream api, ScopeStepUp stepUp, ProviderPauses pauses)
{
    /// <summary>Sends a request for an agent, and leaves it to the caller to await the entry of the injection, so that its writing goes on while the answer comes in. What fails is on record already.</summary>
    internal Task<Result<InjectedAnswer<McpAnswer>>> BeginAsync(AccessRequest access, McpRequest request, CancellationToken cancellationToken) =>
        InjectAsync(access, credential => upstream.SendAsync(access.Integration, credential, request with { Party = PartyOf(access) }, cancellationToken), static () => true, cancellationToken);

    /// <summary>Sends a request for an agent. <see cref="FailureCode.InvalidToken"/> means that a renewed credential was refused, too. The audit entry of the injection is written while the server works, and is durable when this returns.</summary>
    public Task<Result<McpAnswer>> SendAsync(AccessRequest access, McpRequest request, CancellationToken cancellationToken) =>
        RunAsync(access, credential => upstream.SendAsync(access.Integration, credential, request with { Party = PartyOf(access) }, cancellationToken), static answer => answer.DisposeAsync(), static () => true, cancellationToken);

    /// <summary>The same for a request to the integration's API. It is repeated only as long as its body is at hand from the beginning.</summary>
    public Task<Result<RestAnswer>> SendAsync(AccessRequest access, RestRequest request, CancellationToken cancellationToken) =>
        RunAsync(access, credential => api.SendAsync(access.Integration, credential, request, cancellationToken), static answer => answer.DisposeAsync(), () => request.Body is null or { MayRepeat: true }, cancellationToken);

    /// <summary>Asks a server what it offers, for an agent, and opens a session there when the agent has one here.</summary>
    public Task<Result<McpServerDescription>> DescribeAsync(AccessRequest access, McpClientSession? session, CancellationToken cancellationToken) =>
        RunAsync(access, credential => upstream.DescribeAsync(access.Integration, credential, PartyOf(access), session, cancellationToken), static _ => ValueTask.CompletedTask, static () => true, cancellationToken);

    /// <summary>Opens the stream on which an older server speaks unasked.</summary>
    public Task<Result<McpAnswer>> ListenAsync(AccessRequest access, McpClientSession session, CancellationToken cancellationToken) =>
        RunAsync(access, credential => upstream.ListenAsync(access.Integration, credential, PartyOf(access), session, cancellationToken), static answer => answer.DisposeAsync(), static () => true, cancellationToken);

    /// <summary>Sends a message that has no answer into a session at an older server.</summary>
    public Task<Result<Done>> PostAsync(AccessRequest access, string route, ReadOnlyMemory<byte> message, CancellationToken cancellationToken) =>
        RunAsync(access, credential => upstream.PostAsync(access.Integration, credential, route, message, cancellationToken), static _ => ValueTask.CompletedTask, static () => true, cancellationToken);

    /// <summary>Ends a session at an older server.</summary>
    public Task<Result<Done>> EndAsync(AccessRequest access, string route, CancellationToken cancellationToken) =>
        RunAsync(access, credential => upstream.EndAsync(access.Integration, credential, route, cancellationToken), static _ => ValueTask.CompletedTask, static () => true, cancellationToken);

    /// <summary>What policy has by now against an operation that was let through before; its refusal is on record. Null when it denies nothing: an approval that was needed had been given then.</summary>
    public async Task<Failure?> ObjectionAsync(AccessRequest access, CancellationToken cancellationToken)
    {
        if (await broker.DecideAsync(access, cancellationToken) is { Passes: true } or { Asks: true })
            return null;
        if (!(await broker.AcquireAsync(access, cancellationToken)).TryGet(out var acquired, out var denied))
            return denied;
        // The rules were changed back at this moment.
        await acquired.Recorded;
        return null;
    }

    /// <summary>What the server's refusal comes down to for the agent: a credential refused twice, or one that lacks scopes, has its person connect again.</summary>
    public async Task<Failure> ExplainAsync(AccessRequest access, Failure failure) => failure switch
    {
        { Code: FailureCode.InvalidToken } => Refused(access.Integration),
        { DemandedScopes: { } scopes } when access.Integration.AuthMode == AuthMode.Oauth => await stepUp.NoteAsync(access, [.. scopes]),
        _ => failure,
    };

    /// <summary>What a credential that the server refused twice comes down to: the person has to connect again.</summary>
    public static Failure Refused(Integration integration) =>
        new(FailureCode.NotConnected, $"{integration.Name} does not accept the connection's credential. The person has to connect it again.")
        {
            Integration = new FailedIntegration(integration.Id, integration.Name, "disconnected_or_reauth_required"),
        };

    /// <summary>What a failed write to the audit trail comes down to: nothing leaves that is not on record.</summary>
    internal static Failure Unrecorded(Task append) =>
        new(FailureCode.Unavailable, "The call could not be recorded in the audit trail, so its answer is withheld. Try again shortly.", append.Exception?.GetBaseException().Message);

    private static McpParty PartyOf(AccessRequest access) => new(access.Org, access.User?.Id);

    private async Task<Result<T>> RunAsync<T>(AccessRequest access, Func<Secret?, Task<Result<T>>> send, Func<T, ValueTask> discard, Func<bool> mayRepeat, CancellationToken cancellationToken)
    {
        if (!(await InjectAsync(access, send, mayRepeat, cancellationToken)).TryGet(out var injected, out var failure))
            return failure;
        await injected.Recorded.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (injected.Recorded.IsCompletedSuccessfully)
            return injected.Answer;
        await discard(injected.Answer);
        return Unrecorded(injected.Recorded);
    }

    private async Task<Result<InjectedAnswer<T>>> InjectAsync<T>(AccessRequest access, Func<Secret?, Task<Result<T>>> send, Func<bool> mayRepeat, CancellationToken cancellationToken)
    {
        if (await pauses.HoldAsync(access, cancellationToken) is { } held)
            return held;
        if (!(await broker.AcquireAsync(access, cancellationToken)).TryGet(out var acquired, out var failure))
            return failure;
        var sent = await SendAsync(acquired, send);
        if (IsLimited(access, sent) && mayRepeat() && await pauses.HoldAsync(access, cancellationToken) is null)
        {
            // A service that asks to wait has not carried the call out.
            sent = await SendAsync(acquired, send);
            IsLimited(access, sent);
        }
        if (sent.TryGet(out _, out failure) || failure.Code != FailureCode.InvalidToken)
            return sent;

        if (!(await broker.RenewAsync(access, acquired, cancellationToken)).TryGet(out var renewed, out var refusal))
            return refusal;
        if (mayRepeat())
            return await SendAsync(renewed, send);
        await renewed.Recorded.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return new Failure(FailureCode.Unavailable, $"{access.Integration.Name} refused the credential, which has been renewed. The request's body is no longer at hand: send it again.") { RetryAfter = TimeSpan.FromSeconds(1) };
    }

    private bool IsLimited<T>(AccessRequest access, Result<InjectedAnswer<T>> sent)
    {
        if (sent.TryGet(out _, out var failure) || failure is not { Code: FailureCode.RateLimited, RetryAfter: { } wait })
            return false;
        pauses.Note(access, wait);
        return true;
    }

    private static async Task<Result<InjectedAnswer<T>>> SendAsync<T>(AcquiredCredential credential, Func<Secret?, Task<Result<T>>> send)
    {
        var answered = false;
        try
        {
            var sent = await send(credential.Value);
            answered = sent.TryGet(out var value, out var failure);
            if (answered)
                return new InjectedAnswer<T>(value!, credential.Recorded);
            await credential.Recorded.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return credential.Recorded.IsCompletedSuccessfully ? failure! : Unrecorded(credential.Recorded);
        }
        finally
        {
            // Also when the call was cancelled: a fault of the trail must not go unobserved.
            if (!answered)
                await credential.Recorded.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}

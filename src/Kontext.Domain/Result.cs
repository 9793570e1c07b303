using System.Diagnostics.CodeAnalysis;

namespace Kontext.Domain;

/// <summary>Why a caller did not get what was asked for. Each surface says each of these in its own words.</summary>
public enum FailureCode
{
    /// <summary>Malformed or incomplete request.</summary>
    InvalidRequest,

    /// <summary>The client could not be identified or authenticated.</summary>
    InvalidClient,

    /// <summary>The client may not use this grant or operation.</summary>
    UnauthorizedClient,

    /// <summary>A code, refresh token or subject token that is unknown, spent, expired or somebody else's.</summary>
    InvalidGrant,

    /// <summary>An access token that is missing, malformed, expired, revoked or meant for another resource.</summary>
    InvalidToken,

    /// <summary>More was asked for than may be granted.</summary>
    InvalidScope,

    /// <summary>The token lacks a scope this operation needs.</summary>
    InsufficientScope,

    /// <summary>A resource that is unknown or not available to this application (RFC 8707).</summary>
    InvalidTarget,

    /// <summary>A DPoP proof that is missing, malformed, used before or not made for this request (RFC 9449).</summary>
    InvalidDPoPProof,

    /// <summary>The DPoP proof lacks a nonce of ours (RFC 9449 section 8).</summary>
    UseDPoPNonce,

    /// <summary>The grant type is not one of ours.</summary>
    UnsupportedGrantType,

    /// <summary>The response type is not one of ours.</summary>
    UnsupportedResponseType,

    /// <summary>The person refused.</summary>
    AccessDenied,

    /// <summary>The person has not decided about a device yet (RFC 8628 section 3.5).</summary>
    AuthorizationPending,

    /// <summary>As before, and the agent polls too often (RFC 8628 section 3.5).</summary>
    SlowDown,

    /// <summary>A device code nobody decided about in time (RFC 8628 section 3.5).</summary>
    ExpiredToken,

    /// <summary>There is no such thing, or it is another organization's, which must look the same.</summary>
    NotFound,

    /// <summary>The person has no usable connection to the integration.</summary>
    NotConnected,

    /// <summary>A policy layer denied the request.</summary>
    PolicyDenied,

    /// <summary>The request waits for the person's approval.</summary>
    ApprovalRequired,

    /// <summary>The caller is known, but this needs a role it does not have.</summary>
    Forbidden,

    /// <summary>The state changed under the caller, or the name is taken.</summary>
    Conflict,

    /// <summary>An administrator has to finish the configuration first.</summary>
    Misconfigured,

    /// <summary>The address takes other methods.</summary>
    MethodNotAllowed,

    /// <summary>The request's body is larger than allowed.</summary>
    TooLarge,

    /// <summary>Too many requests.</summary>
    RateLimited,

    /// <summary>A part we depend on does not answer right now; trying again may help.</summary>
    Unavailable,

    /// <summary>The external service answered with an error.</summary>
    UpstreamFailed,

    /// <summary>A fault of the program itself, which nothing the caller sends can mend.</summary>
    Unexpected,
}

/// <summary>What went wrong, for the caller (<see cref="Message"/>) and, separately, for the operator (<see cref="Detail"/>).</summary>
/// <param name="Code">The kind; surfaces map it to their status and error codes.</param>
/// <param name="Message">Shown to the caller: says what to do, contains no secret and nothing about other tenants.</param>
/// <param name="Detail">Logged only; never a secret either.</param>
public sealed record Failure(FailureCode Code, string Message, string? Detail = null)
{
    /// <summary>The integration the failure is about, when there is one.</summary>
    public FailedIntegration? Integration { get; init; }

    /// <summary>Where the person sets right what failed, made for them; null when there is no such address.</summary>
    public Uri? ConnectUrl { get; init; }

    /// <summary>Where the person decides, for <see cref="FailureCode.ApprovalRequired"/>.</summary>
    public Policies.ApprovalLink? Approval { get; init; }

    /// <summary>The decision that denied, for <see cref="FailureCode.PolicyDenied"/>.</summary>
    public Policies.PolicyDecision? Decision { get; init; }

    /// <summary>When trying again makes sense, for <see cref="FailureCode.Unavailable"/> and <see cref="FailureCode.RateLimited"/>.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Scopes the external service demanded and the credential lacks (RFC 6750 section 3.1); null when that is not what failed.</summary>
    public IReadOnlyList<string>? DemandedScopes { get; init; }

    /// <summary>The revision that holds now, when <see cref="FailureCode.Conflict"/> is about another one that was expected.</summary>
    public int? CurrentRevision { get; init; }

    /// <summary>Field name to messages, for <see cref="FailureCode.InvalidRequest"/> on the management API and in forms.</summary>
    public IReadOnlyDictionary<string, string>? Fields { get; init; }
}

/// <summary>Names the integration in a failure and tells machine-readably why it cannot be used (contract 3.4.5).</summary>
public sealed record FailedIntegration(IntegrationId Id, string Name, string Reason);

/// <summary>A value or the failure that took its place. The default instance is neither and throws.</summary>
/// <typeparam name="T">The value's type.</typeparam>
[SuppressMessage("Usage", "CA2225:Operator overloads have named alternates", Justification = "Result.Of is the named alternate.")]
public readonly struct Result<T>
{
    private readonly T? value;
    private readonly Failure? failure;
    private readonly bool present;

    internal Result(T value) => (this.value, failure, present) = (value, null, true);

    private Result(Failure failure) => (value, this.failure, present) = (default, failure, true);

    /// <summary>A success.</summary>
    public static implicit operator Result<T>(T value) => new(value);

    /// <summary>A failure.</summary>
    public static implicit operator Result<T>(Failure failure) => new(failure);

    /// <summary>Tells which of the two it is, and gives it.</summary>
    public bool TryGet([MaybeNullWhen(false)] out T result, [NotNullWhen(false)] out Failure? error)
    {
        if (!present)
            throw new InvalidOperationException("An empty Result was read.");
        result = value;
        error = failure;
        return failure is null;
    }
}

/// <summary>Makes results where the implicit conversions cannot (interface-typed values).</summary>
public static class Result
{
    /// <summary>A success.</summary>
    public static Result<T> Of<T>(T value) => new(value);
}

/// <summary>The value of an operation that only succeeds or fails.</summary>
public readonly record struct Done;

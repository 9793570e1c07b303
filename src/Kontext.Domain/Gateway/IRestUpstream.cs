using Kontext.Domain.Integrations;

namespace Kontext.Domain.Gateway;

/// <summary>A request for an integration's API, as the agent means it: without credentials and without what concerns only the agent's connection to us.</summary>
public sealed record RestRequest
{
    /// <summary>The HTTP method.</summary>
    public required string Method { get; init; }

    /// <summary>The path below the integration's base address.</summary>
    public required RestPath Path { get; init; }

    /// <summary>The query with its question mark, as sent; empty for none.</summary>
    public required string Query { get; init; }

    /// <summary>The agent's headers, as they came.</summary>
    public required IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; }

    /// <summary>The body; null when there is none.</summary>
    public RestBody? Body { get; init; }

    /// <summary>Doing it twice does what doing it once does (RFC 9110 section 9.2.2).</summary>
    public bool IsIdempotent => Method is "GET" or "HEAD" or "OPTIONS" or "PUT" or "DELETE";

    /// <summary>What policy calls it: method and path. HEAD is a GET without its content (RFC 9110 section 9.3.2).</summary>
    public string Operation => $"{(Method == "HEAD" ? "GET" : Method)} {Path.Text}";
}

/// <summary>A request's body on its way through. A bounded beginning of it is kept, so that a small one can be sent again.</summary>
public abstract class RestBody
{
    /// <summary>Its length; null when the agent did not say.</summary>
    public abstract long? Length { get; }

    /// <summary>The whole of it, when it was small enough to be read before the call; null otherwise.</summary>
    public abstract ReadOnlyMemory<byte>? Seen { get; }

    /// <summary>It can be sent (again) from its beginning.</summary>
    public abstract bool MayRepeat { get; }

    /// <summary>Bytes passed on so far.</summary>
    public abstract long Sent { get; }

    /// <summary>Why reading it from the agent failed; null when it did not.</summary>
    public abstract Exception? Fault { get; }

    /// <summary>Passes it on from its beginning, as it comes in; <paramref name="progress"/> is called after every piece.</summary>
    public abstract Task CopyToAsync(Stream target, Action progress, CancellationToken cancellationToken);
}

/// <summary>An API's answer as it comes in. Disposing it before its end cancels the call at the service.</summary>
public abstract class RestAnswer : IAsyncDisposable
{
    /// <summary>The HTTP status.</summary>
    public abstract int Status { get; }

    /// <summary>Its headers without what concerns only the connection to the service, and free of the credential.</summary>
    public abstract IReadOnlyList<KeyValuePair<string, string>> Headers { get; }

    /// <summary>The body's length, also of one that is not sent (HEAD); null when it is not known.</summary>
    public abstract long? Length { get; }

    /// <summary>A body follows.</summary>
    public abstract bool HasBody { get; }

    /// <summary>Bytes of the body given out so far.</summary>
    public abstract long BytesOut { get; }

    /// <summary>The next piece of the body, free of the credential and valid until the next call; empty at the end. A failure when the service breaks off or falls silent.</summary>
    public abstract ValueTask<Result<ReadOnlyMemory<byte>>> NextAsync(CancellationToken cancellationToken);

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();
}

/// <summary>Calls the HTTP APIs of integrations. It alone sees the credential.</summary>
public interface IRestUpstream
{
    /// <summary>Sends one request with the credential injected. <see cref="FailureCode.InvalidToken"/> means that the service refused the credential, <see cref="FailureCode.RateLimited"/> that it asks to wait.</summary>
    Task<Result<RestAnswer>> SendAsync(Integration integration, Secret? credential, RestRequest request, CancellationToken cancellationToken);
}

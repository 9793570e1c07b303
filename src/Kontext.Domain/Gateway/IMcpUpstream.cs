using System.Text.Json;
using Kontext.Domain.Integrations;

namespace Kontext.Domain.Gateway;

/// <summary>A client that a server can ask something, or that keeps state at the server: it gets a session of its own there. Servers of 2026-07-28 know no sessions.</summary>
/// <param name="Id">Tells it apart from all other clients.</param>
/// <param name="Capabilities">What it can be asked, as a JSON object in the words of <c>initialize</c>.</param>
public sealed record McpClientSession(string Id, ReadOnlyMemory<byte> Capabilities)
{
    /// <summary>The session another instance opened for it; null when none is known. See <see cref="McpServerDescription.Route"/>.</summary>
    public string? Route { get; init; }
}

/// <summary>For whom a server is asked. No two share a session there, whatever credential they have in common.</summary>
/// <param name="Org">The organization.</param>
/// <param name="User">The person; null when it is nobody in particular.</param>
public readonly record struct McpParty(OrgId Org, UserId? User);

/// <summary>What is asked of an integration's MCP server, independent of the protocol revision it speaks.</summary>
public sealed record McpRequest
{
    /// <summary>The JSON-RPC method.</summary>
    public required string Method { get; init; }

    /// <summary>The name of the tool or prompt, or the URI of the resource, as the server calls it; null for the other methods. Modern servers get it as a header.</summary>
    public string? Name { get; init; }

    /// <summary>The members of <c>params</c> without <c>_meta</c>: raw UTF-8 JSON between, not including, the braces.</summary>
    public ReadOnlyMemory<byte> Members { get; init; }

    /// <summary>The client's <c>_meta</c>; <c>default</c> when it sent none.</summary>
    public JsonElement Meta { get; init; }

    /// <summary>The client speaks 2026-07-28, so what its <c>_meta</c> says of its capabilities holds for the server as well.</summary>
    public bool Modern { get; init; }

    /// <summary>The client can get at a task that the server makes of this. Where it cannot, the server is not told that the client knows tasks.</summary>
    public bool Tasks { get; init; }

    /// <summary><c>Mcp-Param-*</c> headers for modern servers: name and value, encoded.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> ParameterHeaders { get; init; } = [];

    /// <summary>The least level of log messages an older client wants, which modern servers are told with each request; null when the client says it in <see cref="Meta"/>, or wants none.</summary>
    public string? LogLevel { get; init; }

    /// <summary>For whom it is asked.</summary>
    public McpParty Party { get; init; }

    /// <summary>The client, when it has a session of its own at older servers; null when the session is one that nobody can be asked in.</summary>
    public McpClientSession? Session { get; init; }
}

/// <summary>What a server says of itself.</summary>
/// <param name="Resources">It has resources.</param>
/// <param name="Prompts">It has prompts.</param>
/// <param name="Completions">It completes arguments.</param>
/// <param name="Instructions">Its advice to models; null when it gives none.</param>
public sealed record McpServerDescription(bool Resources, bool Prompts, bool Completions, string? Instructions)
{
    /// <summary>It speaks 2026-07-28.</summary>
    public bool Modern { get; init; }

    /// <summary>It sends log messages.</summary>
    public bool Logging { get; init; }

    /// <summary>It tells of changes of single resources.</summary>
    public bool ResourceSubscriptions { get; init; }

    /// <summary>It tells when its list of tools changes.</summary>
    public bool ToolChanges { get; init; }

    /// <summary>It tells when its list of prompts changes.</summary>
    public bool PromptChanges { get; init; }

    /// <summary>It tells when its list of resources changes.</summary>
    public bool ResourceChanges { get; init; }

    /// <summary>It may make tasks of calls (extension <c>io.modelcontextprotocol/tasks</c>).</summary>
    public bool Tasks { get; init; }

    /// <summary>It makes tasks of tool calls in the way of MCP 2025-11-25 (tasks, capabilities).</summary>
    public bool CallTasks { get; init; }

    /// <summary>It cancels such tasks.</summary>
    public bool CancelsTasks { get; init; }

    /// <summary>It lists such tasks.</summary>
    public bool ListsTasks { get; init; }

    /// <summary>Names the session at an older server to every instance; null when there is none.</summary>
    public string? Route { get; init; }
}

/// <summary>What a part of an answer is.</summary>
public enum AnswerPartKind
{
    /// <summary>A whole JSON-RPC notification that came ahead of the response.</summary>
    Notification,

    /// <summary>Members of the result object, raw, without its braces and without <c>resultType</c>, <c>ttlMs</c> and <c>cacheScope</c>; the parts of one result follow each other.</summary>
    Result,

    /// <summary>The whole JSON-RPC error object in place of a result.</summary>
    Error,

    /// <summary>A whole JSON-RPC request of the server's own for the client, which the rest of the answer waits for.</summary>
    Question,
}

/// <summary>A part of an answer. Its bytes are valid until the next part is asked for.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Bytes">UTF-8 JSON, free of the credential.</param>
/// <param name="Last">Nothing follows.</param>
public readonly record struct AnswerPart(AnswerPartKind Kind, ReadOnlyMemory<byte> Bytes, bool Last);

/// <summary>An answer as it comes in. Disposing it before its end cancels the call at the server.</summary>
public abstract class McpAnswer : IAsyncDisposable
{
    /// <summary>The next part; a failure when the server breaks off, breaks the protocol, or takes too long.</summary>
    public abstract ValueTask<Result<AnswerPart>> NextAsync(CancellationToken cancellationToken);

    /// <summary>The result's <c>isError</c>; settled with the last part.</summary>
    public abstract bool IsError { get; }

    /// <summary>The result's <c>resultType</c>; null when it has none, as of older servers. Settled with the last part.</summary>
    public abstract string? ResultType { get; }

    /// <summary>The result's <c>ttlMs</c>; zero when it has none. Settled with the last part.</summary>
    public abstract long TtlMs { get; }

    /// <summary>Names the session that answers to the server's questions have to be sent in; null when there is none.</summary>
    public virtual string? Route => null;

    /// <summary>Gives the call the time that a person takes to answer.</summary>
    public virtual void AwaitPerson()
    {
    }

    /// <summary>Bytes sent to the server.</summary>
    public abstract long BytesIn { get; }

    /// <summary>Bytes received from it so far.</summary>
    public abstract long BytesOut { get; }

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();
}

/// <summary>Calls MCP servers, of whichever protocol revision. It alone sees the credential, and keeps in memory only what any instance can find out again.</summary>
public interface IMcpUpstream
{
    /// <summary>Sends one request with the credential injected. <see cref="FailureCode.InvalidToken"/> means that the server refused the credential.</summary>
    Task<Result<McpAnswer>> SendAsync(Integration integration, Secret? credential, McpRequest request, CancellationToken cancellationToken);

    /// <summary>What the server offers besides tools. For a client with a session, an older server has one open for it afterwards.</summary>
    Task<Result<McpServerDescription>> DescribeAsync(Integration integration, Secret? credential, McpParty party, McpClientSession? session, CancellationToken cancellationToken);

    /// <summary>Opens the stream on which an older server tells a client what belongs to none of its requests: notifications and questions, no result.</summary>
    Task<Result<McpAnswer>> ListenAsync(Integration integration, Secret? credential, McpParty party, McpClientSession session, CancellationToken cancellationToken);

    /// <summary>Sends a message that has no answer, such as the answer to a question, into a session that any instance may have opened.</summary>
    Task<Result<Done>> PostAsync(Integration integration, Secret? credential, string route, ReadOnlyMemory<byte> message, CancellationToken cancellationToken);

    /// <summary>Ends a client's session at the server.</summary>
    Task<Result<Done>> EndAsync(Integration integration, Secret? credential, string route, CancellationToken cancellationToken);
}

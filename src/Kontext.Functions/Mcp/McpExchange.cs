using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Integrations;

namespace Kontext.Functions.Mcp;

/// <summary>A JSON-RPC error with the HTTP status it travels under.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Code">JSON-RPC code.</param>
/// <param name="Message">For the client.</param>
internal sealed record McpError(int Status, int Code, string Message)
{
    /// <summary>Writes the members of <c>data</c>; null for none.</summary>
    public Action<Utf8JsonWriter>? Data { get; init; }
}

/// <summary>One request and its answer: who asks, in which era of the protocol, and whether events have gone out already.</summary>
internal sealed class McpExchange(HttpContext http, AgentCaller caller, JsonRpcRequest request, bool modern, Integration? only)
{
    private static readonly byte[] EventStart = "event: message\ndata: "u8.ToArray();

    /// <summary>The HTTP exchange.</summary>
    public HttpContext Http { get; } = http;

    /// <summary>The agent.</summary>
    public AgentCaller Caller { get; } = caller;

    /// <summary>What it asks.</summary>
    public JsonRpcRequest Request { get; } = request;

    /// <summary>It speaks 2026-07-28.</summary>
    public bool Modern { get; } = modern;

    /// <summary>The one integration of the address; null at <c>/mcp</c>.</summary>
    public Integration? Only { get; } = only;

    /// <summary>The client's session; null for clients without one.</summary>
    public ClientSession? Session { get; init; }

    /// <summary>Ends when the client goes away.</summary>
    public CancellationToken Aborted => Http.RequestAborted;

    /// <summary>W3C trace id: the client's, from <c>_meta</c> or header, or a new one. Logs and spans have the same.</summary>
    public string TraceId { get; } = (Activity.Current?.TraceId ?? ActivityTraceId.CreateRandom()).ToHexString();

    /// <summary>Why the answer is an error, as telemetry calls it; null while it is none.</summary>
    public string? ErrorType { get; set; }

    /// <summary>The answer has become a stream of events.</summary>
    public bool Events { get; private set; }

    /// <summary>A message has begun and not ended: nothing but the rest of it may follow.</summary>
    public bool Midway { get; private set; }

    /// <summary>Turns the answer into a stream of events, for what has to go out before the response.</summary>
    public void StartEvents()
    {
        if (Events)
            return;
        Events = true;
        // By an earlier message of a batch.
        if (Http.Response.HasStarted)
            return;
        Http.Response.StatusCode = StatusCodes.Status200OK;
        Http.Response.ContentType = "text/event-stream";
        Http.Response.Headers.CacheControl = "no-store";
        Http.Response.Headers["X-Accel-Buffering"] = "no";
    }

    /// <summary>Begins a message: the event's frame, or the headers of a JSON answer.</summary>
    public void BeginMessage(int status)
    {
        Midway = true;
        if (Events)
        {
            Http.Response.BodyWriter.Write(EventStart);
            return;
        }
        Http.Response.StatusCode = status;
        Http.Response.ContentType = "application/json";
        Http.Response.Headers.CacheControl = "no-store";
    }

    /// <summary>Writes bytes of a message. Line ends, which JSON has only between tokens, would end the event and become blanks.</summary>
    public void Write(ReadOnlySpan<byte> json)
    {
        if (!Events || json.IndexOfAny((byte)'\n', (byte)'\r') < 0)
        {
            Http.Response.BodyWriter.Write(json);
            return;
        }
        var line = json.ToArray();
        line.AsSpan().Replace((byte)'\n', (byte)' ');
        line.AsSpan().Replace((byte)'\r', (byte)' ');
        Http.Response.BodyWriter.Write(line);
    }

    /// <summary>Ends a message and sends it off.</summary>
    public async ValueTask EndMessageAsync()
    {
        if (Events)
            Http.Response.BodyWriter.Write("\n\n"u8);
        Midway = false;
        await Http.Response.BodyWriter.FlushAsync(Aborted);
    }

    /// <summary>Ends the answer to a request that its client cancelled: nothing is said to it any more (MCP 2025-11-25, cancellation).</summary>
    public void EndCancelled()
    {
        ErrorType ??= "cancelled";
        if (Midway)
            Http.Abort();
        else if (!Http.Response.HasStarted)
            StartEvents();
    }

    /// <summary>Sends a whole message ahead of the response.</summary>
    public async Task NotifyAsync(ReadOnlyMemory<byte> message)
    {
        StartEvents();
        BeginMessage(StatusCodes.Status200OK);
        Write(message.Span);
        await EndMessageAsync();
    }

    /// <summary>Says that we are still there, so that nobody on the way takes the stream for dead.</summary>
    public async Task KeepAliveAsync()
    {
        Http.Response.BodyWriter.Write(": waiting\n\n"u8);
        await Http.Response.BodyWriter.FlushAsync(Aborted);
    }

    /// <summary>Answers with a result of our own.</summary>
    /// <param name="members">Writes the result's members.</param>
    /// <param name="resultType">What modern clients are told it is.</param>
    /// <param name="ttl">For results that may be cached: how long; null for the others.</param>
    /// <param name="meta">Writes further members of <c>_meta</c>; null for none.</param>
    public async Task ResultAsync(Action<Utf8JsonWriter> members, string resultType = "complete", TimeSpan? ttl = null, Action<Utf8JsonWriter>? meta = null)
    {
        var body = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(body))
        {
            Begin(writer, Request.Id);
            writer.WriteStartObject("result"u8);
            members(writer);
            if (Modern)
            {
                writer.WriteString("resultType"u8, resultType);
                if (ttl is { } life)
                {
                    writer.WriteNumber("ttlMs"u8, (long)life.TotalMilliseconds);
                    writer.WriteString("cacheScope"u8, "private"u8);
                }
            }
            if (Modern || meta is not null)
            {
                writer.WriteStartObject("_meta"u8);
                if (Modern)
                    ServerInfo(writer, McpProtocol.MetaServerInfo);
                meta?.Invoke(writer);
                writer.WriteEndObject();
            }
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        await SendAsync(StatusCodes.Status200OK, body.WrittenMemory);
    }

    /// <summary>Answers with an error.</summary>
    public Task ErrorAsync(McpError error)
    {
        ErrorType ??= error.Code.ToString(CultureInfo.InvariantCulture);
        return SendAsync(Modern || error.Status != 404 ? error.Status : 200, Body(Request.Id, error));
    }

    /// <summary>An error as a JSON-RPC message.</summary>
    public static ReadOnlyMemory<byte> Body(ReadOnlyMemory<byte> id, McpError error)
    {
        var body = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(body))
        {
            Begin(writer, id);
            writer.WriteStartObject("error"u8);
            writer.WriteNumber("code"u8, error.Code);
            writer.WriteString("message"u8, error.Message);
            if (error.Data is { } data)
            {
                writer.WriteStartObject("data"u8);
                data(writer);
                writer.WriteEndObject();
            }
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        return body.WrittenMemory;
    }

    /// <summary>Writes who we are.</summary>
    public static void ServerInfo(Utf8JsonWriter writer, string name)
    {
        writer.WriteStartObject(name);
        writer.WriteString("name"u8, "kontext"u8);
        writer.WriteString("title"u8, "Kontext"u8);
        writer.WriteString("version"u8, "1"u8);
        writer.WriteEndObject();
    }

    private static void Begin(Utf8JsonWriter writer, ReadOnlyMemory<byte> id)
    {
        writer.WriteStartObject();
        writer.WriteString("jsonrpc"u8, "2.0"u8);
        writer.WritePropertyName("id"u8);
        if (id.IsEmpty)
            writer.WriteNullValue();
        else
            writer.WriteRawValue(id.Span, skipInputValidation: true);
    }

    private async Task SendAsync(int status, ReadOnlyMemory<byte> message)
    {
        BeginMessage(status);
        Write(message.Span);
        await EndMessageAsync();
    }
}

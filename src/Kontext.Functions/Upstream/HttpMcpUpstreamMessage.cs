using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Runtime.InteropServices;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Functions.Mcp;

namespace Kontext.Functions.Upstream;

/// <summary>Writes what goes to an MCP server, in the words of the revision it speaks. Nothing of the client's own headers is among it.</summary>
internal static class HttpMcpUpstreamMessage
{
    private static readonly MediaTypeHeaderValue Json = new("application/json");
    private static readonly ReadOnlyMemory<byte> ClientInfo = """{"name":"kontext","version":"1"}"""u8.ToArray();

    /// <summary>A request in the revision of the server.</summary>
    public static HttpRequestMessage Of(Integration integration, Secret? credential, McpRequest request, UpstreamEra era, long id, out int length)
    {
        var body = new ArrayBufferWriter<byte>(256 + request.Members.Length);
        body.Write("{\"jsonrpc\":\"2.0\",\"id\":"u8);
        WriteNumber(body, id);
        body.Write(",\"method\":\""u8);
        body.Write(System.Text.Encoding.UTF8.GetBytes(request.Method));
        body.Write("\",\"params\":{"u8);
        body.Write(request.Members.Span);
        WriteMeta(body, request, era, first: request.Members.IsEmpty);
        body.Write("}}"u8);
        length = body.WrittenCount;

        var message = Post(integration, credential, body.WrittenMemory, era.Endpoint);
        SetVersion(message, era);
        if (era.Modern)
        {
            message.Headers.TryAddWithoutValidation("Mcp-Method", request.Method);
            if (request.Name is not null)
                message.Headers.TryAddWithoutValidation("Mcp-Name", HeaderText.Encode(request.Name));
            foreach (var (name, value) in request.ParameterHeaders)
                message.Headers.TryAddWithoutValidation(name, value);
        }
        return message;
    }

    /// <summary>A message of our own, such as <c>notifications/initialized</c>, in a session.</summary>
    public static HttpRequestMessage InSession(Integration integration, Secret? credential, ReadOnlyMemory<byte> body, UpstreamEra era)
    {
        var message = Post(integration, credential, body, era.Endpoint);
        SetVersion(message, era);
        return message;
    }

    /// <summary>The question that a modern server answers and an older one does not know (MCP 2026-07-28, versioning).</summary>
    public static HttpRequestMessage Discover(Integration integration, Secret? credential)
    {
        var message = Post(integration, credential, """{"jsonrpc":"2.0","id":0,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"kontext","version":"1"}}}}"""u8.ToArray());
        message.Headers.TryAddWithoutValidation("MCP-Protocol-Version", McpProtocol.Modern);
        message.Headers.TryAddWithoutValidation("Mcp-Method", "server/discover");
        return message;
    }

    /// <summary>The first message of the older revisions. It declares what the client with this session can be asked; in a session that all share, nobody can be asked anything.</summary>
    public static HttpRequestMessage Initialize(Integration integration, Secret? credential, McpClientSession? session, Uri? endpoint = null) => Post(integration, credential, (byte[])
    [
        .. """{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","clientInfo":"""u8, .. ClientInfo.Span,
        .. ",\"capabilities\":"u8, .. session is null ? "{}"u8 : session.Capabilities.Span, .. "}}"u8,
    ], endpoint);

    /// <summary>Asks an address for the stream of HTTP+SSE (MCP 2024-11-05).</summary>
    public static HttpRequestMessage OpenSse(Integration integration, Secret? credential)
    {
        var message = Bare(HttpMethod.Get, integration, credential);
        message.Headers.TryAddWithoutValidation("Accept", "text/event-stream");
        return message;
    }

    /// <summary>Opens the stream on which a server of the older revisions speaks unasked.</summary>
    public static HttpRequestMessage Listen(Integration integration, Secret? credential, UpstreamEra era)
    {
        var message = OpenSse(integration, credential);
        SetVersion(message, era);
        return message;
    }

    /// <summary>Ends a session.</summary>
    public static HttpRequestMessage End(Integration integration, Secret? credential, UpstreamEra era)
    {
        var message = Bare(HttpMethod.Delete, integration, credential);
        SetVersion(message, era);
        return message;
    }

    private static HttpRequestMessage Post(Integration integration, Secret? credential, ReadOnlyMemory<byte> body, Uri? endpoint = null)
    {
        var message = Bare(HttpMethod.Post, integration, credential, endpoint);
        message.Content = new ReadOnlyMemoryContent(body);
        message.Content.Headers.ContentType = Json;
        message.Headers.TryAddWithoutValidation("Accept", "application/json, text/event-stream");
        return message;
    }

    private static HttpRequestMessage Bare(HttpMethod method, Integration integration, Secret? credential, Uri? endpoint = null)
    {
        // That it fits was found out before anything was sent.
        if (!InjectedCredential.Of(integration, credential).TryGet(out var injected, out var unfit))
            throw new InvalidOperationException(unfit.Message);
        var message = new HttpRequestMessage(method, AddressOf(endpoint ?? new Uri(integration.Url), injected));
        message.Options.Set(UpstreamCircuits.Integration, integration.Id);
        injected.ApplyTo(message);
        return message;
    }

    private static Uri AddressOf(Uri address, InjectedCredential injected) =>
        injected.ParameterName is null ? address : new UriBuilder(address) { Query = injected.ApplyTo(address.Query) }.Uri;

    private static void SetVersion(HttpRequestMessage message, UpstreamEra era)
    {
        message.Headers.TryAddWithoutValidation("MCP-Protocol-Version", era.Version);
        if (era.SessionId is not null)
            message.Headers.TryAddWithoutValidation("Mcp-Session-Id", era.SessionId);
    }

    private static void WriteMeta(ArrayBufferWriter<byte> body, McpRequest request, UpstreamEra era, bool first)
    {
        var opened = false;
        if (request.Meta.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in request.Meta.EnumerateObject())
            {
                // These belong to the hop between client and us; ours to the server follow below.
                if (member.Name is McpProtocol.MetaVersion or McpProtocol.MetaClientInfo or McpProtocol.MetaCapabilities or "traceparent" or "tracestate" or "baggage"
                    || (!era.Modern && member.Name == McpProtocol.MetaLogLevel))
                    continue;
                Open(body, ref opened, first);
                body.Write("\""u8);
                body.Write(JsonMarshal.GetRawUtf8PropertyName(member));
                body.Write("\":"u8);
                body.Write(JsonMarshal.GetRawUtf8Value(member.Value));
            }
        }
        if (Activity.Current is { IdFormat: ActivityIdFormat.W3C, Id: { } traceParent } span)
        {
            Open(body, ref opened, first);
            body.Write("\"traceparent\":\""u8);
            body.Write(System.Text.Encoding.ASCII.GetBytes(traceParent));
            if (span.TraceStateString is { Length: > 0 } state)
            {
                body.Write("\",\"tracestate\":\""u8);
                body.Write(JsonEncodedText.Encode(state).EncodedUtf8Bytes);
            }
            body.Write("\""u8);
        }
        if (era.Modern)
        {
            Open(body, ref opened, first);
            body.Write("\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\"io.modelcontextprotocol/clientInfo\":"u8);
            body.Write(ClientInfo.Span);
            body.Write(",\"io.modelcontextprotocol/clientCapabilities\":"u8);
            // What the server may ask for is what the client at the far end can do.
            if (request.Modern && request.Meta.ValueKind == JsonValueKind.Object && request.Meta.TryGetProperty(McpProtocol.MetaCapabilities, out var capabilities))
                WriteCapabilities(body, capabilities, request.Tasks);
            else
                body.Write(request.Session is null ? "{}"u8 : request.Session.Capabilities.Span);
            if (request.LogLevel is { } level)
            {
                body.Write(",\"io.modelcontextprotocol/logLevel\":\""u8);
                body.Write(JsonEncodedText.Encode(level).EncodedUtf8Bytes);
                body.Write("\""u8);
            }
        }
        if (opened)
            body.Write("}"u8);
    }

    private static void WriteCapabilities(ArrayBufferWriter<byte> body, JsonElement capabilities, bool tasks)
    {
        if (tasks || capabilities.ValueKind != JsonValueKind.Object || !capabilities.TryGetProperty("extensions", out var extensions)
            || extensions.ValueKind != JsonValueKind.Object || !extensions.TryGetProperty(McpProtocol.TasksExtension, out _))
        {
            body.Write(JsonMarshal.GetRawUtf8Value(capabilities));
            return;
        }
        var others = UpstreamTool.MembersOf(capabilities, "extensions");
        body.Write("{"u8);
        body.Write(others.Span);
        body.Write(others.IsEmpty ? "\"extensions\":{"u8 : ",\"extensions\":{"u8);
        body.Write(UpstreamTool.MembersOf(extensions, McpProtocol.TasksExtension).Span);
        body.Write("}}"u8);
    }

    private static void Open(ArrayBufferWriter<byte> body, ref bool opened, bool first)
    {
        body.Write(opened ? ","u8 : first ? "\"_meta\":{"u8 : ",\"_meta\":{"u8);
        opened = true;
    }

    private static void WriteNumber(ArrayBufferWriter<byte> body, long number)
    {
        number.TryFormat(body.GetSpan(20), out var written, provider: CultureInfo.InvariantCulture);
        body.Advance(written);
    }
}

using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;
using Kontext.Domain;

namespace Kontext.Functions.Mcp;

/// <summary>One JSON-RPC message from a client, or a batch of them, parsed once. Its parts are slices of the body and live as long as it does.</summary>
internal sealed class JsonRpcRequest : IDisposable
{
    /// <summary>Messages of a batch.</summary>
    public const int MaxBatch = 50;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };
    private readonly JsonDocument document;
    private readonly byte[]? rented;

    private JsonRpcRequest(JsonDocument document, byte[] rented) => (this.document, this.rented, Root) = (document, rented, document.RootElement);

    // A message of a batch lives as long as the batch, to which document and body belong.
    private JsonRpcRequest(JsonDocument document, JsonElement root) => (this.document, Root) = (document, root);

    /// <summary>The id, raw; empty for notifications.</summary>
    public ReadOnlyMemory<byte> Id { get; private set; }

    /// <summary>The method; null for a response of the client's.</summary>
    public string? Method { get; private set; }

    /// <summary>The whole message.</summary>
    public JsonElement Root { get; }

    /// <summary>The messages of a batch, each with what is wrong with it instead if something is; null for a single message.</summary>
    public IReadOnlyList<(JsonRpcRequest? Message, McpError? Error)>? Batch { get; private init; }

    /// <summary>The parameters; <c>default</c> when there are none.</summary>
    public JsonElement Params { get; private set; }

    /// <summary>The parameters' <c>_meta</c>; <c>default</c> when there is none.</summary>
    public JsonElement Meta { get; private set; }

    /// <summary>What stands for a message where a request has no body.</summary>
    public static JsonRpcRequest None()
    {
        var buffer = ArrayPool<byte>.Shared.Rent(2);
        "{}"u8.CopyTo(buffer);
        return new JsonRpcRequest(JsonDocument.Parse(buffer.AsMemory(0, 2)), buffer);
    }

    /// <summary>Reads the body: one message or a batch, no more than so many bytes. Whether batches are taken depends on the revision, which the caller finds out.</summary>
    public static async ValueTask<(JsonRpcRequest? Request, McpError? Error)> ReadAsync(HttpRequest http, int maxBytes, CancellationToken cancellationToken)
    {
        if (http.ContentLength > maxBytes)
            return (null, TooLarge(maxBytes));
        var buffer = ArrayPool<byte>.Shared.Rent((int)(http.ContentLength + 1 ?? 16 * 1024));
        var length = 0;
        JsonRpcRequest? request = null;
        try
        {
            while (true)
            {
                var read = await http.Body.ReadAsync(buffer.AsMemory(length), cancellationToken);
                if (read == 0)
                    break;
                length += read;
                if (length > maxBytes)
                    return (null, TooLarge(maxBytes));
                if (length < buffer.Length)
                    continue;
                var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
                buffer.CopyTo(larger, 0);
                ArrayPool<byte>.Shared.Return(buffer);
                buffer = larger;
            }
            (request, var error) = Parse(buffer, length);
            return (request, error);
        }
        finally
        {
            if (request is null)
                ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>A text parameter; null when it is missing or no text.</summary>
    public string? Text(string name) => TextOf(Params, name);

    /// <summary>A text member of an object; null when it is missing or no text.</summary>
    public static string? TextOf(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (rented is null)
            return;
        document.Dispose();
        ArrayPool<byte>.Shared.Return(rented);
    }

    private static McpError TooLarge(int maxBytes) => new(StatusCodes.Status413PayloadTooLarge, McpProtocol.InvalidRequest, $"A message has at most {maxBytes} bytes.");

    private static (JsonRpcRequest? Request, McpError? Error) Parse(byte[] buffer, int length)
    {
        JsonDocument document;
        try
        {
            document = JsonText.Parse(buffer.AsMemory(0, length), Strict);
        }
        catch (JsonException)
        {
            return (null, new McpError(400, McpProtocol.ParseError, "The body is not JSON, names a member twice, or has text that is not Unicode."));
        }
        if (document.RootElement.ValueKind == JsonValueKind.Array)
            return (new JsonRpcRequest(document, buffer) { Batch = [.. document.RootElement.EnumerateArray().Take(MaxBatch + 1).Select(root => Of(root, () => new JsonRpcRequest(document, root)))] }, null);
        var (request, error) = Of(document.RootElement, () => new JsonRpcRequest(document, buffer));
        if (request is null)
            document.Dispose();
        return (request, error);
    }

    private static (JsonRpcRequest? Message, McpError? Error) Of(JsonElement root, Func<JsonRpcRequest> begin)
    {
        var error = root.ValueKind != JsonValueKind.Object || TextOf(root, "jsonrpc") != "2.0" ? "The body is not a JSON-RPC 2.0 message." : null;
        var hasId = error is null && root.TryGetProperty("id", out _);
        var id = hasId ? root.GetProperty("id") : default;
        if (error is null && hasId && id.ValueKind is not (JsonValueKind.String or JsonValueKind.Number))
            error = "The id has to be a string or a number.";
        JsonElement method = default;
        if (error is null && root.TryGetProperty("method", out method) ? method.ValueKind != JsonValueKind.String : error is null && !root.TryGetProperty("result", out _) && !root.TryGetProperty("error", out _))
            error = "The message has no method.";
        JsonElement parameters = default;
        if (error is null && root.TryGetProperty("params", out parameters) && parameters.ValueKind != JsonValueKind.Object)
            error = "The parameters have to be an object.";
        if (error is not null)
            return (null, new McpError(400, McpProtocol.InvalidRequest, error));
        var request = begin();
        request.Id = hasId ? JsonMarshal.GetRawUtf8Value(id).ToArray() : default(ReadOnlyMemory<byte>);
        request.Method = method.ValueKind == JsonValueKind.String ? method.GetString() : null;
        request.Params = parameters;
        request.Meta = parameters.ValueKind == JsonValueKind.Object && parameters.TryGetProperty("_meta", out var meta) ? meta : default;
        return (request, null);
    }
}

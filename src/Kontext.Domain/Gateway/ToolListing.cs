using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;
using Kontext.Domain.Integrations;

namespace Kontext.Domain.Gateway;

/// <summary>Reads all pages of a server's <c>tools/list</c>, bounded in pages, bytes and tools.</summary>
internal static class ToolListing
{
    private const int MaxPages = 50;
    private const int MaxTools = 5000;
    private const int MaxBytes = 4 * 1024 * 1024;

    /// <summary>Reads them; true when there are more than were read.</summary>
    /// <param name="integration">Whose server it is.</param>
    /// <param name="send">Sends a request to it.</param>
    /// <param name="take">Takes a tool; the element lives no longer than the call.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<Result<bool>> ReadAsync(Integration integration, Func<McpRequest, Task<Result<McpAnswer>>> send, Action<JsonElement> take, CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> members = default;
        var left = MaxTools;
        for (var page = 0; page < MaxPages; page++)
        {
            if (!(await send(new McpRequest { Method = "tools/list", Members = members })).TryGet(out var answer, out var failure))
                return failure;
            await using var _ = answer;
            if (!(await ReadPageAsync(integration, answer, cancellationToken)).TryGet(out var list, out failure))
                return failure;
            using var body = list;
            if (!body.RootElement.TryGetProperty("tools", out var tools) || tools.ValueKind != JsonValueKind.Array)
                return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} answered tools/list without tools.");
            foreach (var tool in tools.EnumerateArray())
            {
                if (left-- <= 0)
                    return true;
                take(tool);
            }
            if (!body.RootElement.TryGetProperty("nextCursor", out var cursor) || cursor.ValueKind != JsonValueKind.String)
                return false;
            members = (byte[])[.. "\"cursor\":"u8, .. JsonMarshal.GetRawUtf8Value(cursor)];
        }
        return true;
    }

    private static async Task<Result<JsonDocument>> ReadPageAsync(Integration integration, McpAnswer answer, CancellationToken cancellationToken)
    {
        var result = new ArrayBufferWriter<byte>();
        result.Write("{"u8);
        while (true)
        {
            if (!(await answer.NextAsync(cancellationToken)).TryGet(out var part, out var failure))
                return failure;
            if (part.Kind == AnswerPartKind.Error)
                return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} answered tools/list with an error.");
            if (part.Kind == AnswerPartKind.Result)
                result.Write(part.Bytes.Span);
            if (result.WrittenCount > MaxBytes)
                return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} lists more than {MaxBytes / 1024 / 1024} MiB of tools.");
            if (part.Last)
                break;
        }
        result.Write("}"u8);
        try
        {
            return JsonText.Parse(result.WrittenMemory);
        }
        catch (JsonException)
        {
            return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} listed its tools in JSON that cannot be read.");
        }
    }
}

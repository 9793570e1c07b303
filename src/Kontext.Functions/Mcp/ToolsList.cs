using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Kontext.Domain.Gateway;

namespace Kontext.Functions.Mcp;

/// <summary><c>tools/list</c>: what policy lets this agent call, in a fixed order, in pages.</summary>
internal sealed class ToolsList(OfferedTools offered, FailureReply failures)
{
    private const int PageSize = 500;

    /// <summary>Lists.</summary>
    public async Task RunAsync(McpExchange exchange)
    {
        if (!TryReadCursor(exchange, out var after))
        {
            await exchange.ErrorAsync(new McpError(200, McpProtocol.InvalidParams, "The cursor is not one of ours."));
            return;
        }
        if (MetaTools.AreListed(exchange))
        {
            await exchange.ResultAsync(MetaTools.WriteList, ttl: ToolCatalog.Life);
            return;
        }
        (List<OfferedTool> Tools, List<UnavailableIntegration> Unavailable) found;
        if (exchange.Only is null)
            found = await offered.OfAsync(exchange.Caller, includeDenied: false, exchange.Aborted);
        else if (!(await offered.OfAsync(exchange.Caller, exchange.Only, exchange.Aborted)).TryGet(out found, out var failure))
        {
            await failures.AnswerAsync(exchange, failure);
            return;
        }
        var (tools, unavailable) = found;
        if (!exchange.Modern)
            tools = ReadableBefore(tools, unavailable);

        var start = after is null ? 0 : tools.FindIndex(tool => string.CompareOrdinal(tool.Name, after) > 0);
        var page = start < 0 ? [] : tools.GetRange(start, Math.Min(PageSize, tools.Count - start));
        await exchange.ResultAsync(
            writer =>
            {
                writer.WriteStartArray("tools"u8);
                foreach (var tool in page)
                {
                    var told = exchange.Modern ? tool.Tool.Told : tool.Tool.ToldOlder!.Value;
                    writer.WriteRawValue([.. "{\"name\":\""u8, .. JsonEncodedText.Encode(tool.Name).EncodedUtf8Bytes, .. told.IsEmpty ? "\""u8 : "\","u8, .. told.Span, .. "}"u8], skipInputValidation: true);
                }
                writer.WriteEndArray();
                if (start >= 0 && start + page.Count < tools.Count)
                    writer.WriteString("nextCursor"u8, Base64Url.EncodeToString(Encoding.UTF8.GetBytes(page[^1].Name)));
            },
            // What is missing now may be there in a moment.
            ttl: unavailable.Exists(missing => !missing.Partly) ? TimeSpan.Zero : ToolCatalog.Life,
            meta: unavailable.Count > 0 ? writer => OfferedTools.WriteUnavailable(writer, unavailable) : null);
    }

    /// <summary>The tools that clients of the older revisions can read; which they cannot is added to what is missing.</summary>
    private static List<OfferedTool> ReadableBefore(List<OfferedTool> tools, List<UnavailableIntegration> unavailable)
    {
        foreach (var unreadable in tools.Where(tool => tool.Tool.ToldOlder is null).GroupBy(tool => tool.Integration))
            unavailable.Add(UnavailableIntegration.Unreadable(unreadable.Key, [.. unreadable.Select(tool => tool.Tool.Name)], "Only clients of MCP 2026-07-28 can read them."));
        return tools.FindAll(tool => tool.Tool.ToldOlder is not null);
    }

    private static bool TryReadCursor(McpExchange exchange, out string? after)
    {
        after = null;
        if (exchange.Request.Params.ValueKind != JsonValueKind.Object || !exchange.Request.Params.TryGetProperty("cursor", out var cursor))
            return true;
        if (cursor.ValueKind != JsonValueKind.String || !Base64Url.IsValid(cursor.GetString()))
            return false;
        after = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(cursor.GetString()));
        return true;
    }
}

using System.Text.Json;
using Kontext.Domain.Gateway;
using Kontext.Domain.Policies;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Mcp;

/// <summary>How a client gets to know us: <c>initialize</c> in the older revisions, <c>server/discover</c> in 2026-07-28. Neither opens a session.</summary>
internal sealed class Greeting(InjectedUpstream upstream)
{
    private const string Searching = "Find tools with SEARCH_TOOLS by saying what is to be done, call them with EXECUTE_TOOL by the id that was found, and ask with REQUEST_CAPABILITY for what is missing.";
    private static readonly TimeSpan Life = TimeSpan.FromMinutes(1);

    /// <summary>Answers with the revision that was asked for, or the newest of the older ones.</summary>
    public async Task InitializeAsync(McpExchange exchange)
    {
        var asked = exchange.Request.Text("protocolVersion");
        var server = await DescribeAsync(exchange);
        await exchange.ResultAsync(writer =>
        {
            writer.WriteString("protocolVersion"u8, asked is not null && McpProtocol.IsLegacy(asked) ? asked : McpProtocol.NewestLegacy);
            WriteServer(writer, server);
            McpExchange.ServerInfo(writer, "serverInfo");
        });
    }

    /// <summary>Answers with every revision there is.</summary>
    public async Task DiscoverAsync(McpExchange exchange)
    {
        var server = await DescribeAsync(exchange);
        await exchange.ResultAsync(
            writer =>
            {
                writer.WriteStartArray("supportedVersions"u8);
                foreach (var version in McpProtocol.Versions)
                    writer.WriteStringValue(version);
                writer.WriteEndArray();
                WriteServer(writer, server);
            },
            ttl: Life);
    }

    /// <summary>What the one integration offers. When it cannot be asked, tools alone are announced: listing them then says what is wrong.</summary>
    private async Task<McpServerDescription> DescribeAsync(McpExchange exchange)
    {
        if (exchange.Only is null)
            return new McpServerDescription(false, false, false, MetaTools.AreListed(exchange) ? Searching : "Tools of the integrations a person connected, named integration__tool. A call that lacks a connection answers with a link for the person.");
        var access = AccessRequest.Of(exchange.Caller, exchange.Only, AccessKind.Discovery) with { TraceId = exchange.TraceId };
        return (await upstream.DescribeAsync(access, exchange.Aborted)).TryGet(out var server, out _) ? server : new McpServerDescription(false, false, false, null);
    }

    private static void WriteServer(Utf8JsonWriter writer, McpServerDescription server)
    {
        writer.WriteStartObject("capabilities"u8);
        WriteEmpty(writer, "tools"u8, offered: true);
        WriteEmpty(writer, "resources"u8, server.Resources);
        WriteEmpty(writer, "prompts"u8, server.Prompts);
        WriteEmpty(writer, "completions"u8, server.Completions);
        writer.WriteEndObject();
        if (server.Instructions is { } instructions)
            writer.WriteString("instructions"u8, instructions);
    }

    private static void WriteEmpty(Utf8JsonWriter writer, ReadOnlySpan<byte> name, bool offered)
    {
        if (!offered)
            return;
        writer.WriteStartObject(name);
        writer.WriteEndObject();
    }
}

using System.Text.Json;
using Kontext.Domain.Gateway;
using Kontext.Domain.Policies;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Mcp;

/// <summary>How a client gets to know us: <c>initialize</c> in the older revisions, <c>server/discover</c> in 2026-07-28. The first opens a session, the second none.</summary>
internal sealed class Greeting(InjectedUpstream upstream, ClientSessions sessions, ListedItems items)
{
    private const string Searching = "Find tools with SEARCH_TOOLS by saying what is to be done, call them with EXECUTE_TOOL by the id that was found, and ask with REQUEST_CAPABILITY for what is missing.";
    private static readonly TimeSpan Life = TimeSpan.FromMinutes(1);

    /// <summary>Answers with the revision that was asked for, or the newest of the older ones.</summary>
    public async Task InitializeAsync(McpExchange exchange)
    {
        var asked = exchange.Request.Text("protocolVersion");
        var declared = exchange.Request.Params.ValueKind == JsonValueKind.Object && exchange.Request.Params.TryGetProperty("capabilities", out var capabilities) ? capabilities : default;
        var version = asked is not null && McpProtocol.IsLegacy(asked) ? asked : McpProtocol.NewestLegacy;
        var session = sessions.New(exchange.Caller, exchange.Only, declared) with { Version = version };
        var server = await DescribeAsync(exchange, exchange.Only is null ? null : session.Upstream(exchange.Only));
        exchange.Http.Response.Headers[ClientSessions.Header] = await sessions.IdOfAsync(exchange.Caller, session with { Route = server.Route }, exchange.Aborted);
        await exchange.ResultAsync(writer =>
        {
            writer.WriteString("protocolVersion"u8, version);
            WriteServer(writer, server, olderTasks: exchange.Only is not null && !server.Modern && server.CallTasks, listsTasks: exchange.Only is not null && server.ListsTasks && TaskOwners.AreTold(exchange.Only));
            McpExchange.ServerInfo(writer, "serverInfo");
        });
    }

    /// <summary>Answers with every revision there is.</summary>
    public async Task DiscoverAsync(McpExchange exchange)
    {
        var server = await DescribeAsync(exchange, session: null);
        await exchange.ResultAsync(
            writer =>
            {
                writer.WriteStartArray("supportedVersions"u8);
                foreach (var version in McpProtocol.Versions)
                    writer.WriteStringValue(version);
                writer.WriteEndArray();
                WriteServer(writer, server, tasks: server.Tasks && server.Modern);
            },
            ttl: Life);
    }

    /// <summary>What the one integration offers. When it cannot be asked, tools alone are announced: listing them then says what is wrong.</summary>
    private async Task<McpServerDescription> DescribeAsync(McpExchange exchange, McpClientSession? session)
    {
        if (exchange.Only is null)
            return new McpServerDescription(false, false, false, MetaTools.AreListed(exchange) ? Searching : "Tools of the integrations a person connected, named integration__tool. A call that lacks a connection answers with a link for the person.") { ToolChanges = true, Logging = !exchange.Modern };
        var access = AccessRequest.Of(exchange.Caller, exchange.Only, AccessKind.Discovery) with { TraceId = exchange.TraceId };
        return (await upstream.DescribeAsync(access, session, exchange.Aborted)).TryGet(out var server, out _)
            ? await items.OfferedAsync(exchange.Caller, exchange.Only, server, exchange.Aborted)
            : new McpServerDescription(false, false, false, null);
    }

    private static void WriteServer(Utf8JsonWriter writer, McpServerDescription server, bool tasks = false, bool olderTasks = false, bool listsTasks = false)
    {
        writer.WriteStartObject("capabilities"u8);
        Write(writer, "tools"u8, offered: true, server.ToolChanges);
        Write(writer, "resources"u8, server.Resources, server.ResourceChanges, server.ResourceSubscriptions);
        Write(writer, "prompts"u8, server.Prompts, server.PromptChanges);
        Write(writer, "completions"u8, server.Completions);
        Write(writer, "logging"u8, server.Logging);
        if (olderTasks)
        {
            writer.WriteStartObject("tasks"u8);
            Write(writer, "list"u8, listsTasks);
            Write(writer, "cancel"u8, server.CancelsTasks);
            writer.WriteStartObject("requests"u8);
            writer.WriteStartObject("tools"u8);
            Write(writer, "call"u8, offered: true);
            writer.WriteEndObject();
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        if (tasks)
        {
            writer.WriteStartObject("extensions"u8);
            writer.WriteStartObject(McpProtocol.TasksExtension);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
        if (server.Instructions is { } instructions)
            writer.WriteString("instructions"u8, instructions);
    }

    private static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, bool offered, bool listChanged = false, bool subscribe = false)
    {
        if (!offered)
            return;
        writer.WriteStartObject(name);
        if (listChanged)
            writer.WriteBoolean("listChanged"u8, true);
        if (subscribe)
            writer.WriteBoolean("subscribe"u8, true);
        writer.WriteEndObject();
    }
}

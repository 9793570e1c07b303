using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Mcp;

/// <summary>What a client wants to hear of.</summary>
/// <param name="Tools">Changes of the list of tools.</param>
/// <param name="Prompts">Changes of the list of prompts.</param>
/// <param name="Resources">Changes of the list of resources.</param>
/// <param name="Uris">Changes of these resources.</param>
internal sealed record WantedChanges(bool Tools, bool Prompts, bool Resources, IReadOnlyList<string> Uris)
{
    /// <summary>Nothing at all.</summary>
    public bool IsEmpty => !Tools && !Prompts && !Resources && Uris.Count == 0;

    /// <summary>Whether a notification is among it.</summary>
    public bool Includes(string? method, JsonElement parameters) => method switch
    {
        "notifications/tools/list_changed" => Tools,
        "notifications/prompts/list_changed" => Prompts,
        "notifications/resources/list_changed" => Resources,
        "notifications/resources/updated" => Uris.Contains(JsonRpcRequest.TextOf(parameters, "uri") ?? ""),
        _ => false,
    };

    /// <summary>What of it a server tells of.</summary>
    public WantedChanges Of(McpServerDescription server) =>
        new(Tools && server.ToolChanges, Prompts && server.PromptChanges, Resources && server.ResourceChanges, server.ResourceSubscriptions ? Uris : []);

    /// <summary>Writes the members of <c>notifications</c> (MCP 2026-07-28, subscriptions).</summary>
    public void Write(Utf8JsonWriter writer)
    {
        if (Tools)
            writer.WriteBoolean("toolsListChanged"u8, true);
        if (Prompts)
            writer.WriteBoolean("promptsListChanged"u8, true);
        if (Resources)
            writer.WriteBoolean("resourcesListChanged"u8, true);
        if (Uris.Count == 0)
            return;
        writer.WriteStartArray("resourceSubscriptions"u8);
        foreach (var uri in Uris)
            writer.WriteStringValue(uri);
        writer.WriteEndArray();
    }
}

/// <summary>Listens to one integration's server, of either era, for a client of either era.</summary>
internal sealed class ServerChanges(InjectedUpstream upstream, ListedItems items, ToolCatalog catalog)
{
    /// <summary>What the server tells of.</summary>
    public async Task<Result<McpServerDescription>> DescribeAsync(McpExchange exchange, McpClientSession session) =>
        await upstream.DescribeAsync(AccessOf(exchange), session, exchange.Aborted);

    /// <summary>Opens the stream: of a server of 2026-07-28 a subscription to what is wanted, of an older one the session's own stream.</summary>
    public async Task<Result<McpAnswer>> OpenAsync(McpExchange exchange, McpServerDescription server, McpClientSession session, WantedChanges wanted, CancellationToken cancellationToken)
    {
        var access = AccessOf(exchange);
        if (server.Modern)
            return await upstream.SendAsync(access, new McpRequest { Method = "subscriptions/listen", Members = MembersOf(wanted), Modern = false, Session = session }, cancellationToken);
        if (!(await upstream.ListenAsync(access, session, cancellationToken)).TryGet(out var stream, out var failure))
            return failure;
        if (!exchange.Modern)
            return stream;
        // An older server is told of each resource by itself; a client of its own revisions has done that.
        foreach (var uri in wanted.Uris)
            await SubscribeAsync(access, session, uri, cancellationToken);
        return stream;
    }

    /// <summary>What policy has against hearing of a resource's changes, on record; null when nothing. What may not be read is not to be heard of either.</summary>
    /// <param name="exchange">Who wants to.</param>
    /// <param name="session">The client's session at the server.</param>
    /// <param name="uri">The resource.</param>
    /// <param name="readOnly">The subscription itself is decided elsewhere.</param>
    public async Task<Failure?> RefusalAsync(McpExchange exchange, McpClientSession session, string uri, bool readOnly = false)
    {
        if (await upstream.ObjectionAsync(AccessOf(exchange, ListedItems.Reading, uri), exchange.Aborted) is { } unreadable)
            return unreadable;
        return readOnly || (await upstream.DescribeAsync(AccessOf(exchange, ListedItems.Subscription, uri), session, exchange.Aborted)).TryGet(out _, out var refused) ? null : refused;
    }

    /// <summary>Whether policy still lets the client hear of a resource's changes.</summary>
    public ValueTask<bool> MayHearAsync(McpExchange exchange, string uri) => items.MayHearAsync(exchange.Caller, exchange.Only!, uri, exchange.Aborted);

    /// <summary>What a client hears of, the next requests of any client have to show: the list is read anew.</summary>
    public async Task NoteAsync(McpExchange exchange, string? method)
    {
        if (method == "notifications/tools/list_changed")
            await catalog.RenewAsync(exchange.Caller, exchange.Only!, exchange.Aborted);
    }

    /// <summary>Ends a session that was opened for one subscription.</summary>
    public async Task EndAsync(McpExchange exchange, McpServerDescription server)
    {
        if (server.Route is { } route)
            await upstream.EndAsync(AccessOf(exchange), route, CancellationToken.None);
    }

    private async Task SubscribeAsync(AccessRequest access, McpClientSession session, string uri, CancellationToken cancellationToken)
    {
        var members = (byte[])[.. "\"uri\":\""u8, .. JsonEncodedText.Encode(uri).EncodedUtf8Bytes, (byte)'"'];
        if (!(await upstream.SendAsync(access, new McpRequest { Method = ListedItems.Subscription, Members = members, Session = session }, cancellationToken)).TryGet(out var answer, out _))
            return;
        await using (answer)
        {
            while ((await answer.NextAsync(cancellationToken)).TryGet(out var part, out _) && !part.Last)
            {
            }
        }
    }

    private static byte[] MembersOf(WantedChanges wanted)
    {
        using var body = new MemoryStream();
        using (var writer = new Utf8JsonWriter(body))
        {
            writer.WriteStartObject();
            writer.WriteStartObject("notifications"u8);
            wanted.Write(writer);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        return body.ToArray()[1..^1];
    }

    private static AccessRequest AccessOf(McpExchange exchange, string operation, string uri) =>
        ListedItems.AccessOf(exchange.Caller, exchange.Only!, operation, "uri", uri) with { TraceId = exchange.TraceId };

    private static AccessRequest AccessOf(McpExchange exchange) => AccessRequest.Of(exchange.Caller, exchange.Only!, AccessKind.Discovery) with { TraceId = exchange.TraceId };
}

using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Functions.Limits;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Mcp;

/// <summary>Streams on which clients hear of changes: <c>subscriptions/listen</c> of 2026-07-28, and the GET stream of a session in the older revisions. Cut as soon as the client's rights end.</summary>
internal sealed class ChangeStreams(ServerChanges changes, OfferedTools offered, ClientQuestions questions, ClientSessions sessions, EpochFeed epochs, FailureReply failures, TimeProvider time)
{
    private const int MaxUris = 100;
    private const string ToolsChanged = "notifications/tools/list_changed";
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(15);
    // Ends before hosts and proxies do it without a word; clients open it again.
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(25);

    /// <summary>Serves <c>subscriptions/listen</c>.</summary>
    public async Task SubscribeAsync(McpExchange exchange, Func<CancellationToken, ValueTask<bool>> stillAllowed)
    {
        if (WantedOf(exchange.Request) is not { } wanted)
        {
            await exchange.ErrorAsync(new McpError(200, McpProtocol.InvalidParams, $"subscriptions/listen needs notifications, with at most {MaxUris} resources."));
            return;
        }
        if (exchange.Only is null)
        {
            wanted = new WantedChanges(wanted.Tools, Prompts: false, Resources: false, []);
            await RunAsync(exchange, stillAllowed, wanted, static _ => Task.CompletedTask, until => WatchToolsAsync(exchange, until));
            return;
        }
        var session = new McpClientSession("listen\n" + RandomValue.Token(), "{}"u8.ToArray());
        if (!(await changes.DescribeAsync(exchange, session)).TryGet(out var server, out var failure))
        {
            await failures.AnswerAsync(exchange, failure);
            return;
        }
        wanted = wanted.Of(server);
        var uris = new List<string>(wanted.Uris.Count);
        foreach (var uri in wanted.Uris)
        {
            if (await changes.RefusalAsync(exchange, session, uri) is null)
                uris.Add(uri);
        }
        wanted = wanted with { Uris = uris };
        try
        {
            await RunAsync(exchange, stillAllowed, wanted, static _ => Task.CompletedTask, until => PassAsync(exchange, server, session, wanted, until));
        }
        finally
        {
            await changes.EndAsync(exchange, server);
        }
    }

    /// <summary>Serves the GET of a session.</summary>
    public async Task StreamAsync(McpExchange exchange, Func<CancellationToken, ValueTask<bool>> stillAllowed)
    {
        exchange.StartEvents();
        await exchange.KeepAliveAsync();
        if (exchange.Only is null)
        {
            await RunAsync(exchange, stillAllowed, null, static _ => Task.CompletedTask, until => WatchToolsAsync(exchange, until));
            return;
        }
        var session = exchange.Session!.Upstream(exchange.Only)!;
        if (!(await changes.DescribeAsync(exchange, session)).TryGet(out var server, out _))
            return;
        // A server whose session was opened elsewhere has said there what it tells of; to one of 2026-07-28 it has to be said now.
        var uris = server.Modern ? await SubscriptionsAsync(exchange) : [];
        var heard = new List<string>(uris.Count);
        foreach (var uri in uris)
        {
            if (await changes.MayHearAsync(exchange, uri))
                heard.Add(uri);
        }
        var wanted = new WantedChanges(Tools: true, Prompts: true, Resources: true, heard);
        await RunAsync(exchange, stillAllowed, null, until => server.Modern ? WatchSubscriptionsAsync(exchange, uris, until) : Task.CompletedTask, until => PassAsync(exchange, server, session, server.Modern ? wanted.Of(server) : wanted, until));
    }

    /// <summary>Runs a stream until its client goes, its rights end, its time is up or <paramref name="listen"/> ends; says hello and goodbye to clients of 2026-07-28.</summary>
    private async Task RunAsync(McpExchange exchange, Func<CancellationToken, ValueTask<bool>> stillAllowed, WantedChanges? subscribed, Func<CancellationTokenSource, Task> beside, Func<CancellationToken, Task> listen)
    {
        RequestSlots.Leave(exchange.Http);
        using var until = CancellationTokenSource.CreateLinkedTokenSource(exchange.Aborted);
        until.CancelAfter(Longest);
        using var watch = epochs.Watch(exchange.Caller.Org, stillAllowed, until.Cancel);
        if (subscribed is not null)
            await exchange.NotifyAsync(Message(exchange, "notifications/subscriptions/acknowledged", writer =>
            {
                writer.WriteStartObject("notifications"u8);
                subscribed.Write(writer);
                writer.WriteEndObject();
            }));
        if (subscribed is not { IsEmpty: true })
        {
            try
            {
                var other = beside(until);
                await listen(until.Token);
                until.Cancel();
                await other;
            }
            catch (OperationCanceledException) when (!exchange.Aborted.IsCancellationRequested)
            {
                // Its time is up, or its rights have ended.
            }
        }
        if (subscribed is not null)
            await exchange.ResultAsync(static _ => { }, meta: writer => WriteSubscription(writer, exchange));
    }

    private async Task PassAsync(McpExchange exchange, McpServerDescription server, McpClientSession session, WantedChanges wanted, CancellationToken until)
    {
        if (!(await changes.OpenAsync(exchange, server, session, wanted, until)).TryGet(out var stream, out _))
        {
            // A server without such a stream tells of nothing; that is no reason for the client to ask again and again.
            while (true)
            {
                await Task.Delay(KeepAlive, time, until);
                await exchange.KeepAliveAsync();
            }
        }
        await using var open = stream;
        while (true)
        {
            var next = stream.NextAsync(until).AsTask();
            while (await Task.WhenAny(next, Task.Delay(KeepAlive, time, until)) != next)
            {
                until.ThrowIfCancellationRequested();
                await exchange.KeepAliveAsync();
            }
            if (!(await next).TryGet(out var part, out var _) || part.Last)
                return;
            if (part.Kind == AnswerPartKind.Question)
            {
                if (!await questions.TryPutAsync(exchange, exchange.Only!, stream.Route, part.Bytes))
                    await questions.RefuseAsync(exchange, exchange.Only!, stream.Route, part.Bytes);
            }
            else
                await PassOneAsync(exchange, server, wanted, part.Bytes);
        }
    }

    private async Task PassOneAsync(McpExchange exchange, McpServerDescription server, WantedChanges wanted, ReadOnlyMemory<byte> bytes)
    {
        using var message = JsonDocument.Parse(bytes);
        var method = JsonRpcRequest.TextOf(message.RootElement, "method");
        var parameters = message.RootElement.TryGetProperty("params", out var given) ? given : default;
        // Older servers say more on this stream than changes, which only clients of their own revisions know what to do with.
        if (!wanted.Includes(method, parameters) && (exchange.Modern || server.Modern))
            return;
        if (method == "notifications/resources/updated" && (JsonRpcRequest.TextOf(parameters, "uri") is not { } changed || !await changes.MayHearAsync(exchange, changed)))
            return;
        await changes.NoteAsync(exchange, method);
        await exchange.NotifyAsync(exchange.Modern || server.Modern
            ? Message(exchange, method!, writer =>
            {
                if (JsonRpcRequest.TextOf(parameters, "uri") is { } uri)
                    writer.WriteString("uri"u8, uri);
            })
            : bytes);
    }

    /// <summary>The tools of all integrations: looked at whenever something in the organization changes, and as often as lists are read anew.</summary>
    private async Task WatchToolsAsync(McpExchange exchange, CancellationToken until)
    {
        var seen = await FingerprintAsync(exchange, until);
        var changed = new SemaphoreSlim(0);
        using var watch = epochs.Watch(exchange.Caller.Org, _ => { changed.Release(); return new(true); }, static () => { });
        var looked = time.GetTimestamp();
        while (true)
        {
            var hint = await changed.WaitAsync(KeepAlive, until);
            await exchange.KeepAliveAsync();
            if (!hint && time.GetElapsedTime(looked) < ToolCatalog.Life)
                continue;
            looked = time.GetTimestamp();
            var now = await FingerprintAsync(exchange, until);
            if (now == seen)
                continue;
            seen = now;
            await exchange.NotifyAsync(Message(exchange, ToolsChanged, static _ => { }));
        }
    }

    private async Task<string> FingerprintAsync(McpExchange exchange, CancellationToken cancellationToken)
    {
        var (tools, _) = await offered.OfAsync(exchange.Caller, includeDenied: false, cancellationToken);
        return RandomValue.HashOf(string.Join('\n', tools.Select(tool => $"{tool.Name} {ToolDefinition.Of(tool.Tool).Fingerprint}")));
    }

    private async Task<IReadOnlyList<string>> SubscriptionsAsync(McpExchange exchange) =>
        (await sessions.NoteOfAsync(exchange.Caller, exchange.Session!, exchange.Aborted))?.Subscriptions is { IsDefault: false } uris ? uris : [];

    /// <summary>Ends the stream when the client subscribes to other resources, on whichever instance: it opens it again, and a new subscription can be made at the server.</summary>
    private async Task WatchSubscriptionsAsync(McpExchange exchange, IReadOnlyList<string> known, CancellationTokenSource until)
    {
        var token = until.Token;
        try
        {
            while (true)
            {
                await Task.Delay(TimeSpan.FromSeconds(2), time, token);
                if ((await SubscriptionsAsync(exchange)).SequenceEqual(known))
                    continue;
                await until.CancelAsync();
                return;
            }
        }
        catch (OperationCanceledException)
        {
            // The stream ended.
        }
    }

    private static byte[] Message(McpExchange exchange, string method, Action<Utf8JsonWriter> parameters)
    {
        using var body = new MemoryStream();
        using (var writer = new Utf8JsonWriter(body))
        {
            writer.WriteStartObject();
            writer.WriteString("jsonrpc"u8, "2.0"u8);
            writer.WriteString("method"u8, method);
            writer.WriteStartObject("params"u8);
            parameters(writer);
            if (exchange.Modern)
            {
                writer.WriteStartObject("_meta"u8);
                WriteSubscription(writer, exchange);
                writer.WriteEndObject();
            }
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        return body.ToArray();
    }

    private static void WriteSubscription(Utf8JsonWriter writer, McpExchange exchange)
    {
        writer.WritePropertyName("io.modelcontextprotocol/subscriptionId"u8);
        writer.WriteRawValue(exchange.Request.Id.Span, skipInputValidation: true);
    }

    private static WantedChanges? WantedOf(JsonRpcRequest request)
    {
        if (request.Params.ValueKind != JsonValueKind.Object || !request.Params.TryGetProperty("notifications", out var filter) || filter.ValueKind != JsonValueKind.Object)
            return null;
        bool Wants(string name) => filter.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;
        var uris = new List<string>();
        if (filter.TryGetProperty("resourceSubscriptions", out var named))
        {
            if (named.ValueKind != JsonValueKind.Array || named.GetArrayLength() > MaxUris)
                return null;
            foreach (var uri in named.EnumerateArray())
            {
                if (uri.ValueKind != JsonValueKind.String)
                    return null;
                uris.Add(uri.GetString()!);
            }
        }
        return new WantedChanges(Wants("toolsListChanged"), Wants("promptsListChanged"), Wants("resourcesListChanged"), uris);
    }
}

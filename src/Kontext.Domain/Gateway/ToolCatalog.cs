using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text.Json;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Vault;

namespace Kontext.Domain.Gateway;

/// <summary>What the servers of integrations offer, as each person sees it. Kept for a minute per person and credential, never shared between people, and bounded in size.</summary>
public sealed class ToolCatalog(InjectedUpstream upstream, IConnectionStore connections, ToolPinning pinning, TimeProvider time)
{
    /// <summary>How long a list is served again without asking the server.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan FetchLimit = TimeSpan.FromSeconds(10);
    private const int MaxLists = 1000;
    private const int MaxPages = 50;
    private const int MaxTools = 5000;
    private const int MaxBytes = 4 * 1024 * 1024;
    private const long MaxHeldBytes = 64 * 1024 * 1024;
    private readonly ConcurrentDictionary<Key, Entry> lists = new();

    /// <summary>The tools of an integration, unfiltered, in the server's order.</summary>
    public async Task<Result<IReadOnlyList<UpstreamTool>>> OfAsync(AgentCaller caller, Integration integration, CancellationToken cancellationToken)
    {
        if (!(await KeyOfAsync(caller, integration, cancellationToken)).TryGet(out var key, out var failure))
            return failure;
        var now = time.GetUtcNow();
        if (lists.TryGetValue(key, out var known) && now < known.Until)
            return await known.Tools.WaitAsync(cancellationToken);

        // The fetch serves everybody who asks for the same list meanwhile, so the first one's going away must not end it.
        var entry = new Entry(now + Life, FetchWithinLimitAsync(caller, integration));
        lists[key] = entry;
        var fetched = await entry.Tools.WaitAsync(cancellationToken);
        if (fetched.TryGet(out var tools, out _))
        {
            entry.Bytes = tools.Sum(tool => (long)tool.Members.Length + tool.InputSchema.Length);
            MakeRoom(now);
        }
        else
            lists.TryRemove(new(key, entry));
        return fetched;
    }

    /// <summary>The tool if its list is at hand; null when it is not, or has no such tool. Costs no call.</summary>
    public async ValueTask<UpstreamTool?> PeekAsync(AgentCaller caller, Integration integration, string tool, CancellationToken cancellationToken) =>
        (await KeyOfAsync(caller, integration, cancellationToken)).TryGet(out var key, out _)
        && lists.TryGetValue(key, out var known) && time.GetUtcNow() < known.Until && known.Tools.IsCompletedSuccessfully
        && (await known.Tools).TryGet(out var tools, out _)
            ? tools.FirstOrDefault(candidate => candidate.Name == tool)
            : null;

    private async ValueTask<Result<Key>> KeyOfAsync(AgentCaller caller, Integration integration, CancellationToken cancellationToken)
    {
        var credential = integration.ServerTokenVersion;
        if (integration.NeedsConnection)
        {
            var state = ConnectionState.Of(integration, await connections.CurrentAsync(caller.Org, caller.User.Id, integration.Id, cancellationToken), time.GetUtcNow());
            if (!state.Connected || state.Connection is not { } connection)
                return ConnectionWords.NotConnected(integration, state);
            credential = $"{connection.Id}/{connection.CredentialVersion}/{connection.ConnectedAt.UtcTicks}";
        }
        return new Key(caller.Org, integration.Id, caller.User.Id, caller.Application.Id, integration.Url, integration.UpdatedAt, credential);
    }

    private async Task<Result<IReadOnlyList<UpstreamTool>>> FetchWithinLimitAsync(AgentCaller caller, Integration integration)
    {
        using var limit = new CancellationTokenSource(FetchLimit);
        try
        {
            return await FetchAsync(caller, integration, limit.Token);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            return new Failure(FailureCode.Unavailable, $"{integration.Name} did not list its tools within {FetchLimit.TotalSeconds:0} seconds.");
        }
    }

    private async Task<Result<IReadOnlyList<UpstreamTool>>> FetchAsync(AgentCaller caller, Integration integration, CancellationToken cancellationToken)
    {
        var access = AccessRequest.Of(caller, integration, AccessKind.Discovery);
        var tools = new Dictionary<string, UpstreamTool>(StringComparer.Ordinal);
        ReadOnlyMemory<byte> members = default;
        for (var page = 0; page < MaxPages; page++)
        {
            if (!(await upstream.SendAsync(access, new McpRequest { Method = "tools/list", Members = members }, cancellationToken)).TryGet(out var answer, out var failure))
                return await upstream.ExplainAsync(access, failure);
            await using var _ = answer;
            if (!(await ReadAsync(integration, answer, cancellationToken)).TryGet(out var list, out failure))
                return failure;
            using var body = list;
            if (body.RootElement.TryGetProperty("tools", out var listed) && listed.ValueKind == JsonValueKind.Array)
            {
                foreach (var tool in listed.EnumerateArray())
                {
                    if (UpstreamTool.Read(tool) is { } read && tools.Count < MaxTools)
                        tools.TryAdd(read.Name, read);
                }
            }
            if (!body.RootElement.TryGetProperty("nextCursor", out var cursor) || cursor.ValueKind != JsonValueKind.String)
                break;
            members = (byte[])[.. "\"cursor\":"u8, .. JsonMarshal.GetRawUtf8Value(cursor)];
        }
        return Result.Of(await pinning.CheckAsync(caller.Org, integration, [.. tools.Values], cancellationToken));
    }

    private static async Task<Result<JsonDocument>> ReadAsync(Integration integration, McpAnswer answer, CancellationToken cancellationToken)
    {
        var result = new ArrayBufferWriter<byte>();
        result.Write("{"u8);
        while (true)
        {
            if (!(await answer.NextAsync(cancellationToken)).TryGet(out var part, out var failure))
                return failure;
            if (part.Kind == AnswerPartKind.Error)
                return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} refused to list its tools.");
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
            return JsonDocument.Parse(result.WrittenMemory);
        }
        catch (JsonException)
        {
            return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} listed its tools in JSON that cannot be read.");
        }
    }

    private void MakeRoom(DateTimeOffset now)
    {
        var held = lists.Sum(list => list.Value.Bytes);
        if (lists.Count <= MaxLists && held <= MaxHeldBytes)
            return;
        foreach (var (key, entry) in lists.OrderBy(list => list.Value.Until).ToList())
        {
            if (lists.Count <= MaxLists && held <= MaxHeldBytes && now < entry.Until)
                break;
            if (lists.TryRemove(new(key, entry)))
                held -= entry.Bytes;
        }
    }

    private readonly record struct Key(OrgId Org, IntegrationId Integration, UserId User, AppId Application, string Url, DateTimeOffset UpdatedAt, string? Credential);

    private sealed class Entry(DateTimeOffset until, Task<Result<IReadOnlyList<UpstreamTool>>> tools)
    {
        public DateTimeOffset Until { get; } = until;

        public Task<Result<IReadOnlyList<UpstreamTool>>> Tools { get; } = tools;

        public long Bytes { get; set; }
    }
}

using System.Collections.Concurrent;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Vault;

namespace Kontext.Domain.Gateway;

/// <summary>What the servers of integrations offer, as each person sees it. Kept for a minute per person and credential, never shared between people, and bounded in size.</summary>
public sealed class ToolCatalog(InjectedUpstream upstream, ConnectionSources connections, ToolPinning pinning, TimeProvider time)
{
    /// <summary>How long a list is served again without asking the server.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan FetchLimit = TimeSpan.FromSeconds(10);
    private const int MaxLists = 1000;
    private const long MaxHeldBytes = 64 * 1024 * 1024;
    private static readonly TimeSpan BetweenAnnouncements = TimeSpan.FromSeconds(10);
    private readonly ConcurrentDictionary<Key, Entry> lists = new();
    private readonly ConcurrentDictionary<IntegrationId, DateTimeOffset> announced = new();

    /// <summary>The tools of an integration, unfiltered, in the server's order.</summary>
    public async Task<Result<UpstreamTools>> OfAsync(AgentCaller caller, Integration integration, CancellationToken cancellationToken)
    {
        if (!(await KeyOfAsync(caller, integration, cancellationToken)).TryGet(out var key, out var failure))
            return failure;
        var now = time.GetUtcNow();
        if (lists.TryGetValue(key, out var known) && now < known.Until)
            return await known.Tools.WaitAsync(cancellationToken);

        // The fetch serves everybody who asks for the same list meanwhile, so the first one's going away must not end it.
        var entry = new Entry(now + Life, FetchWithinLimitAsync(caller, integration));
        lists[key] = entry;
        _ = SettleAsync(key, entry);
        return await entry.Tools.WaitAsync(cancellationToken);
    }

    /// <summary>The tool if its list is at hand; null when it is not, or has no such tool. Costs no call.</summary>
    public async ValueTask<UpstreamTool?> PeekAsync(AgentCaller caller, Integration integration, string tool, CancellationToken cancellationToken) =>
        (await KeyOfAsync(caller, integration, cancellationToken)).TryGet(out var key, out _)
        && lists.TryGetValue(key, out var known) && time.GetUtcNow() < known.Until && known.Tools.IsCompletedSuccessfully
        && (await known.Tools).TryGet(out var tools, out _)
            ? tools.Find(tool)
            : null;

    /// <summary>Reads a list anew because its server says that it changed, and if it did, has every instance do so. A server that says so all the time is not believed all the time.</summary>
    public async Task RenewAsync(AgentCaller caller, Integration integration, CancellationToken cancellationToken)
    {
        if (!(await KeyOfAsync(caller, integration, cancellationToken)).TryGet(out var key, out _))
            return;
        lists.TryRemove(key, out var before);
        if (!(await OfAsync(caller, integration, cancellationToken)).TryGet(out var tools, out _))
            return;
        if (before is { Tools.IsCompletedSuccessfully: true } && (await before.Tools).TryGet(out var known, out _) && known.Offered.Select(ToolDefinition.Of).SequenceEqual(tools.Offered.Select(ToolDefinition.Of)))
            return;
        var now = time.GetUtcNow();
        if (announced.TryGetValue(integration.Id, out var last) && now < last + BetweenAnnouncements)
            return;
        announced[integration.Id] = now;
        await pinning.TouchAsync(caller.Org, integration.Id, cancellationToken);
    }

    /// <summary>Keeps a list that was read, and no failure. This belongs to the fetch, since whoever asked for it may be gone when it ends.</summary>
    private async Task SettleAsync(Key key, Entry entry)
    {
        try
        {
            if ((await entry.Tools).TryGet(out var tools, out _))
            {
                entry.Bytes = tools.Offered.Sum(tool => tool.Bytes);
                MakeRoom(time.GetUtcNow());
                return;
            }
        }
        catch (Exception)
        {
            // Those who wait for the list are told.
        }
        lists.TryRemove(new(key, entry));
    }

    private async ValueTask<Result<Key>> KeyOfAsync(AgentCaller caller, Integration integration, CancellationToken cancellationToken)
    {
        var credential = integration.ServerTokenVersion;
        if (integration.NeedsConnection)
        {
            var (_, state) = await connections.FindAsync(caller.Org, caller.User.Id, integration, cancellationToken);
            if (!state.Connected || state.Connection is not { } connection)
                return ConnectionWords.NotConnected(integration, state);
            credential = $"{connection.Id}/{connection.CredentialVersion}/{connection.ConnectedAt.UtcTicks}";
        }
        return new Key(caller.Org, integration.Id, caller.User.Id, caller.Application.Id, integration.Url, integration.UpdatedAt, credential);
    }

    private async Task<Result<UpstreamTools>> FetchWithinLimitAsync(AgentCaller caller, Integration integration)
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

    private async Task<Result<UpstreamTools>> FetchAsync(AgentCaller caller, Integration integration, CancellationToken cancellationToken)
    {
        var access = AccessRequest.Of(caller, integration, AccessKind.Discovery);
        var tools = new Dictionary<string, UpstreamTool>(StringComparer.Ordinal);
        var nameless = false;
        var read = await ToolListing.ReadAsync(integration, request => upstream.SendAsync(access, request, cancellationToken), tool =>
        {
            if (UpstreamTool.Read(tool) is { } listed)
                tools.TryAdd(listed.Name, listed);
            else
                nameless = true;
        }, cancellationToken);
        if (!read.TryGet(out var cut, out var failure))
            return await upstream.ExplainAsync(access, failure);
        // Also those that cannot be offered: the first form of a tool is the one that its later forms are held against.
        var pinned = await pinning.CheckAsync(caller.Org, integration, [.. tools.Values], cancellationToken);
        IEnumerable<string> unfit = pinned.Where(tool => !tool.Fits).Select(tool => tool.Name);
        return new UpstreamTools([.. pinned.Where(tool => tool.Fits)], [.. nameless ? unfit.Append("one without a name") : unfit], cut);
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

    private sealed class Entry(DateTimeOffset until, Task<Result<UpstreamTools>> tools)
    {
        public DateTimeOffset Until { get; } = until;

        public Task<Result<UpstreamTools>> Tools { get; } = tools;

        public long Bytes { get; set; }
    }
}

using System.Collections.Concurrent;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;

namespace Kontext.Functions.Upstream;

/// <summary>What was found out about a server: the revision it speaks to this credential, and for older ones the session.</summary>
/// <param name="Modern">It speaks 2026-07-28.</param>
/// <param name="Version">The revision.</param>
/// <param name="SessionId">The session of an older server; null when it keeps none.</param>
/// <param name="Server">What it offers.</param>
internal sealed record UpstreamEra(bool Modern, string Version, string? SessionId, McpServerDescription Server)
{
    private const string SseRoute = "sse";

    /// <summary>What the server says unasked in a client's own session; null for sessions that nobody can be asked in.</summary>
    public SessionStream? Stream { get; init; }

    /// <summary>The connection to a server of HTTP+SSE; null for those of Streamable HTTP.</summary>
    public SseConnection? Sse { get; init; }

    /// <summary>Where messages of this session go; null for the integration's address.</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>There is a session that lasts beyond a request.</summary>
    public bool IsOpen => SessionId is not null || Sse is { IsClosed: false };

    /// <summary>Names the session to every instance; null when there is none.</summary>
    public string? Route => Sse is not null ? $"{SseRoute} {Sse.Endpoint}" : SessionId is null ? null : $"{Version} {SessionId}";

    /// <summary>Whether a route leads to a server of HTTP+SSE, whose stream only the instance that opened it can read.</summary>
    public static bool IsSse(string route) => route.StartsWith(SseRoute + " ", StringComparison.Ordinal);

    /// <summary>The session that <see cref="Route"/> names. What its server offers is not known any more.</summary>
    public static UpstreamEra At(string route)
    {
        var blank = route.IndexOf(' ', StringComparison.Ordinal);
        if (IsSse(route))
            return new UpstreamEra(Modern: false, "2024-11-05", SessionId: null, new McpServerDescription(false, false, false, null)) { Endpoint = new Uri(route[(blank + 1)..]) };
        return new UpstreamEra(Modern: false, route[..blank], route[(blank + 1)..], new McpServerDescription(false, false, false, null) { Route = route });
    }
}

/// <summary>Remembers the revision each server speaks, per address and credential and for ten minutes, since a verdict of "older" would never correct itself.
/// One prober at a time; others wait for what it finds. Only a cache: every instance can find out again.</summary>
internal sealed class UpstreamEras(TimeProvider time)
{
    private static readonly TimeSpan Life = TimeSpan.FromMinutes(10);
    private const int MaxEntries = 10_000;
    private readonly ConcurrentDictionary<string, Entry> known = new(StringComparer.Ordinal);

    /// <summary>The clock that what is known of servers goes by.</summary>
    public TimeProvider Time => time;

    /// <summary>The era, probing if need be. The probe is told the session that is still open, if there is one.</summary>
    /// <param name="integration">The server's.</param>
    /// <param name="credential">Whose view of it.</param>
    /// <param name="session">The client with a session of its own there; null for the one that all share.</param>
    /// <param name="probe">Finds it out.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<Result<UpstreamEra>> OfAsync(Integration integration, Secret? credential, McpClientSession? session, Func<UpstreamEra?, Task<Result<UpstreamEra>>> probe, CancellationToken cancellationToken)
    {
        var key = KeyOf(integration, credential, session);
        var now = time.GetUtcNow();
        known.TryGetValue(key, out var entry);
        if (entry is null || entry.Until <= now)
        {
            var previous = entry is { Era.IsCompletedSuccessfully: true } && (await entry.Era).TryGet(out var old, out _) ? old : null;
            var fresh = new Entry(now + Life, previous, probe);
            entry = entry is null
                ? known.GetOrAdd(key, fresh)
                : known.TryUpdate(key, fresh, entry) ? fresh : known.GetValueOrDefault(key, fresh);
            MakeRoom(now);
        }
        var found = await entry.Era.WaitAsync(cancellationToken);
        if (!found.TryGet(out _, out _))
            known.TryRemove(new(key, entry));
        return found;
    }

    /// <summary>Forgets a verdict that turned out wrong, unless somebody already found a newer one.</summary>
    public void Forget(Integration integration, Secret? credential, McpClientSession? session, UpstreamEra wrong)
    {
        var key = KeyOf(integration, credential, session);
        if (known.TryGetValue(key, out var entry) && entry.Era is { IsCompletedSuccessfully: true } settled
            && settled.Result.TryGet(out var era, out _) && ReferenceEquals(era, wrong))
            known.TryRemove(new(key, entry));
    }

    private static string KeyOf(Integration integration, Secret? credential, McpClientSession? session)
    {
        var key = credential is null ? integration.Url : RandomValue.HashOf(credential.Reveal()) + integration.Url;
        return session is null ? key : $"{key}\n{session.Id}";
    }

    private void MakeRoom(DateTimeOffset now)
    {
        if (known.Count <= MaxEntries)
            return;
        foreach (var (key, entry) in known.OrderBy(pair => pair.Value.Until).ToList())
        {
            if (known.Count <= MaxEntries && now < entry.Until)
                break;
            known.TryRemove(new(key, entry));
        }
    }

    private sealed class Entry(DateTimeOffset until, UpstreamEra? previous, Func<UpstreamEra?, Task<Result<UpstreamEra>>> probe)
    {
        private readonly Lazy<Task<Result<UpstreamEra>>> era = new(() => probe(previous));

        public DateTimeOffset Until { get; } = until;

        public Task<Result<UpstreamEra>> Era => era.Value;
    }
}

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

    /// <summary>Whether a route leads to an address of the same origin. One that was made before the integration moved leads to its old server, which gets nothing any more, least of all a credential.</summary>
    public static bool LeadsTo(string route, string address) =>
        !IsSse(route) || (Uri.TryCreate(route[(SseRoute.Length + 1)..], UriKind.Absolute, out var endpoint) && Uri.TryCreate(address, UriKind.Absolute, out var url)
            && endpoint.GetLeftPart(UriPartial.Authority) == url.GetLeftPart(UriPartial.Authority));

    /// <summary>The session that <see cref="Route"/> names. What its server offers is not known any more.</summary>
    public static UpstreamEra At(string route)
    {
        var blank = route.IndexOf(' ', StringComparison.Ordinal);
        if (IsSse(route))
            return new UpstreamEra(Modern: false, "2024-11-05", SessionId: null, new McpServerDescription(false, false, false, null)) { Endpoint = new Uri(route[(blank + 1)..]) };
        return new UpstreamEra(Modern: false, route[..blank], route[(blank + 1)..], new McpServerDescription(false, false, false, null) { Route = route });
    }
}

/// <summary>Remembers the revision each server speaks and the session there, per integration, address, credential and person and for ten minutes, since a verdict of "older" would never correct itself.
/// One prober at a time; others wait for what it finds. Only a cache: every instance can find out again.</summary>
internal sealed class UpstreamEras(TimeProvider time)
{
    private static readonly TimeSpan Life = TimeSpan.FromMinutes(10);
    private const int MaxEntries = 10_000;
    // Room for more than one, so that not each further one costs a look at all.
    private const int EntriesLeft = 9_000;
    private readonly ConcurrentDictionary<string, Entry> known = new(StringComparer.Ordinal);

    /// <summary>The clock that what is known of servers goes by.</summary>
    public TimeProvider Time => time;

    /// <summary>The era, probing if need be. The probe is told the session that is still open, if there is one.</summary>
    /// <param name="integration">The server's.</param>
    /// <param name="credential">Whose view of it.</param>
    /// <param name="party">For whom it is asked: to a server that keeps state in sessions, all who share one are one and the same.</param>
    /// <param name="session">The client with a session of its own there; null for the one that all clients of the person share.</param>
    /// <param name="probe">Finds it out.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<Result<UpstreamEra>> OfAsync(Integration integration, Secret? credential, McpParty party, McpClientSession? session, Func<UpstreamEra?, Task<Result<UpstreamEra>>> probe, CancellationToken cancellationToken)
    {
        var key = KeyOf(integration, credential, party, session);
        var now = time.GetUtcNow();
        known.TryGetValue(key, out var entry);
        if (entry is null || entry.Until <= now)
        {
            var previous = entry is { Era.IsCompletedSuccessfully: true } && (await entry.Era).TryGet(out var old, out _) ? old : null;
            var fresh = new Entry(now + Life, previous, probe);
            entry = entry is null
                ? known.GetOrAdd(key, fresh)
                : known.TryUpdate(key, fresh, entry) ? fresh : known.GetValueOrDefault(key, fresh);
            if (ReferenceEquals(entry, fresh))
                _ = SettleAsync(key, fresh);
            MakeRoom(now);
        }
        return await entry.Era.WaitAsync(cancellationToken);
    }

    /// <summary>Keeps no failure. This belongs to the probe, since whoever asked for it may be gone when it ends.</summary>
    private async Task SettleAsync(string key, Entry entry)
    {
        try
        {
            if ((await entry.Era).TryGet(out _, out _))
                return;
        }
        catch (Exception)
        {
            // Those who wait for the finding are told.
        }
        known.TryRemove(new(key, entry));
    }

    /// <summary>Forgets a verdict that turned out wrong, unless somebody already found a newer one.</summary>
    public void Forget(Integration integration, Secret? credential, McpParty party, McpClientSession? session, UpstreamEra wrong)
    {
        var key = KeyOf(integration, credential, party, session);
        if (known.TryGetValue(key, out var entry) && entry.Era is { IsCompletedSuccessfully: true } settled
            && settled.Result.TryGet(out var era, out _) && ReferenceEquals(era, wrong))
            known.TryRemove(new(key, entry));
    }

    private static string KeyOf(Integration integration, Secret? credential, McpParty party, McpClientSession? session)
    {
        var key = $"{party.Org}\n{party.User}\n{integration.Id}\n{(credential is null ? "" : RandomValue.HashOf(credential.Reveal()))}\n{integration.Url}";
        return session is null ? key : $"{key}\n{session.Id}";
    }

    private void MakeRoom(DateTimeOffset now)
    {
        if (known.Count <= MaxEntries)
            return;
        foreach (var (key, entry) in known.OrderBy(pair => pair.Value.Until).ToList())
        {
            if (known.Count <= EntriesLeft && now < entry.Until)
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

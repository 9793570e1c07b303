using System.Globalization;
using Kontext.Domain;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Storage;

/// <summary>Agent sessions, a partition per application and month in which they began, and an index of them by person. Row keys hold the complement of the id, so that the newest come first.</summary>
internal sealed class SessionStore(ITableSource tables, FreshCache cache, EpochFeed epochs, TimeProvider time) : ISessionStore
{
    private const int MonthsBack = 13;
    private const int MonthsForgotten = 12;
    private const int PageSize = 100;
    private const string NoMonth = "000000";

    private readonly ITable sessionRows = tables.Open("sessions");
    private readonly ITable userRows = tables.Open("usersessions");
    private readonly DocumentTable<Session> sessions = new(tables.Open("sessions"), StoredJson.Default.Session);
    private readonly DocumentTable<UserSession> byUser = new(tables.Open("usersessions"), StoredJson.Default.UserSession);

    /// <inheritdoc/>
    public ValueTask<Session?> CurrentAsync(OrgId org, AppId application, SessionId session, CancellationToken cancellationToken) => cache.GetAsync(
        KeyOf(org, application, session), (Store: this, org, application, session),
        static async (state, token) => (await state.Store.FindAsync(state.org, state.application, state.session, token))?.Value, cancellationToken);

    /// <inheritdoc/>
    public Task<Versioned<Session>?> FindAsync(OrgId org, AppId application, SessionId session, CancellationToken cancellationToken) =>
        sessions.FindAsync(Partition(org, application, MonthOf(session.Value)), RowKey(org, session), cancellationToken);

    /// <inheritdoc/>
    public async Task<bool> InsertAsync(OrgId org, Session session, CancellationToken cancellationToken)
    {
        // The index first: an entry that leads nowhere is passed over, a session that cannot be found could not be ended.
        await byUser.InsertAsync(Partition(org, session.User, MonthOf(session.Id.Value)), RowKey(org, session.Id), new UserSession(session.Application, session.Id), cancellationToken);
        return await sessions.InsertAsync(Partition(org, session.Application, MonthOf(session.Id.Value)), RowKey(org, session.Id), session, cancellationToken) is not null;
    }

    /// <inheritdoc/>
    public async Task<Versioned<Session>?> ReplaceAsync(OrgId org, Versioned<Session> current, Session next, CancellationToken cancellationToken)
    {
        var written = await sessions.ReplaceAsync(Partition(org, next.Application, MonthOf(next.Id.Value)), RowKey(org, next.Id), current, next, cancellationToken);
        if (written is null)
            return null;
        // Token rotation and signs of life decide nothing, and happen all the time: only this instance forgets. Anything else everybody has to hear of,
        // and of an end once more: who wrote it may have died before it was told.
        if (next.RevokedAt is null && Rights(current.Value) == Rights(next))
            cache.Remove(KeyOf(org, next.Application, next.Id));
        else
            await epochs.BumpAsync(org);
        return written;
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<Session>> ListAsync(OrgId org, AppId application, int limit, CancellationToken cancellationToken) =>
        ListAsync(org, application, after: null, limit, cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Session>> ListAsync(OrgId org, AppId application, SessionId? after, int limit, CancellationToken cancellationToken)
    {
        var newest = new List<Session>();
        var now = time.GetUtcNow();
        // Nothing is older than the application itself.
        foreach (var (month, from, to) in MonthsOf(org, Enumerable.Range(0, MonthsBack).Select(back => MonthText(now.AddMonths(-back))), MonthOf(application.Value), after))
        {
            if (newest.Count == limit)
                break;
            var found = await sessions.TakeAsync(Partition(org, application, month), from, to, limit - newest.Count, cancellationToken);
            newest.AddRange(found.Select(row => row.Value));
        }
        return newest;
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<Session>> ListForUserAsync(OrgId org, UserId user, DateTimeOffset since, int limit, CancellationToken cancellationToken) =>
        ListForUserAsync(org, user, since, after: null, limit, cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Session>> ListForUserAsync(OrgId org, UserId user, DateTimeOffset since, SessionId? after, int limit, CancellationToken cancellationToken)
    {
        var newest = new List<Session>();
        var now = time.GetUtcNow();
        foreach (var (month, from, to) in MonthsOf(org, Enumerable.Range(0, int.MaxValue).Select(back => MonthText(now.AddMonths(-back))), MonthText(since), after))
        {
            string? continuation = null;
            do
            {
                if (newest.Count == limit)
                    return newest;
                // An entry may lead nowhere: what is missing then is in the entries after it.
                (var entries, continuation) = await byUser.RangeAsync(Partition(org, user, month), from, to, Math.Min(limit - newest.Count, PageSize), continuation, cancellationToken);
                foreach (var entry in entries)
                {
                    if ((await FindAsync(org, entry.Value.Application, entry.Value.Session, cancellationToken))?.Value is { } session && session.User == user && session.CreatedAt >= since)
                        newest.Add(session);
                }
            }
            while (continuation is not null);
        }
        return newest;
    }

    /// <inheritdoc/>
    public async Task<Session?> FindForUserAsync(OrgId org, UserId user, SessionId session, CancellationToken cancellationToken) =>
        await byUser.FindAsync(Partition(org, user, MonthOf(session.Value)), RowKey(org, session), cancellationToken) is { Value: var entry }
        && await FindAsync(org, entry.Application, entry.Session, cancellationToken) is { Value: var found } && found.User == user
            ? found : null;

    /// <inheritdoc/>
    public async Task<int> ForgetAsync(OrgId org, AppId application, DateTimeOffset before, CancellationToken cancellationToken)
    {
        var (now, oldest, forgotten) = (time.GetUtcNow(), MonthOf(application.Value), 0);
        // What no run reached for a year is not looked for any more: months would add up for ever.
        var months = Enumerable.Range(0, MonthsForgotten).Select(back => MonthText(before.AddMonths(-back))).Where(month => string.CompareOrdinal(month, oldest) >= 0);
        foreach (var partition in months.Append(NoMonth).Select(month => Partition(org, application, month)))
        {
            string? continuation = null;
            do
            {
                var page = await sessionRows.RangeAsync(partition, Key.Of(org), null, PageSize, continuation, cancellationToken);
                var ended = page.Rows.Select(row => (Row: row, Session: sessions.Read(row).Value)).Where(found => found.Session.CreatedAt < before && found.Session.ExpiresAt < now).ToList();
                // The entry by person first: it is found through the session, and one that is left over would be for ever.
                foreach (var (_, session) in ended)
                    await userRows.DeleteAsync(Partition(org, session.User, MonthOf(session.Id.Value)), RowKey(org, session.Id), "*", cancellationToken);
                forgotten += await sessionRows.RemoveAsync(ended.Select(found => found.Row), cancellationToken);
                continuation = page.Continuation;
            }
            while (continuation is not null);
        }
        return forgotten;
    }

    /// <summary>The months, newest first, down to the oldest, each with the range of its keys; only what comes after a session where one is named.</summary>
    private static IEnumerable<(string Month, string From, string? To)> MonthsOf(OrgId org, IEnumerable<string> months, string oldest, SessionId? after)
    {
        var (first, to) = Key.Ids<SessionId>(org, after: null);
        foreach (var month in months.TakeWhile(month => string.CompareOrdinal(month, oldest) >= 0))
        {
            var place = after is { } last ? string.CompareOrdinal(month, MonthOf(last.Value)) : -1;
            if (place <= 0)
                yield return (month, place == 0 ? RowKey(org, after!.Value) + "~" : first, to);
        }
    }

    private static Session Rights(Session session) =>
        session with { Generation = 0, RotatedAt = default, TokenExpiresAt = null, LastActiveAt = null, Children = [], Hostname = null, UserAgent = null, ClientInfo = null };

    private static FreshKey KeyOf(OrgId org, AppId application, SessionId session) => new(FreshKind.Session, org, application.Value, session.Value);

    private static string Partition<TId>(OrgId org, TId owner, string month)
        where TId : struct, IId<TId> => $"{Key.Of(org, owner)}~{month}";

    private static string RowKey(OrgId org, SessionId session)
    {
        Span<byte> bytes = stackalloc byte[16];
        session.Value.TryWriteBytes(bytes, bigEndian: true, out _);
        foreach (ref var part in bytes)
            part = (byte)~part;
        return Key.Of(org, new SessionId(new Guid(bytes, bigEndian: true)));
    }

    /// <summary>The month in a version 7 UUID (RFC 9562 section 5.7); ids of other kinds, which hold no time, share one partition.</summary>
    private static string MonthOf(Guid id)
    {
        if (id.Version != 7)
            return NoMonth;
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        var milliseconds = 0L;
        foreach (var part in bytes[..6])
            milliseconds = (milliseconds << 8) | part;
        return milliseconds <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds() ? MonthText(DateTimeOffset.FromUnixTimeMilliseconds(milliseconds)) : NoMonth;
    }

    private static string MonthText(DateTimeOffset moment) => moment.UtcDateTime.ToString("yyyyMM", CultureInfo.InvariantCulture);
}

/// <summary>Where a person's session is kept.</summary>
/// <param name="Application">The agent it is with.</param>
/// <param name="Session">Its id.</param>
internal sealed record UserSession(AppId Application, SessionId Session);

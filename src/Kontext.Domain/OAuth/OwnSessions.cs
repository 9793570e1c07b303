using Kontext.Domain.Tenancy;

namespace Kontext.Domain.OAuth;

/// <summary>A person's session with the agent it is for.</summary>
/// <param name="Session">The session.</param>
/// <param name="Application">The agent.</param>
public sealed record OwnSession(Session Session, Application Application)
{
    /// <summary>The agent can act with it.</summary>
    public bool IsLive(DateTimeOffset now) => Session.IsLive(now) && !Application.Archived;
}

/// <summary>What a person does with the approvals they gave: sees them, and takes them back (contract 3.2).</summary>
public sealed class OwnSessions(ISessionStore sessions, IApplicationStore applications, SessionRevocation revocation, TimeProvider time)
{
    private static readonly TimeSpan Shown = TimeSpan.FromDays(30);
    private const int MaxShown = 200;
    private const int PageSize = 200;

    /// <summary>The sessions of the last 30 days, newest first, 200 at most.</summary>
    public async Task<IReadOnlyList<OwnSession>> ListAsync(OrgId org, UserId user, CancellationToken cancellationToken)
    {
        var own = new List<OwnSession>();
        foreach (var session in await sessions.ListForUserAsync(org, user, time.GetUtcNow() - Shown, MaxShown, cancellationToken))
        {
            if (await applications.CurrentAsync(org, session.Application, cancellationToken) is { } application)
                own.Add(new OwnSession(session, application));
        }
        return own;
    }

    /// <summary>Ends one; null when the person has no such session. Ending what has ended is no error.</summary>
    public async Task<OwnSession?> EndAsync(OrgId org, User user, SessionId id, CancellationToken cancellationToken)
    {
        if (await sessions.FindForUserAsync(org, user.Id, id, cancellationToken) is not { } session
            || await applications.CurrentAsync(org, session.Application, cancellationToken) is not { } application)
            return null;
        await revocation.RunAsync(org, application, id, $"ended by {user.DisplayName}", cancellationToken);
        return new OwnSession(session, application);
    }

    /// <summary>Ends all that live; gives their number.</summary>
    public async Task<int> EndAllAsync(OrgId org, User user, CancellationToken cancellationToken)
    {
        var ended = 0;
        var now = time.GetUtcNow();
        IReadOnlyList<Session> page = [];
        do
        {
            page = await sessions.ListForUserAsync(org, user.Id, now - AuthorizationCodeGrant.SessionLifetime, page.Count > 0 ? page[^1].Id : null, PageSize, cancellationToken);
            foreach (var session in page)
            {
                if ((session.IsLive(now) || session.RevocationUnrecorded) && await applications.CurrentAsync(org, session.Application, cancellationToken) is { } application
                    && await revocation.RunAsync(org, application, session.Id, $"ended by {user.DisplayName}", cancellationToken))
                    ended++;
            }
        }
        while (page.Count == PageSize);
        return ended;
    }
}

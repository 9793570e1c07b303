using Kontext.Domain.Tenancy;

namespace Kontext.Domain.OAuth;

/// <summary>One of an application's own users, as the partner's token describes them.</summary>
/// <param name="Subject">The application's id for them.</param>
/// <param name="Name">Name for people to read; null when the token has none.</param>
/// <param name="Email">Mail address; null when the token has none.</param>
/// <param name="ExpiresAt">End of the token.</param>
public sealed record ExternalPerson(string Subject, string? Name, string? Email, DateTimeOffset ExpiresAt);

/// <summary>Maps an application's own users to users here (contract 5.4). The application's id is part of the mapping, so none reaches another's.</summary>
public sealed class ExternalUsers(IUserStore users, ISessionStore sessions, SessionRevocation revocation, Resources resources, TimeProvider time)
{
    /// <summary>Longest acceptable user id.</summary>
    public const int MaxSubjectLength = 512;

    /// <summary>How long an application may act for a user without vouching for them again by a connect session.</summary>
    public static readonly TimeSpan SessionLifetime = TimeSpan.FromDays(365);

    // Vouching again replaces the session, but not with every connect link.
    private static readonly TimeSpan RenewBelow = TimeSpan.FromDays(300);

    /// <summary>Can it be a user id? Blanks around it would be lost on the way.</summary>
    public static bool IsSubject(string? subject) =>
        subject is { Length: > 0 and <= MaxSubjectLength } && subject.Trim().Length == subject.Length && PrintableText.IsPrintable(subject);

    /// <summary>A user the application has vouched for, with the session it acts under; null when unknown, disabled, or the session ended or was revoked.</summary>
    public async ValueTask<(User User, Session Session)?> FindAsync(OrgId org, Application application, string subject, CancellationToken cancellationToken)
    {
        var id = User.IdOf(org, User.IssuerOf(application.Id), subject);
        return await users.CurrentAsync(org, id, cancellationToken) is { Disabled: false, ExternalSession: { } current } user
            && await sessions.CurrentAsync(org, application.Id, current, cancellationToken) is { } session && session.IsLive(time.GetUtcNow()) ? (user, session) : null;
    }

    /// <summary>The user an application vouches for, created when new, with a live session.</summary>
    public async Task<Result<(User User, Session Session)>> EnsureAsync(OrgId org, Application application, ExternalPerson person, CancellationToken cancellationToken)
    {
        var id = User.IdOf(org, User.IssuerOf(application.Id), person.Subject);
        while (true)
        {
            var known = await users.FindAsync(org, id, cancellationToken);
            if (known?.Value.Disabled == true)
                return new Failure(FailureCode.Forbidden, "An administrator has cut this user off.");
            if (known?.Value.ExternalSession is { } current && await sessions.FindAsync(org, application.Id, current, cancellationToken) is { } row
                && row.Value.IsLive(time.GetUtcNow()) && row.Value.ExpiresAt - time.GetUtcNow() > RenewBelow)
                return (known.Value, row.Value);

            var session = NewSession(application, id);
            await sessions.InsertAsync(org, session, cancellationToken);
            var next = (known?.Value ?? NewUser(application, id, person)) with { Name = person.Name, Email = person.Email, ExternalSession = session.Id };
            var stored = known is null ? await users.InsertAsync(org, next, cancellationToken) : await users.ReplaceAsync(org, known, next, cancellationToken) is not null;
            var obsolete = stored ? known?.Value.ExternalSession : session.Id;
            if (obsolete is { } replaced)
                await revocation.RunAsync(org, application, replaced, "replaced by a newer session for the same user", CancellationToken.None);
            if (stored)
                return (next, session);
        }
    }

    private User NewUser(Application application, UserId id, ExternalPerson person) => new()
    {
        Id = id,
        Issuer = User.IssuerOf(application.Id),
        Subject = person.Subject,
        CreatedAt = time.GetUtcNow(),
    };

    private Session NewSession(Application application, UserId user)
    {
        var now = time.GetUtcNow();
        return new Session
        {
            Id = Ids.New<SessionId>(now),
            Application = application.Id,
            User = user,
            Name = application.Name,
            Scopes = [Scopes.Invoke, Scopes.GatewayAccess],
            Resources = [resources.Gateway],
            ConsentImplied = true,
            CreatedAt = now,
            ExpiresAt = now + SessionLifetime,
        };
    }
}

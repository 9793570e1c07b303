using System.Collections.Immutable;
using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Api;

/// <summary>An agent and a person that somebody asks about, and what the person approved.</summary>
/// <param name="Org">The organization.</param>
/// <param name="Application">The agent.</param>
/// <param name="User">The person; null when the agent acts for itself.</param>
/// <param name="ConsentImplied">Nobody has to approve: the agent acts for itself, or vouches for its own user.</param>
/// <param name="Approved">Integrations the person approved for the agent.</param>
internal sealed record AskedAgent(OrgId Org, Application Application, User? User, bool ConsentImplied, ImmutableHashSet<IntegrationId> Approved)
{
    /// <summary>The access that is asked about.</summary>
    public AccessRequest Access(Domain.Integrations.Integration integration, Domain.Policies.AccessKind kind, string? operation = null) => new()
    {
        Org = Org,
        Application = Application,
        User = User,
        Session = null,
        ConsentImplied = Covers(integration.Id),
        Integration = integration,
        Kind = kind,
        Operation = operation,
    };

    /// <summary>May the agent use the integration as far as the person's approval goes?</summary>
    public bool Covers(IntegrationId integration) => ConsentImplied || Approved.Contains(integration);
}

/// <summary>Finds who is asked about, and whether the caller may: people about themselves and about their own applications, owners, admins and service accounts about anybody. What may not be asked about looks as if it were not there.</summary>
internal sealed class PolicyQuestions(IApplicationStore applications, IUserStore users, ISessionStore sessions, StandingApprovals approvals, TimeProvider time)
{
    private const string Me = "me";

    /// <summary>The agent, the person and the approval.</summary>
    public async Task<Result<AskedAgent>> ResolveAsync(ApiCaller caller, string? applicationId, string? userId, string? sessionId, CancellationToken cancellationToken)
    {
        var errors = new Dictionary<string, string>();
        if (!AppId.TryParse(applicationId, null, out var app))
            errors["applicationId"] = "Has to be the id of an application.";
        UserId? person = null;
        if (userId == Me && caller.User is { } self)
            person = self;
        else if (userId is { Length: > 0 })
        {
            if (UserId.TryParse(userId, null, out var given))
                person = given;
            else
                errors["userId"] = "Has to be the id of a user, or me.";
        }
        SessionId? session = null;
        if (sessionId is { Length: > 0 })
        {
            if (SessionId.TryParse(sessionId, null, out var given))
                session = given;
            else
                errors["sessionId"] = "Has to be the id of a session.";
        }
        if (errors.Count > 0)
            return Api.Invalid(errors);
        if (await applications.CurrentAsync(caller.Org, app, cancellationToken) is not { Archived: false } application || !(caller.MaySee(application) || IsSelf(caller, person)))
            return Api.NotFound("application");
        if (person is null)
        {
            return session is not null || !application.OAuth.Confidential
                ? Api.Invalid(new Dictionary<string, string> { ["userId"] = "Is required: only a confidential application acts for itself, and not in a session." })
                : new AskedAgent(caller.Org, application, null, ConsentImplied: true, []);
        }
        if (!(caller.Privileged || IsSelf(caller, person)) || await users.CurrentAsync(caller.Org, person.Value, cancellationToken) is not { } user)
            return Api.NotFound("user");
        if (session is { } named)
        {
            return await sessions.CurrentAsync(caller.Org, app, named, cancellationToken) is { } found && found.User == user.Id
                ? new AskedAgent(caller.Org, application, user, found.ConsentImplied && found.IsLive(time.GetUtcNow()), found.IsLive(time.GetUtcNow()) ? [.. found.Approved] : [])
                : Api.NotFound("session");
        }
        return new AskedAgent(
            caller.Org, application, user, user.Issuer == User.IssuerOf(application.Id), (await approvals.OfAsync(caller.Org, application, user.Id, cancellationToken)).Integrations);
    }

    private static bool IsSelf(ApiCaller caller, UserId? person) => person is { } user && caller.User == user;
}

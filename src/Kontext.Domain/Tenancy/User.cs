using System.Collections.Immutable;

namespace Kontext.Domain.Tenancy;

/// <summary>A person of an organization, known by issuer and subject of the identity provider that signed them in.</summary>
public sealed record User
{
    private const string ExternalIssuerPrefix = "application:";

    /// <summary>Derived from organization, issuer and subject (<see cref="IdOf"/>), so that a sign-in finds it with one point read.</summary>
    public required UserId Id { get; init; }

    /// <summary>Who vouches for the subject: an OpenID issuer, <c>development</c>, or <c>application:&lt;id&gt;</c> for a partner's own users.</summary>
    public required string Issuer { get; init; }

    /// <summary>The issuer's name for the person.</summary>
    public required string Subject { get; init; }

    /// <summary>Name shown to people; null when the issuer gave none.</summary>
    public string? Name { get; init; }

    /// <summary>Mail address; null when the issuer gave none.</summary>
    public string? Email { get; init; }

    /// <summary>Roles in the organization; <c>owner</c> and <c>admin</c> are privileged (contract 1.2), <c>auditor</c> reads.</summary>
    public ImmutableArray<string> Roles { get; init; } = [];

    /// <summary>Cut off: no token of this person works any more.</summary>
    public bool Disabled { get; init; }

    /// <summary>First sign-in.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The session under which an application acts for its own user; null for people who sign in.</summary>
    public SessionId? ExternalSession { get; init; }

    /// <summary>Is this one of an application's own users, who never signs in to Kontext?</summary>
    public bool IsExternal => Issuer.StartsWith(ExternalIssuerPrefix, StringComparison.Ordinal);

    /// <summary>May act for the whole organization.</summary>
    public bool IsPrivileged => Roles.Contains("owner") || Roles.Contains("admin");

    /// <summary>May read everything of the organization and change nothing of it; a privileged role goes further.</summary>
    public bool IsAuditor => !IsPrivileged && Roles.Contains("auditor");

    /// <summary>The best name there is for people to read.</summary>
    public string DisplayName => Name ?? Email ?? Subject;

    /// <summary>Who vouches for the users of an application: the application.</summary>
    public static string IssuerOf(AppId application) => ExternalIssuerPrefix + application;

    /// <summary>The id a person has in an organization, always the same for the same issuer and subject.</summary>
    public static UserId IdOf(OrgId org, string issuer, string subject) => Ids.Named<UserId>($"{org}\n{issuer}\n{subject}");
}

/// <summary>Keeps the people of an organization.</summary>
public interface IUserStore
{
    /// <summary>The person, at most a second old; null when unknown.</summary>
    ValueTask<User?> CurrentAsync(OrgId org, UserId user, CancellationToken cancellationToken);

    /// <summary>The row as stored now, for a conditional write.</summary>
    Task<Versioned<User>?> FindAsync(OrgId org, UserId user, CancellationToken cancellationToken);

    /// <summary>Adds the person; false when already there.</summary>
    Task<bool> InsertAsync(OrgId org, User user, CancellationToken cancellationToken);

    /// <summary>Writes if nobody wrote since; null when somebody did.</summary>
    Task<Versioned<User>?> ReplaceAsync(OrgId org, Versioned<User> current, User next, CancellationToken cancellationToken);

    /// <summary>Takes the organization's one founder place; true for exactly one person ever, however often they ask.</summary>
    Task<bool> ClaimFoundingAsync(OrgId org, UserId user, CancellationToken cancellationToken);
}

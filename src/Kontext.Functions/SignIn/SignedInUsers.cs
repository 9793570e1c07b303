using System.Collections.Immutable;
using Kontext.Domain;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.SignIn;

/// <summary>Makes people of those who sign in: the first sign-in creates them, later ones bring name, mail address and roles up to date.</summary>
internal sealed class SignedInUsers(IUserStore users, TimeProvider time)
{
    private const string Owner = "owner";
    private const string Member = "member";

    /// <summary>The person as stored. Who is disabled stays as they are.</summary>
    public async Task<User> EnsureAsync(OrgId org, SignInSettings settings, SignedInPerson person, CancellationToken cancellationToken)
    {
        var id = User.IdOf(org, person.Issuer, person.Subject);
        var roles = RolesOf(settings, person);
        while (true)
        {
            if (await users.FindAsync(org, id, cancellationToken) is not { } known)
            {
                var added = new User
                {
                    Id = id, Issuer = person.Issuer, Subject = person.Subject, Name = person.Name, Email = person.Email, Roles = roles, CreatedAt = time.GetUtcNow(),
                };
                if (await users.InsertAsync(org, added, cancellationToken))
                    return added;
                continue;
            }
            if (known.Value.Disabled || (known.Value.Name == person.Name && known.Value.Email == person.Email && known.Value.Roles.SequenceEqual(roles)))
                return known.Value;
            var changed = known.Value with { Name = person.Name, Email = person.Email, Roles = roles };
            if (await users.ReplaceAsync(org, known, changed, cancellationToken) is not null)
                return changed;
        }
    }

    /// <summary>The roles a person has: the provider's, owner for those the settings name, member for who would have none.</summary>
    public static ImmutableArray<string> RolesOf(SignInSettings settings, SignedInPerson person)
    {
        var roles = IsAdministrator(settings, person) && !person.Roles.Contains(Owner) ? person.Roles.Add(Owner) : person.Roles;
        return roles.IsEmpty ? [Member] : roles;
    }

    // A mail address nobody verified could be anybody's, and so could a subject that was chosen to look like one.
    private static bool IsAdministrator(SignInSettings settings, SignedInPerson person) => settings.Administrators.Any(named =>
        named.Contains('@', StringComparison.Ordinal) ? person.EmailCounts && named.Equals(person.Email, StringComparison.OrdinalIgnoreCase) : named == person.Subject);
}

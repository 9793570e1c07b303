using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Tenancy;
using Kontext.Functions.OAuth;

namespace Kontext.Functions.SignIn;

/// <summary>How sign-ins and sign-outs stand in the audit trail.</summary>
internal static class SignInRecord
{
    private const int MaxTargetLength = 500;

    /// <summary>Somebody signed in; with the roles they have from now on, since the provider's claims may have changed them.</summary>
    public static AuditEvent Done(DateTimeOffset now, User user)
    {
        var roles = "roles " + string.Join(", ", user.Roles);
        return new() { At = now, Type = AuditTypes.SignedIn, User = Party(user), Target = roles.Length <= MaxTargetLength ? roles : roles[..MaxTargetLength] };
    }

    /// <summary>Somebody was not signed in.</summary>
    /// <param name="now">When.</param>
    /// <param name="user">Who; null when nobody knows.</param>
    /// <param name="failure">Why not.</param>
    public static AuditEvent Refused(DateTimeOffset now, User? user, Failure failure) => new()
    {
        At = now,
        Type = AuditTypes.SignedIn,
        Status = "error_auth",
        User = user is null ? null : Party(user),
        ErrorType = OAuthErrors.CodeOf(failure.Code).Error,
        ErrorMessage = failure.Detail ?? failure.Message,
    };

    /// <summary>Somebody signed out.</summary>
    public static AuditEvent Out(DateTimeOffset now, User user) => new() { At = now, Type = AuditTypes.SignedOut, User = Party(user) };

    private static AuditParty Party(User user) => new(user.Id.ToString(), user.DisplayName);
}

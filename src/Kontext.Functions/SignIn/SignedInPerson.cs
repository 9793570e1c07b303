using System.Collections.Immutable;
using System.Text.Json;
using Kontext.Domain;

namespace Kontext.Functions.SignIn;

/// <summary>Who an ID token says has signed in (OpenID Connect Core section 2 and 5.1), and with which roles.</summary>
internal sealed record SignedInPerson
{
    private const int MaxTextLength = 200;
    private const int MaxRoles = 100;

    /// <summary>Who vouches.</summary>
    public required string Issuer { get; init; }

    /// <summary>The issuer's name for the person.</summary>
    public required string Subject { get; init; }

    /// <summary>Name to show; null when there is none.</summary>
    public string? Name { get; init; }

    /// <summary>Mail address; null when there is none.</summary>
    public string? Email { get; init; }

    /// <summary>The provider does not say that the mail address is unverified.</summary>
    public bool EmailCounts { get; init; }

    /// <summary>Roles by the claim that was configured.</summary>
    public ImmutableArray<string> Roles { get; init; } = [];

    /// <summary>When the person last proved who they are; null when the provider does not say.</summary>
    public DateTimeOffset? AuthenticatedAt { get; init; }

    /// <summary>Reads the claims of a token that has been validated. Fails for people the settings do not admit, and where roles are missing that the provider says are there: a rule about a role may be a denial.</summary>
    public static Result<SignedInPerson> Read(JsonElement claims, SignInSettings settings)
    {
        if (settings.RequiredClaims.FirstOrDefault(required => !Holds(claims, required.Key, required.Value)) is { Key: { } unmet })
            return new Failure(FailureCode.Forbidden, "Your account at the sign-in provider is not one of this organization. Ask an administrator.", $"the claim {unmet} is not as Kontext__SignIn__RequiredClaims demands");
        // Distributed claims (section 5.6.2): Entra ID leaves groups out like this when there are too many.
        if (claims.TryGetProperty("_claim_names", out var elsewhere) && elsewhere.ValueKind == JsonValueKind.Object && elsewhere.TryGetProperty(settings.RolesClaim, out _))
            return TooMany($"the claim {settings.RolesClaim} was left out because it is too long");
        var roles = settings.RolesOf(JsonMember.Texts(claims, settings.RolesClaim)).Where(IsShowable).Distinct(StringComparer.Ordinal).ToImmutableArray();
        if (roles.Length > MaxRoles)
            return TooMany($"the claim {settings.RolesClaim} gives {roles.Length} roles");
        return new SignedInPerson
        {
            Issuer = JsonMember.Text(claims, "iss")!,
            Subject = JsonMember.Text(claims, "sub")!,
            Name = Text(claims, "name") ?? Text(claims, "preferred_username"),
            Email = Text(claims, "email"),
            EmailCounts = !claims.TryGetProperty("email_verified", out _) || JsonMember.Flag(claims, "email_verified") == true,
            Roles = roles,
            AuthenticatedAt = JsonMember.Time(claims, "auth_time"),
        };
    }

    private static bool Holds(JsonElement claims, string name, string value) =>
        JsonMember.Texts(claims, name).Contains(value, StringComparer.Ordinal) || (bool.TryParse(value, out var flag) && JsonMember.Flag(claims, name) == flag);

    private static string? Text(JsonElement claims, string name) => JsonMember.Text(claims, name)?.Trim() is { } text && IsShowable(text) ? text : null;

    private static bool IsShowable(string text) => text.Length is > 0 and <= MaxTextLength && PrintableText.IsPrintable(text);

    private static Failure TooMany(string what) =>
        new(FailureCode.Misconfigured, "Your account has more groups at the sign-in provider than it can tell us. An administrator has to limit the groups in the token, or use roles instead.", what);
}

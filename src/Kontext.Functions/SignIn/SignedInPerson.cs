using System.Collections.Immutable;
using System.Text.Json;
using Kontext.Domain;

namespace Kontext.Functions.SignIn;

/// <summary>Who an ID token says has signed in (OpenID Connect Core section 2 and 5.1).</summary>
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

    /// <summary>Reads the claims of a token that has been validated.</summary>
    public static SignedInPerson Read(JsonElement claims, string issuer, string subject, string rolesClaim) => new()
    {
        Issuer = issuer,
        Subject = subject,
        Name = Text(claims, "name") ?? Text(claims, "preferred_username"),
        Email = Text(claims, "email"),
        EmailCounts = JsonMember.Flag(claims, "email_verified") != false,
        Roles = [.. JsonMember.Texts(claims, rolesClaim).Where(IsShowable).Distinct(StringComparer.Ordinal).Take(MaxRoles)],
        AuthenticatedAt = JsonMember.Time(claims, "auth_time"),
    };

    private static string? Text(JsonElement claims, string name) => JsonMember.Text(claims, name)?.Trim() is { } text && IsShowable(text) ? text : null;

    private static bool IsShowable(string text) => text.Length is > 0 and <= MaxTextLength && PrintableText.IsPrintable(text);
}

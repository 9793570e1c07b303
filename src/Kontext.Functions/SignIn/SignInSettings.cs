using System.Collections.Immutable;
using Kontext.Domain;

namespace Kontext.Functions.SignIn;

/// <summary>Which OpenID Connect provider the people of an organization sign in through, and what its claims mean.</summary>
internal sealed record SignInSettings
{
    /// <summary><c>Kontext__SignIn__Issuer</c>: the provider's issuer, as its discovery document names it.</summary>
    public required string Issuer { get; init; }

    /// <summary><c>Kontext__SignIn__ClientId</c>: what the provider calls this installation.</summary>
    public required string ClientId { get; init; }

    /// <summary><c>Kontext__SignIn__ClientSecret</c>; null for a public client, which PKCE alone protects.</summary>
    public Secret? ClientSecret { get; init; }

    /// <summary><c>Kontext__SignIn__Scopes</c>: what is asked for.</summary>
    public string Scopes { get; init; } = "openid profile email";

    /// <summary><c>Kontext__SignIn__RolesClaim</c>: the claim of the ID token that lists the person's roles.</summary>
    public string RolesClaim { get; init; } = "roles";

    /// <summary><c>Kontext__SignIn__Administrators</c>: mail addresses or subjects of people who are owners whatever their roles say.</summary>
    public ImmutableArray<string> Administrators { get; init; } = [];

    /// <summary>Reads and checks; null when nothing of it is set.</summary>
    /// <exception cref="InvalidSettingException">Something is missing or wrong; the message names it.</exception>
    public static SignInSettings? Read(IConfigurationSection section)
    {
        if (!section.GetChildren().Any(child => !string.IsNullOrWhiteSpace(child.Value)))
            return null;
        var issuer = Text(section, "Issuer") ?? throw Wrong("Issuer", "is missing: the address of the OpenID Connect provider people sign in through");
        if (!Uri.TryCreate(issuer, UriKind.Absolute, out var address) || address.Query.Length > 0 || address.Fragment.Length > 0 || !IdentityProviderMetadata.IsAllowed(address))
            throw Wrong("Issuer", "has to be an absolute https address (http only on loopback) without query or fragment");
        var scopes = Text(section, "Scopes") ?? "openid profile email";
        if (!scopes.Split(' ').Contains("openid"))
            throw Wrong("Scopes", "has to be scopes separated by spaces, openid among them");
        return new SignInSettings
        {
            Issuer = issuer,
            ClientId = Text(section, "ClientId") ?? throw Wrong("ClientId", "is missing: what the provider at Kontext__SignIn__Issuer calls this installation"),
            ClientSecret = Text(section, "ClientSecret") is { } secret ? new Secret(secret) : null,
            Scopes = scopes,
            RolesClaim = Text(section, "RolesClaim") ?? "roles",
            Administrators = [.. (Text(section, "Administrators") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)],
        };
    }

    private static string? Text(IConfigurationSection section, string name) => section[name]?.Trim() is { Length: > 0 } text ? text : null;

    private static InvalidSettingException Wrong(string name, string what) => new($"Kontext__SignIn__{name} {what}.");
}

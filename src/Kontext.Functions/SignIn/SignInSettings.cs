using System.Collections.Immutable;
using Kontext.Domain;

namespace Kontext.Functions.SignIn;

/// <summary>Which OpenID Connect provider the people of an organization sign in through, and what its claims mean. Named here as the first organization's are; the others' begin with <c>Kontext__Organizations__{slug}__SignIn__</c>.</summary>
internal sealed record SignInSettings
{
    private static readonly string[] Names = [nameof(Issuer), nameof(ClientId), nameof(ClientSecret), nameof(Scopes), nameof(RolesClaim), nameof(RoleMap), nameof(RequiredClaims), nameof(Administrators)];
    private static readonly string[] EntraHosts = ["login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn", "sts.windows.net"];

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

    /// <summary><c>Kontext__SignIn__RoleMap</c>: <c>value=role</c>, separated by commas: which values of the claim are which roles, when not each is a role by that name. What it does not name then counts for nothing.</summary>
    public ImmutableArray<KeyValuePair<string, string>> RoleMap { get; init; } = [];

    /// <summary><c>Kontext__SignIn__RequiredClaims</c>: <c>claim=value</c>, separated by commas: what the ID token has to say of everybody who may sign in.</summary>
    public ImmutableArray<KeyValuePair<string, string>> RequiredClaims { get; init; } = [];

    /// <summary><c>Kontext__SignIn__Administrators</c>: mail addresses, or subjects without an @, of people who are owners whatever their roles say.</summary>
    public ImmutableArray<string> Administrators { get; init; } = [];

    /// <summary>The roles that values of <see cref="RolesClaim"/> stand for.</summary>
    public IEnumerable<string> RolesOf(IReadOnlyCollection<string> values) =>
        RoleMap.IsEmpty ? values : RoleMap.Where(entry => values.Contains(entry.Key, StringComparer.Ordinal)).Select(entry => entry.Value);

    /// <summary>Reads and checks; null when nothing of it is set.</summary>
    /// <exception cref="InvalidSettingException">Something is missing or wrong; the message names it.</exception>
    public static SignInSettings? Read(IConfigurationSection section)
    {
        if (!section.GetChildren().Any(child => !string.IsNullOrWhiteSpace(child.Value)))
            return null;
        if (section.GetChildren().FirstOrDefault(child => !Names.Contains(child.Key, StringComparer.OrdinalIgnoreCase)) is { } unknown)
            throw Wrong(section, unknown.Key, "is no setting: there are " + string.Join(", ", Names));
        var issuer = IssuerOf(section);
        var scopes = Text(section, "Scopes") ?? "openid profile email";
        if (!scopes.Split(' ').Contains("openid"))
            throw Wrong(section, "Scopes", "has to be scopes separated by spaces, openid among them");
        var required = Pairs(section, "RequiredClaims", "claim=value");
        // Google signs in whoever has an account there, so that everybody in the world would be a member.
        if (required.IsEmpty && new Uri(issuer).Host == "accounts.google.com")
            throw Wrong(section, "RequiredClaims", "is missing: Google signs in everybody who has an account there. Name your domain: hd=example.com");
        return new SignInSettings
        {
            Issuer = issuer,
            ClientId = Text(section, "ClientId") ?? throw Wrong(section, "ClientId", "is missing: what the provider calls this installation"),
            ClientSecret = Text(section, "ClientSecret") is { } secret ? new Secret(secret) : null,
            Scopes = scopes,
            RolesClaim = Text(section, "RolesClaim") ?? "roles",
            RoleMap = Pairs(section, "RoleMap", "value=role"),
            RequiredClaims = required,
            Administrators = [.. List(section, "Administrators")],
        };
    }

    private static string IssuerOf(IConfigurationSection section)
    {
        var issuer = Text(section, "Issuer") ?? throw Wrong(section, "Issuer", "is missing: the address of the OpenID Connect provider people sign in through");
        if (!Uri.TryCreate(issuer, UriKind.Absolute, out var address) || address.Query.Length > 0 || address.Fragment.Length > 0 || address.UserInfo.Length > 0
            || !IdentityProviderMetadata.IsAllowed(address))
            throw Wrong(section, "Issuer", "has to be an absolute https address (http only on loopback) without query or fragment");
        // Entra ID's common, organizations and consumers name no issuer but a template of one, and its names of tenants are not what tokens say.
        if (issuer.Contains('{', StringComparison.Ordinal) || (EntraHosts.Contains(address.Host) && !Guid.TryParse(address.Segments.ElementAtOrDefault(1)?.TrimEnd('/'), out _)))
            throw Wrong(section, "Issuer", "has to name one tenant by its id: https://login.microsoftonline.com/<tenant id>/v2.0. People of all tenants together cannot sign in");
        return issuer;
    }

    private static ImmutableArray<KeyValuePair<string, string>> Pairs(IConfigurationSection section, string name, string form) =>
        [.. List(section, name).Select(entry => entry.LastIndexOf('=') is > 0 and var at && at < entry.Length - 1
            ? KeyValuePair.Create(entry[..at].Trim(), entry[(at + 1)..].Trim()) : throw Wrong(section, name, $"has to be {form}, several separated by commas"))];

    private static string[] List(IConfigurationSection section, string name) =>
        (Text(section, name) ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static string? Text(IConfigurationSection section, string name) => section[name]?.Trim() is { Length: > 0 } text ? text : null;

    private static InvalidSettingException Wrong(IConfigurationSection section, string name, string what) => new($"{section.Path.Replace(":", "__", StringComparison.Ordinal)}__{name} {what}.");
}

using Kontext.Functions.SignIn;

namespace Kontext.Functions.Admin.Settings;

/// <summary>What the settings of the installation come down to, for administrators to read. Secrets are not among it.</summary>
internal sealed class InstallationFacts(SignInOrganizations organizations, KontextSettings settings)
{
    /// <summary>How the people of an organization sign in.</summary>
    public IReadOnlyList<Fact> SignInOf(string slug) => organizations.Find(slug)?.SignIn is { } provider
        ?
        [
            new Fact("Provider", provider.Issuer),
            new Fact("Client id there", provider.ClientId),
            new Fact("Client authentication", provider.ClientSecret is null ? "public client with PKCE" : "client secret"),
            new Fact("Scopes", provider.Scopes),
            new Fact("Roles come from", $"the claim {provider.RolesClaim}" + (provider.RoleMap.IsEmpty ? "" : ": " + string.Join(", ", provider.RoleMap.Select(entry => $"{entry.Key} is {entry.Value}")))),
            new Fact("Who may sign in", provider.RequiredClaims.IsEmpty ? "everybody the provider lets in" : string.Join(", ", provider.RequiredClaims.Select(claim => $"{claim.Key}={claim.Value}"))),
            new Fact("Redirect URI to register", settings.Issuer + "/login/callback"),
        ]
        : [new Fact("Provider", "the development sign-in: any name will do. Set Kontext__SignIn__Issuer before anybody else can reach this.")];

    /// <summary>How long the audit trail is kept.</summary>
    public IReadOnlyList<Fact> Retention =>
    [
        new Fact("Audit entries", settings.Audit.RetentionDays is { } days ? $"{days} days in storage, then in the archive" : "kept for ever"),
        new Fact("Issuer", settings.Issuer),
        new Fact("Signing keys", settings.SigningKeys.RotateEvery > TimeSpan.Zero ? $"rotated every {settings.SigningKeys.RotateEvery.TotalDays:0} days" : "rotated by administrators only"),
        new Fact("DPoP proofs", settings.DPoPNonceRequired ? "need a nonce of the server's" : "need no nonce"),
    ];
}

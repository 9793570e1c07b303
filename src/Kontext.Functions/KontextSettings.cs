using System.Collections.Immutable;
using System.Globalization;
using Kontext.Domain.Vault;
using Kontext.Functions.Cloud;
using Kontext.Functions.Connect;
using Kontext.Functions.Limits;
using Kontext.Functions.OAuth;
using Kontext.Functions.Retention;
using Kontext.Functions.Settings;
using Kontext.Functions.SignIn;
using Kontext.Functions.Work;

namespace Kontext.Functions;

/// <summary>Everything the program can be told, read and checked once at the start. A wrong or missing setting stops the start with its name; one that is none does too, except under the Functions host.</summary>
internal sealed record KontextSettings
{
    /// <summary><c>Kontext__PublicUrl</c>: where people and agents reach us; the OAuth issuer. No trailing slash, query or fragment; https except on loopback.</summary>
    public required Uri PublicUrl { get; init; }

    /// <summary><c>Kontext__Storage</c>: <c>memory</c>, a storage connection string, or the https address of a table service (then through Entra ID).</summary>
    public required string Storage { get; init; }

    /// <summary><c>Kontext__KeyDirectory</c>: where the data keys are kept when there is no key vault, readable by the owner only. With a key vault, where those are that were made before; null when none were.</summary>
    public required string? KeyDirectory { get; init; }

    /// <summary><c>Kontext__KeyVault</c> and <c>Kontext__Credentials</c>: the key vaults; null when there are none.</summary>
    public KeyVaultSettings? KeyVault { get; init; }

    /// <summary><c>Kontext__Organization</c>: slug of the first organization, which runs the installation and takes in clients that register themselves; <c>dev</c> in Development.</summary>
    public required string Organization { get; init; }

    /// <summary><c>Kontext__Organizations__{slug}__...</c>: the others.</summary>
    public ImmutableArray<OrganizationSettings> OtherOrganizations { get; init; } = [];

    /// <summary>The seed, self-registration and, unless <see cref="SignIn"/> is set, the development sign-in are on. Set by <c>ASPNETCORE_ENVIRONMENT=Development</c>.</summary>
    public required bool Development { get; init; }

    /// <summary><c>Kontext__AllowPrivateUpstreams</c>: integrations may be at private or loopback addresses. On in Development unless set.</summary>
    public required bool AllowPrivateUpstreams { get; init; }

    /// <summary><c>Kontext__DPoPNonceRequired</c>: DPoP proofs have to carry a nonce of ours, so that none can be made ahead of time (RFC 9449 section 8). Off unless set.</summary>
    public bool DPoPNonceRequired { get; init; }

    /// <summary><c>Kontext__SignIn__...</c>: the OpenID Connect provider that <see cref="Organization"/>'s people sign in through; null only in Development, where the development sign-in then stands in.</summary>
    public SignInSettings? SignIn { get; init; }

    /// <summary><c>Kontext__SigningKeys__...</c>: rotation of the issuer's keys.</summary>
    public SigningKeySettings SigningKeys { get; init; } = SigningKeySettings.Default;

    /// <summary><c>Kontext__Validation__...</c>: connections whose services are asked unbidden.</summary>
    public Staleness Validation { get; init; } = ValidationSettings.Default;

    /// <summary><c>Kontext__Limits__...</c>: how many attempts are let through.</summary>
    public LimitSettings Limits { get; init; } = LimitSettings.Default;

    /// <summary><c>Kontext__Audit__...</c>: how long audit entries are kept, and where they go then.</summary>
    public AuditSettings Audit { get; init; } = AuditSettings.Default;

    /// <summary><c>KontextQueue</c> and <c>KontextServiceBus</c>: where background work waits.</summary>
    public WorkSettings Work { get; init; } = WorkSettings.InMemory;

    /// <summary><c>Kontext__LogFormat</c>: <c>json</c> for one JSON object per line, <c>text</c> for people. <c>json</c> unless set, <c>text</c> in Development.</summary>
    public bool JsonLogs { get; init; }

    /// <summary>The port the Functions host tells a custom handler; null when run alone.</summary>
    public int? HandlerPort { get; init; }

    /// <summary>Names under <c>Kontext__</c> and <c>Providers__</c> that are no settings. Only under the Functions host; elsewhere they stop the start.</summary>
    public ImmutableArray<string> Unknown { get; init; } = [];

    /// <summary>All organizations, the first one first.</summary>
    public IReadOnlyList<OrganizationSettings> Organizations => [new OrganizationSettings(Organization, Organization, SignIn), .. OtherOrganizations];

    /// <summary>The issuer as it stands in tokens and metadata: the public URL without a trailing slash.</summary>
    public string Issuer => PublicUrl.AbsoluteUri.TrimEnd('/');

    /// <summary>The gateway's address, which tokens for it name as their audience.</summary>
    public string GatewayResource => Issuer + "/mcp";

    /// <summary>The management API's address, likewise.</summary>
    public string ApiResource => Issuer + "/api/v1";

    /// <summary>Reads and checks.</summary>
    /// <exception cref="InvalidSettingException">A setting is missing or wrong; the message names it and says what it should be.</exception>
    public static KontextSettings Read(IConfiguration configuration, bool development)
    {
        var handlerPort = configuration["FUNCTIONS_CUSTOMHANDLER_PORT"];
        // A deployment sets what a new version reads before it publishes that version, and going back publishes one that does not know
        // it yet: neither must take down what runs.
        var unknown = KnownSettings.Check(configuration, strict: development || handlerPort is null);
        var section = configuration.GetSection("Kontext");
        var publicUrl = section["PublicUrl"] ?? (development ? "http://localhost:7071" : throw Missing("PublicUrl", "the https address people and agents reach Kontext at"));
        if (!Uri.TryCreate(publicUrl, UriKind.Absolute, out var url) || url.Query.Length > 0 || url.Fragment.Length > 0
            || !(url.Scheme == Uri.UriSchemeHttps || (url.Scheme == Uri.UriSchemeHttp && url.IsLoopback)))
            throw new InvalidSettingException("Kontext__PublicUrl has to be an absolute https address (http only on loopback) without query or fragment.");
        if (handlerPort is not null && !int.TryParse(handlerPort, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            throw new InvalidSettingException("FUNCTIONS_CUSTOMHANDLER_PORT has to be a port number.");
        var signIn = SignInSettings.Read(section.GetSection("SignIn"));
        if (signIn is null && !development)
            throw Missing("SignIn__Issuer", "the address of the OpenID Connect provider people sign in through, with Kontext__SignIn__ClientId");
        var organization = section["Organization"] ?? (development ? "dev" : throw Missing("Organization", "the slug of the organization people sign in to"));
        var keyVault = KeyVaultSettings.Read(section);
        return new KontextSettings
        {
            PublicUrl = url,
            Storage = section["Storage"] ?? throw Missing("Storage", "memory, a storage connection string or the https address of a table service"),
            KeyDirectory = section["KeyDirectory"] is { Length: > 0 } directory ? directory
                : keyVault is not null ? null : throw Missing("KeyDirectory", "a folder only this program's user can read, or Kontext__KeyVault, the address of a key vault"),
            KeyVault = keyVault,
            Organization = organization,
            OtherOrganizations = OrganizationSettings.ReadOthers(section.GetSection("Organizations"), organization, withProvider: signIn is not null),
            Development = development,
            SignIn = signIn,
            SigningKeys = SigningKeySettings.Read(section.GetSection("SigningKeys")),
            Validation = ValidationSettings.Read(section.GetSection("Validation")),
            Audit = AuditSettings.Read(section.GetSection("Audit"), section["Storage"] ?? ""),
            Limits = LimitSettings.Read(section, underHost: handlerPort is not null),
            AllowPrivateUpstreams = ReadBool(section, "AllowPrivateUpstreams") ?? development,
            DPoPNonceRequired = ReadBool(section, "DPoPNonceRequired") ?? false,
            Work = WorkSettings.Read(configuration, section["Storage"], underHost: handlerPort is not null),
            JsonLogs = section["LogFormat"] switch
            {
                null or "" => !development,
                "json" => true,
                "text" => false,
                _ => throw new InvalidSettingException("Kontext__LogFormat has to be json or text."),
            },
            HandlerPort = handlerPort is null ? null : int.Parse(handlerPort, CultureInfo.InvariantCulture),
            Unknown = unknown,
        };
    }

    private static bool? ReadBool(IConfigurationSection section, string name) => section[name] switch
    {
        null or "" => null,
        "true" or "True" or "1" => true,
        "false" or "False" or "0" => false,
        _ => throw new InvalidSettingException($"Kontext__{name} has to be true or false."),
    };

    private static InvalidSettingException Missing(string name, string what) => new($"Kontext__{name} is missing: {what}.");
}

/// <summary>A setting that keeps the program from starting.</summary>
internal sealed class InvalidSettingException(string message) : Exception(message);

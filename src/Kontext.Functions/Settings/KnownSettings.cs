using System.Collections.Immutable;

namespace Kontext.Functions.Settings;

/// <summary>Who reads a setting.</summary>
internal enum SettingReader
{
    /// <summary>Kontext.</summary>
    Program,

    /// <summary>The Functions host, or a library that looks at the environment by itself.</summary>
    Host,
}

/// <summary>A setting as operators write it. Where names vary there is a word in braces: <c>Providers__{provider}__ClientId</c>.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Reader">Who reads it.</param>
/// <param name="InAzure">The deployment in infra/ sets it; the others are for a machine of one's own.</param>
/// <param name="What">What it says, in a line of Markdown.</param>
/// <param name="Otherwise">What holds without it.</param>
internal sealed record KnownSetting(string Name, SettingReader Reader, bool InAzure, string What, string Otherwise)
{
    /// <summary>Is this what it is called? Names are not case-sensitive, as in the environment.</summary>
    public bool Matches(string name)
    {
        var (mine, other) = (Name.Split("__"), name.Split("__"));
        return mine.Length == other.Length
            && mine.Zip(other).All(pair => (pair.First.StartsWith('{') && pair.Second.Length > 0) || string.Equals(pair.First, pair.Second, StringComparison.OrdinalIgnoreCase));
    }
}

/// <summary>Every setting there is. docs/settings.md is made from this list; tests hold the program, the documentation and infra/ to it.</summary>
internal static class KnownSettings
{
    private const string Required = "the program does not start";
    private const string Needed = "required";

    /// <summary>All of them, in the order of the documentation.</summary>
    public static readonly ImmutableArray<KnownSetting> All =
    [
        Azure("Kontext__PublicUrl", "https address that people and agents reach Kontext at; the OAuth issuer. http only on loopback, no trailing slash, query or fragment", $"{Required}; in Development http://localhost:7071"),
        Azure("Kontext__Storage", "`memory`, a storage connection string, or the https address of a table service, reached through Entra ID", Required),
        Local("Kontext__KeyDirectory", "folder of the data keys where no key vault holds them; readable by the program's user only", $"{Required} without a key vault"),
        Azure("Kontext__KeyVault", "https addresses of key vaults, separated by commas, for data keys and, if wanted, credentials", "keys are in `Kontext__KeyDirectory`"),
        Azure("Kontext__Credentials", "`envelope`: credentials are encrypted in storage; `keyvault`: each is a secret of a key vault", "`envelope`"),
        Azure("Kontext__Organization", "slug of the first organization, which runs the installation", $"{Required}; in Development `dev`"),
        Azure("Kontext__AllowPrivateUpstreams", "`true`: integrations may be at private or loopback addresses", "`false`; in Development `true`"),
        Azure("Kontext__DPoPNonceRequired", "`true`: DPoP proofs carry a nonce of ours", "`false`"),
        .. SignIn("Kontext__SignIn", "the first organization's people"),
        Azure("Kontext__Organizations__{slug}__Name", "name of another organization as people read it", "its slug"),
        .. SignIn("Kontext__Organizations__{slug}__SignIn", "its people"),
        Azure("Kontext__SigningKeys__RotateEveryDays", "age at which a signing key is replaced; 0 leaves it to administrators", "90"),
        Azure("Kontext__SigningKeys__CacheSeconds", "how long others may keep the key set", "300"),
        Azure("Kontext__Validation__StaleAfterDays", "days without a refresh or a check after which a connection's service is asked whether the credential is still good; 0 for never", "7"),
        Azure("Kontext__Audit__RetentionDays", "whole days of the audit trail that stay in storage", "all stay"),
        Azure("Kontext__Audit__Archive", "where older days go: a directory, or the https address of a blob container", "required with RetentionDays"),
        Azure("Kontext__Limits__FailuresPerMinute", "failed authentications of one client from one network", "300"),
        Azure("Kontext__Limits__CreationsPerMinute", "what one network may create without being known", "600"),
        Azure("Kontext__Limits__ConcurrentRequests", "requests that one instance works on at a time", "1000"),
        Azure("Kontext__Limits__ApiRequestsPerMinute", "requests to the management API by one person or service account", "3000"),
        Azure("Kontext__Limits__CallsPerMinuteAndAgent", "calls of one application, for all its people; 0 for no limit", "6000"),
        Azure("Kontext__Limits__CallsPerMinuteAndPerson", "calls for one person, by all agents; 0 for no limit", "1200"),
        Azure("Kontext__Limits__ConcurrentCallsPerAgent", "calls of one application at the same time; 0 for no limit", "200"),
        Azure("Kontext__Limits__ConcurrentCallsPerPerson", "calls for one person at the same time; 0 for no limit", "50"),
        Azure("Kontext__Limits__StreamsPerAgent", "streams on which one application waits for changes, for all its people; 0 for no limit", "1000"),
        Azure("Kontext__Limits__StreamsPerPerson", "such streams for one person, of all agents; 0 for no limit", "50"),
        Azure("Kontext__Limits__CallSeconds", "a gateway call, to the last byte of its answer", "60"),
        Azure("Kontext__Limits__ProxyCallSeconds", "a proxied call, likewise", "600"),
        Azure("Kontext__Limits__SilenceSeconds", "how long an integration's server may send and take nothing", "50"),
        Azure("Kontext__Limits__WaitSeconds", "how long a call is held back for an integration that limits requests", "10"),
        Azure("Kontext__Limits__WaitingCalls", "how many calls of one person are held back at a time", "16"),
        Azure("Kontext__Limits__MessageBytes", "a message to the gateway", "4194304"),
        Azure("Kontext__Limits__ProxyBodyBytes", "the body of a proxied request", "33554432"),
        Azure("Kontext__LogFormat", "`json`: one object a line; `text`: for people", "`json`; in Development `text`"),
        Azure("Kontext__TrustedProxies", "proxies of yours that add to X-Forwarded-For", "1 under the Functions host, otherwise 0"),
        Azure("Providers__{provider}__ClientId", "your OAuth app at a provider of the catalog, for every organization", "administrators bring their own"),
        Azure("Providers__{provider}__ClientSecret", "its secret", "a public client"),
        Azure("KontextServiceBus__fullyQualifiedNamespace", "Service Bus with the queue of background work, through Entra ID", "no Service Bus"),
        Azure("KontextQueue__queueServiceUri", "https address of the queue service with that queue, through Entra ID", "the account of `Kontext__Storage`"),
        Local("KontextQueue", "connection string of the account with that queue", "the account of `Kontext__Storage`"),
        Local("OTEL_EXPORTER_OTLP_ENDPOINT", "collector that traces and metrics go to; this and the next are OpenTelemetry's own, and its SDK reads more", "nothing is exported"),
        Local("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "the same for traces alone", "see `OTEL_EXPORTER_OTLP_ENDPOINT`"),
        Local("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "the same for metrics alone", "see `OTEL_EXPORTER_OTLP_ENDPOINT`"),
        Local("OTEL_TRACES_EXPORTER", "`otlp` or `none`", "`otlp`"),
        Local("OTEL_METRICS_EXPORTER", "`otlp` or `none`", "`otlp`"),
        Local("OTEL_SDK_DISABLED", "`true`: nothing is exported", "`false`"),
        Local("ASPNETCORE_ENVIRONMENT", "`Development`: a seeded organization and a sign-in that takes any name. Never where others can reach it", "`Production`"),
        Local("ASPNETCORE_URLS", "where the program listens when it runs alone", "http://localhost:5000; in Development the port of `Kontext__PublicUrl`"),
        Local("ASPNETCORE_HTTP_PORTS", "the same as ports of all addresses", "see `ASPNETCORE_URLS`"),
        Local("FUNCTIONS_CUSTOMHANDLER_PORT", "set by the Functions host: where it reaches the program", "the program runs alone"),
        Host("KontextServiceBus__credential", "`managedidentity`: how the host signs in there"),
        Host("KontextServiceBus__clientId", "the identity it signs in as"),
        Host("KontextQueue__credential", "`managedidentity`, likewise for the queue"),
        Host("KontextQueue__clientId", "the identity"),
        Host("AzureWebJobsStorage__accountName", "the host's own storage account"),
        Host("AzureWebJobsStorage__credential", "`managedidentity`"),
        Host("AzureWebJobsStorage__clientId", "the identity"),
        Host("AzureWebJobsDisableHomepage", "`true`, or the host answers / itself"),
        Host("AzureWebJobs.fn_bus_work.Disabled", "`true` without Service Bus: the host cannot start a function whose connection is missing"),
        Host("AzureWebJobs.fn_bus_dead.Disabled", "`true` without Service Bus"),
        Host("AzureWebJobs.fn_queue_work.Disabled", "`true` without `KontextQueue`"),
        Host("AzureWebJobs.fn_queue_poison.Disabled", "`true` without `KontextQueue`"),
        Host("APPLICATIONINSIGHTS_CONNECTION_STRING", "where the host sends logs and metrics"),
        Host("APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "as which identity"),
        Host("AZURE_CLIENT_ID", "the identity that the program's own calls to Azure are made as"),
    ];

    /// <summary>Finds settings that are none, and refuses references that the platform left as they are.</summary>
    /// <param name="configuration">All that is set.</param>
    /// <param name="strict">A setting that is none is refused as well, so that a slip of the pen is found at the start.</param>
    /// <returns>The names of those that are none.</returns>
    /// <exception cref="InvalidSettingException">There is one to refuse; the message names it.</exception>
    public static ImmutableArray<string> Check(IConfiguration configuration, bool strict)
    {
        var unknown = ImmutableArray.CreateBuilder<string>();
        foreach (var (key, value) in configuration.GetSection("Kontext").AsEnumerable().Concat(configuration.GetSection("Providers").AsEnumerable()).OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            if (string.IsNullOrEmpty(value))
                continue;
            var name = key.Replace(":", "__", StringComparison.Ordinal);
            if (!All.Any(setting => setting.Matches(name)))
            {
                if (strict)
                    throw new InvalidSettingException($"{name} is no setting. docs/settings.md lists them all.");
                unknown.Add(name);
                continue;
            }
            // What App Service leaves in place of a secret that it could not read.
            if (value.StartsWith("@Microsoft.KeyVault(", StringComparison.OrdinalIgnoreCase))
                throw new InvalidSettingException($"{name} refers to a secret of a key vault that could not be read. Is the secret there, and has the app's identity the role Key Vault Secrets User or Officer? After a correction, restart the app.");
        }
        return unknown.ToImmutable();
    }

    /// <summary>The table of docs/settings.md.</summary>
    public static IEnumerable<string> Table() =>
    [
        "| setting | what it says | without it |",
        "|---|---|---|",
        .. All.Select(setting => $"| `{setting.Name}` | {setting.What} | {setting.Otherwise} |"),
    ];

    private static KnownSetting Azure(string name, string what, string otherwise) => new(name, SettingReader.Program, InAzure: true, what, otherwise);

    private static KnownSetting Local(string name, string what, string otherwise) => new(name, SettingReader.Program, InAzure: false, what, otherwise);

    private static KnownSetting Host(string name, string what) => new(name, SettingReader.Host, InAzure: true, what, "read by the Functions host or Azure's libraries, not by Kontext");

    private static IEnumerable<KnownSetting> SignIn(string prefix, string whose) =>
    [
        Azure($"{prefix}__Issuer", $"OpenID Connect provider that {whose} sign in through ([sign-in](sign-in.md))", $"{Required}, unless in Development"),
        Azure($"{prefix}__ClientId", "what the provider calls this installation", Needed),
        Azure($"{prefix}__ClientSecret", "its secret there", "a public client, with PKCE alone"),
        Azure($"{prefix}__Scopes", "what is asked for", "`openid profile email`"),
        Azure($"{prefix}__RolesClaim", "claim that lists the person's roles", "`roles`"),
        Azure($"{prefix}__RoleMap", "`value=role`, separated by commas", "values are roles"),
        Azure($"{prefix}__RequiredClaims", "`claim=value`, separated by commas: who may sign in", "everybody the provider knows"),
        Azure($"{prefix}__Administrators", "mail addresses or subjects of owners", "roles alone decide"),
    ];
}

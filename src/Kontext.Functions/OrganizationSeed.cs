using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.OAuth;
using Kontext.Domain.Policies;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Functions.Storage;

namespace Kontext.Functions;

/// <summary>Makes sure that the configured organizations exist, each with the visible rule that allows everything until an administrator narrows it, Google as the first service to connect with the MCP servers of its products, and a client for the command line. Safe to run on several instances at once.</summary>
internal sealed class OrganizationSeed(IOrganizationStore organizations, IPolicyStore policies, IApplicationStore applications, IIntegrationStore integrations, ConnectionSources sources, ProviderCatalog catalog, KontextSettings settings, TimeProvider time, ILogger<OrganizationSeed> log)
{
    /// <summary>The client id that command-line clients bring with them (contract 6.6).</summary>
    public static readonly AppId CommandLine = AppId.From(Guid.Parse("a4fb6d20-e937-450f-aa19-db585405aa92"));

    private const string Google = "google";

    // The MCP servers of the products that are there from the start, and their entries in the catalog (seed 004).
    private static readonly (string Name, string Provider)[] GoogleProducts = [("gmail", "google-gmail"), ("google_calendar", "google-calendar"), ("google_drive", "google-drive")];

    // Storage that is away for a moment must not end a start: the Functions host gives up on a program that ends three times.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    /// <summary>Creates what is missing; waits a while for storage that cannot be reached.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            try
            {
                await CreateMissingAsync(cancellationToken);
                return;
            }
            catch (StorageUnavailableException unavailable) when (time.GetElapsedTime(started) < Patience)
            {
                Log.StorageUnavailable(log, unavailable);
                await Task.Delay(Pause, time, cancellationToken);
            }
        }
    }

    private async Task CreateMissingAsync(CancellationToken cancellationToken)
    {
        foreach (var organization in settings.Organizations)
        {
            var org = await organizations.FindBySlugAsync(organization.Slug, cancellationToken) ?? await CreateAsync(organization, cancellationToken);
            await AllowAllAsync(org, cancellationToken);
            await AddGoogleAsync(org, cancellationToken);
            await AddGoogleProductsAsync(org, cancellationToken);
            await AddCommandLineAsync(org, CommandLineOf(organization), cancellationToken);
            if (organization.Slug != settings.Organization)
                Log.CommandLineOf(log, organization.Slug, CommandLineOf(organization));
        }
    }

    /// <summary>The client with which people of an organization manage it from a terminal: in the first organization the one every command-line client brings with it, elsewhere one of its own.</summary>
    private AppId CommandLineOf(OrganizationSettings organization) =>
        organization.Slug == settings.Organization ? CommandLine : Ids.Named<AppId>($"command line\n{organization.Slug}");

    private async Task<OrgId> CreateAsync(OrganizationSettings organization, CancellationToken cancellationToken)
    {
        var org = Ids.Named<OrgId>($"organization\n{organization.Slug}");
        await organizations.InsertAsync(new Organization
        {
            Id = org,
            Slug = organization.Slug,
            Name = organization.Name,
            DynamicRegistration = settings.Development,
            CreatedAt = time.GetUtcNow(),
        }, cancellationToken);
        return org;
    }

    private async Task AllowAllAsync(OrgId org, CancellationToken cancellationToken)
    {
        if (await policies.FindAsync(org, cancellationToken) is { Value.Revision: > 0 })
            return;
        var current = await policies.FindAsync(org, cancellationToken) ?? new Versioned<PolicyRules>(PolicyRules.None, "");
        var now = time.GetUtcNow();
        await policies.ReplaceAsync(org, current, new PolicyRules(1, [new PolicyRule
        {
            Id = Ids.New<RuleId>(now),
            Layer = PolicyLayer.Organization,
            Effect = PolicyEffect.Allow,
            Subject = new PolicySubject(PolicySubjectKind.Everyone),
            Description = "Allows everything: every new organization starts with this rule. Delete or narrow it.",
            CreatedAt = now,
            CreatedBy = "Kontext",
        }]), cancellationToken);
    }

    /// <summary>Gmail, Calendar and Drive (seed 004). Its id is always the same, so that it does not come back once an administrator archived it; a name that is taken is left to its owner.</summary>
    private async Task AddGoogleAsync(OrgId org, CancellationToken cancellationToken)
    {
        var id = Ids.Named<IntegrationId>($"google\n{org}");
        if (await integrations.FindAsync(org, id, cancellationToken) is not null)
            return;
        var now = time.GetUtcNow();
        await integrations.InsertAsync(org, new Integration
        {
            Id = id,
            Name = Google,
            Url = "https://www.googleapis.com",
            Category = IntegrationCategory.InternalMcpCredentials,
            AuthMode = AuthMode.Oauth,
            OAuth = new IntegrationOAuth { Provider = Google },
            CreatedAt = now,
            UpdatedAt = now,
        }, cancellationToken);
    }

    /// <summary>Their MCP servers, which are used with the connection to Google. As long as Google is as it was made here; none comes back once it was archived.</summary>
    private async Task AddGoogleProductsAsync(OrgId org, CancellationToken cancellationToken)
    {
        if (await integrations.FindAsync(org, Ids.Named<IntegrationId>($"google\n{org}"), cancellationToken) is not { Value: { Archived: false } google })
            return;
        var now = time.GetUtcNow();
        foreach (var (name, key) in GoogleProducts)
        {
            var id = Ids.Named<IntegrationId>($"{name}\n{org}");
            if (catalog.TryFind(key, out var provider) && provider.McpEndpoint is { } endpoint && await integrations.FindAsync(org, id, cancellationToken) is null)
            {
                var product = new Integration
                {
                    Id = id,
                    Name = name,
                    Url = endpoint.Text,
                    Category = IntegrationCategory.GatewayRemoteMcp,
                    AuthMode = AuthMode.Oauth,
                    OAuth = new IntegrationOAuth { Provider = key },
                    ConnectionOf = google.Id,
                    CreatedAt = now,
                    UpdatedAt = now,
                };
                if (sources.Serves(google, product))
                    await integrations.InsertAsync(org, product, cancellationToken);
            }
        }
    }

    private async Task AddCommandLineAsync(OrgId org, AppId commandLine, CancellationToken cancellationToken)
    {
        if (await applications.FindAsync(org, commandLine, cancellationToken) is not null)
            return;
        var now = time.GetUtcNow();
        await applications.InsertAsync(org, new Application
        {
            Id = commandLine,
            Name = "Kontext command line",
            Description = "Signs you in at the terminal.",
            OAuth = new OAuthClient
            {
                RedirectUris = ["http://127.0.0.1/callback", "http://localhost/callback"],
                Scopes = [Scopes.Management, Scopes.GatewayAccess, Scopes.Invoke],
            },
            Registration = Registration.BuiltIn,
            CreatedAt = now,
            UpdatedAt = now,
        }, cancellationToken);
    }
}

using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Functions.Pages;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.OAuth;

/// <summary>What the consent page says: who asks, for what, as whom, for how long (contract 3.2, seed 002).</summary>
internal sealed class ConsentScreen(IIntegrationStore integrations, IConnectionStore connections, IOrganizationStore organizations, IUserStore users, Resources resources)
{
    /// <summary>The integrations a person can approve with this request: those attached to the application, narrowed to the resources asked for.</summary>
    public async Task<IReadOnlyList<Integration>> OfferedAsync(AuthorizeRequest request, CancellationToken cancellationToken)
    {
        if (!request.Resources.Any(resources.IsGateway))
            return [];
        var offered = new List<Integration>();
        foreach (var id in request.Application.Integrations)
        {
            if (await integrations.CurrentAsync(request.Org, id, cancellationToken) is { Archived: false } integration)
                offered.Add(integration);
        }
        if (request.Application.IsSelfRegistered)
            offered.AddRange((await integrations.CurrentDefaultsAsync(request.Org, cancellationToken)).Where(integration => !offered.Any(known => known.Id == integration.Id)));
        if (request.Resources.Contains(resources.Gateway))
            return offered;
        var named = request.Resources.Select(resources.IntegrationOf).ToList();
        return offered.Where(integration => named.Contains(integration.Name, StringComparer.OrdinalIgnoreCase)).ToList();
    }

    /// <summary>The page.</summary>
    public async Task<IResult> ShowAsync(AuthorizeRequest request, BrowserUser person, string query, CancellationToken cancellationToken)
    {
        var application = request.Application;
        var offered = new List<ConsentIntegration>();
        foreach (var integration in await OfferedAsync(request, cancellationToken))
        {
            var connected = integration.NeedsConnection
                && await connections.CurrentAsync(request.Org, person.User.Id, integration.Id, cancellationToken) is { Status: ConnectionStatus.Connected } connection
                && connection.Epoch == integration.ConnectionEpoch;
            offered.Add(new ConsentIntegration(integration.Id.ToString(), integration.Name, integration.Url, integration.Capabilities, connected, integration.NeedsConnection, Checked: true));
        }
        var organization = await organizations.CurrentAsync(request.Org, cancellationToken);
        var (publisher, note) = await OriginAsync(request, organization, cancellationToken);
        var returnsTo = new Uri(request.RedirectUri);
        return PageResult.Of<ConsentPage>(new ConsentModel(
            application.Name,
            publisher,
            note,
            returnsTo.Host.Length > 0 ? returnsTo.Host : returnsTo.Scheme,
            RedirectUri.IsLoopback(request.RedirectUri),
            organization?.Name ?? "",
            person.User.DisplayName,
            offered,
            [.. request.Scopes.Select(scope => Sentence(scope, person.User)).OfType<string>()],
            ["See your passwords", "Use services you do not tick", "Act after this approval has ended"],
            $"{AuthorizationCodeGrant.SessionLifetime.TotalHours:0} hours",
            query,
            person.CsrfToken,
            "/oauth2/auth/decision"), StatusCodes.Status200OK, returnsTo);
    }

    /// <summary>Who vouches for the agent, null for nobody, and how it came to be known.</summary>
    private async Task<(string? Publisher, string Note)> OriginAsync(AuthorizeRequest request, Organization? organization, CancellationToken cancellationToken)
    {
        var application = request.Application;
        switch (application.Registration)
        {
            case Registration.Managed:
                var owner = application.Owner is { } id ? await users.CurrentAsync(request.Org, id, cancellationToken) : null;
                return owner is { IsPrivileged: false }
                    ? (owner.DisplayName, "A member of your organization set it up; no administrator has reviewed it.")
                    : (organization?.Name, "Your organization set it up.");
            case Registration.Dynamic:
                return (null, "It registered itself; your organization has not reviewed it.");
            case Registration.BuiltIn:
                return ("Kontext", "It is part of Kontext.");
            case Registration.MetadataDocument:
                // The one thing about it that cannot be made up: whoever holds this host published the document.
                return (DocumentHost(application), $"It is known by the document it publishes at {DocumentHost(application)}; your organization has not reviewed it.");
            default:
                throw new InvalidOperationException($"Unknown registration {application.Registration}.");
        }
    }

    private static string? DocumentHost(Application application) => application.DocumentUrl is { } url ? new Uri(url).Host : null;

    private static string? Sentence(string scope, User user) => scope switch
    {
        // Token exchange hands out credentials, so the page must not say that the agent never sees one.
        Scopes.Invoke => "Use the services ticked above in your name, and receive access to them where your organization's policy allows it",
        Scopes.GatewayAccess => "Obtain access to tools for agents you start on this machine",
        Scopes.Management when user.IsPrivileged => "Manage your organization: applications, integrations, policies and service accounts",
        Scopes.Management => "Manage your own applications and connections",
        Scopes.OpenId => "Know who you are",
        "profile" => "See your name",
        "email" => "See your mail address",
        _ => null,
    };
}

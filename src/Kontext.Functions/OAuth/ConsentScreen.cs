using System.Collections.Immutable;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Functions.Pages;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.OAuth;

/// <summary>What the consent page says: who asks, for what, as whom, for how long (contract 3.2, seed 002).</summary>
internal sealed class ConsentScreen(
    IIntegrationStore integrations, ConnectionSources connections, IOrganizationStore organizations, IUserStore users, IToolPinStore pins, StandingApprovals approvals,
    Resources resources)
{
    /// <summary>What to ask: everything, or only the difference when the person has allowed this agent a part already. <c>prompt=consent</c> asks for everything.</summary>
    public async Task<ConsentQuestion> QuestionAsync(AuthorizeRequest request, User person, CancellationToken cancellationToken)
    {
        var offered = await OfferedAsync(request, cancellationToken);
        var everything = new ConsentQuestion(offered, [], request.Scopes, []);
        if (request.Prompt.Contains("consent"))
            return everything;
        var standing = await approvals.OfAsync(request.Org, request.Application, person.Id, cancellationToken);
        var difference = new ConsentQuestion(
            [.. offered.Where(integration => !standing.Integrations.Contains(integration.Id))],
            [.. offered.Where(integration => standing.Integrations.Contains(integration.Id))],
            [.. request.Scopes.Where(scope => !standing.Scopes.Contains(scope))],
            [.. request.Scopes.Where(standing.Scopes.Contains)]);
        // The same request again is a session more, which is for the person to decide as a whole.
        return difference.IsNothing ? everything : difference;
    }

    /// <summary>The integrations a person can approve with this request: those attached to the application, narrowed to the resources asked for.</summary>
    private async Task<IReadOnlyList<Integration>> OfferedAsync(AuthorizeRequest request, CancellationToken cancellationToken)
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
    public async Task<IResult> ShowAsync(AuthorizeRequest request, BrowserUser person, string query, CancellationToken cancellationToken) =>
        PageResult.Of<ConsentPage>(await ModelAsync(request, person, query, "/oauth2/auth/decision", cancellationToken), StatusCodes.Status200OK, new Uri(request.RedirectUri));

    /// <summary>The same page for an agent on another device, which has to be confirmed as the person's own (RFC 8628 section 5.4).</summary>
    /// <param name="request">What the agent asks for.</param>
    /// <param name="person">Who decides.</param>
    /// <param name="userCode">The code the agent shows.</param>
    /// <param name="unconfirmed">Allow was pressed without the confirmation.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<IResult> ShowForDeviceAsync(AuthorizeRequest request, BrowserUser person, string userCode, bool unconfirmed, CancellationToken cancellationToken)
    {
        var shown = UserCode.Normalize(userCode) is { } code ? UserCode.Display(code) : throw new ArgumentException("No user code.", nameof(userCode));
        var model = await ModelAsync(request, person, shown, "/device/decision", cancellationToken);
        return PageResult.Of<ConsentPage>(model with { UserCode = shown, Unconfirmed = unconfirmed }, unconfirmed ? StatusCodes.Status400BadRequest : StatusCodes.Status200OK);
    }

    private async Task<ConsentModel> ModelAsync(AuthorizeRequest request, BrowserUser person, string requestFields, string action, CancellationToken cancellationToken)
    {
        var application = request.Application;
        var question = await QuestionAsync(request, person.User, cancellationToken);
        var asked = new List<ConsentIntegration>();
        foreach (var integration in question.Asked)
        {
            var connected = integration.NeedsConnection && (await connections.FindAsync(request.Org, person.User.Id, integration, cancellationToken)).State.Connected;
            var able = await CapabilitiesAsync(request.Org, integration, cancellationToken);
            asked.Add(new ConsentIntegration(
                integration.Id.ToString(), integration.Name, integration.Url, [.. able[ToolRisk.Destroys]], [.. able[ToolRisk.Writes]], [.. able[ToolRisk.Reads]],
                connected, integration.NeedsConnection, Checked: true));
        }
        var organization = await organizations.CurrentAsync(request.Org, cancellationToken);
        var (publisher, note) = await OriginAsync(request, organization, cancellationToken);
        var returnsTo = new Uri(request.RedirectUri);
        return new ConsentModel(
            application.Name,
            publisher,
            note,
            returnsTo.Host.Length > 0 ? returnsTo.Host : returnsTo.Scheme,
            RedirectUri.IsLoopback(request.RedirectUri),
            organization?.Name ?? "",
            person.User.DisplayName,
            asked,
            [.. Sentences(question.Scopes, person.User)],
            [.. Sentences(question.StandingScopes, person.User), .. question.Standing.Select(integration => new ConsentSentence($"Use {integration.Name} in your name"))],
            [.. Cannot(question, person.User)],
            $"{AuthorizationCodeGrant.SessionLifetime.TotalHours:0} hours",
            requestFields,
            person.CsrfToken,
            action);
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

    // What was seen of a tool says what it does better than its name.
    private async Task<ILookup<ToolRisk, string>> CapabilitiesAsync(OrgId org, Integration integration, CancellationToken cancellationToken)
    {
        var definitions = new Dictionary<string, string?>(StringComparer.Ordinal);
        if (!integration.Capabilities.IsEmpty)
        {
            foreach (var pin in await pins.ListAsync(org, integration.Id, cancellationToken))
                definitions[pin.Value.Name] = pin.Value.ChangedDefinition ?? pin.Value.Definition;
        }
        return integration.Capabilities.ToLookup(capability => ToolRisks.Of(capability, definitions.GetValueOrDefault(capability)));
    }

    private static IEnumerable<ConsentSentence> Sentences(IEnumerable<string> scopes, User user) =>
        scopes.SelectMany(scope => Sentences(scope, user)).OrderByDescending(sentence => sentence.Weight);

    private static IEnumerable<ConsentSentence> Sentences(string scope, User user) => scope switch
    {
        // Token exchange hands out credentials, so the page must not say that the agent never sees one.
        Scopes.Invoke =>
        [
            new("Use the services you allow in your name"),
            new("Receive a service's credential itself, where your organization's policy permits it, and use it past Kontext", ConsentWeight.Careful),
        ],
        Scopes.GatewayAccess => [new("Obtain access to tools for agents you start on this machine", ConsentWeight.Careful)],
        Scopes.Management when user.IsPrivileged => [new("Manage your organization: applications, integrations, policies and service accounts", ConsentWeight.Grave)],
        Scopes.Management => [new("Manage your own applications and connections", ConsentWeight.Careful)],
        Scopes.OpenId => [new("Know who you are")],
        "profile" => [new("See your name")],
        "email" => [new("See your mail address")],
        _ => [],
    };

    // What was allowed before goes on, so only what is in neither request is kept from the agent.
    private static IEnumerable<string> Cannot(ConsentQuestion question, User user)
    {
        var scopes = question.Scopes.Union(question.StandingScopes).ToHashSet(StringComparer.Ordinal);
        if (user.IsPrivileged && !scopes.Contains(Scopes.Management))
            yield return "Manage your organization: it did not ask to";
        else if (!scopes.Contains(Scopes.Management))
            yield return "Manage your applications and connections: it did not ask to";
        else if (!user.IsPrivileged)
            yield return "Manage your organization";
        if (question.Asked.Count > 0)
            yield return "Use services you do not tick";
        else if (question.Standing.Count > 0)
            yield return "Use more services than before";
        else if (!scopes.Contains(Scopes.GatewayAccess))
            yield return "Use any service in your name";
        yield return "See the password you sign in with";
        yield return "Act after this approval has ended";
    }
}

/// <summary>What a consent page asks, and what the person has allowed the agent before and is not asked again.</summary>
/// <param name="Asked">Integrations to include or leave out.</param>
/// <param name="Standing">Integrations allowed before.</param>
/// <param name="Scopes">Scopes asked for.</param>
/// <param name="StandingScopes">Scopes allowed before.</param>
internal sealed record ConsentQuestion(IReadOnlyList<Integration> Asked, IReadOnlyList<Integration> Standing, ImmutableArray<string> Scopes, ImmutableArray<string> StandingScopes)
{
    /// <summary>There is nothing to ask.</summary>
    public bool IsNothing => Asked.Count == 0 && Scopes.IsEmpty;
}

using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Connect;

/// <summary>A connect session opened by the person it is for.</summary>
internal sealed record OpenedSession(string Handle, ConnectSession Session, Application Application);

/// <summary>Gathers what the connect page shows and checks who may see it.</summary>
internal sealed class ConnectPageBuilder(IConnectLinks links, IApplicationStore applications, IIntegrationStore integrations, IConnectionStore connections, ConnectionSources sources, ProviderDirectory providers, TimeProvider time)
{
    /// <summary>Where the page is, and the forms go.</summary>
    public const string Action = "/oauth/connect";

    /// <summary>A link that ended, or never was.</summary>
    public static readonly Failure LinkIsOver = new(FailureCode.NotFound, "This connect link is not valid any more. Ask the agent for a new one.");

    /// <summary>The page of a session.</summary>
    public static string PathOf(string handle) => $"{Action}?session={Uri.EscapeDataString(handle)}";

    /// <summary>Opens a session for the person signed in. Anybody else is refused: a link that was passed on must not connect another person's account.</summary>
    public async Task<Result<OpenedSession>> OpenAsync(BrowserUser user, string? handle, CancellationToken cancellationToken)
    {
        if (string.IsNullOrEmpty(handle) || await links.FindAsync(handle, cancellationToken) is not { } found)
            return LinkIsOver;
        if (found.Org != user.Org || found.Session.User != user.User.Id)
            return new Failure(FailureCode.Forbidden, "This connect link was made for somebody else. Sign in as that person, or ask your agent for a link of your own.", "connect session of another person");
        return await applications.CurrentAsync(user.Org, found.Session.Application, cancellationToken) is { Archived: false } application
            ? new OpenedSession(handle, found.Session, application)
            : new Failure(FailureCode.NotFound, "The agent that made this link is no longer there.");
    }

    /// <summary>The integration a form is about: one the page would show.</summary>
    public async Task<Result<Integration>> FindIntegrationAsync(BrowserUser user, OpenedSession session, string? id, CancellationToken cancellationToken)
    {
        if (!IntegrationId.TryParse(id, null, out var integrationId) || (await ListAsync(user.Org, session, cancellationToken)).Find(integration => integration.Id == integrationId) is not { } offered)
            return new Failure(FailureCode.NotFound, "This service is not one of those offered here.");
        return offered;
    }

    /// <summary>The page.</summary>
    public async Task<ConnectView> BuildAsync(BrowserUser user, OpenedSession session, ConnectOutcome outcome, CancellationToken cancellationToken)
    {
        var shown = await ListAsync(user.Org, session, cancellationToken);
        var cards = await Task.WhenAll(shown.Select(integration => CardAsync(user, integration, cancellationToken)));
        return new ConnectView(session.Application.Name, user.User.DisplayName, cards, Action, session.Handle, user.CsrfToken, session.Session.ReturnUrl, outcome);
    }

    private async Task<List<Integration>> ListAsync(OrgId org, OpenedSession session, CancellationToken cancellationToken)
    {
        var found = new List<Integration>();
        var ids = session.Session.Integration is { } only ? [only] : session.Application.Integrations;
        foreach (var id in ids)
        {
            if (await integrations.CurrentAsync(org, id, cancellationToken) is { Archived: false } integration && IsOffered(session, integration))
                found.Add(integration);
        }
        if (session.Session.Integration is null && session.Application.IsSelfRegistered)
        {
            foreach (var integration in await integrations.CurrentDefaultsAsync(org, cancellationToken))
            {
                if (!integration.Archived && found.TrueForAll(listed => listed.Id != integration.Id))
                    found.Add(integration);
            }
        }
        // What is used with the connection to a suite is connected by connecting the suite.
        var shown = await Task.WhenAll(found.Select(integration => sources.OfAsync(org, integration, cancellationToken).AsTask()));
        return [.. shown.OfType<Integration>().Where(integration => !integration.Archived).DistinctBy(integration => integration.Id)];
    }

    // A link names one integration only if its person may connect it: the agent was refused for want of it, or the person asked for the link themselves.
    private static bool IsOffered(OpenedSession session, Integration integration) =>
        session.Session.Integration is { } only ? only == integration.Id : CredentialBroker.IsAttached(session.Application, integration);

    private async Task<ConnectItem> CardAsync(BrowserUser user, Integration integration, CancellationToken cancellationToken)
    {
        var row = integration.NeedsConnection ? await connections.FindAsync(user.Org, user.User.Id, integration.Id, cancellationToken) : null;
        var state = ConnectionState.Of(integration, row?.Value, time.GetUtcNow());
        var connected = !integration.NeedsConnection || state.Connected;
        var reason = connected ? ScopeStepUp.WordsOf(state.Connection) ?? state.Connection?.LastError : state.Reason;
        if (integration.AuthMode == AuthMode.Oauth && !(await providers.ResolveAsync(user.Org, integration, cancellationToken)).TryGet(out _, out var failure))
            reason = failure.Message;
        var fields = CredentialField.Of(integration);
        var kind = integration.AuthMode switch
        {
            AuthMode.Oauth => "oauth",
            AuthMode.UserToken => fields.Count > 0 ? "credentials" : "user_token",
            _ => "none",
        };
        return new ConnectItem(
            integration.Id.ToString(), integration.Name, kind, connected ? "connected" : "disconnected", reason, state.Connection?.Account,
            integration.TokenLabel, integration.TokenHelpUrl, integration.TokenPlaceholder, fields);
    }
}

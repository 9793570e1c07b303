using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;
using Kontext.Functions.Organizations;
using Kontext.Functions.Pages;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Account;

/// <summary>Makes the page of a person's connections: what there is to connect in their organization, and what the API of seed 004 tells of their records.</summary>
internal sealed class IntegrationsView(ServiceDirectory services, IConnectionStore connections, IPlatformProviderApps platform, TimeProvider time)
{
    /// <summary>The page's model.</summary>
    public async Task<IntegrationsModel> OfAsync(BrowserUser user, PagePerson person, CancellationToken cancellationToken)
    {
        var all = await services.ListAsync(user.Org, cancellationToken);
        var rows = (await connections.ListAsync(user.Org, user.User.Id, cancellationToken)).ToDictionary(connection => connection.Integration);
        var now = time.GetUtcNow();
        return new IntegrationsModel(person, all.ConvertAll(integration => CardOf(integration, ConnectionState.Of(integration, rows.GetValueOrDefault(integration.Id), now))));
    }

    /// <summary>Path of the pages of one service.</summary>
    public static string PathOf(Integration integration) => $"{IntegrationsModel.Path}/{Uri.EscapeDataString(integration.Name)}";

    /// <summary>Its name for people.</summary>
    public string NameOf(Integration integration) => ServiceBody.NameOf(integration, services.ProviderOf(integration));

    private IntegrationCard CardOf(Integration integration, ConnectionState state)
    {
        var provider = services.ProviderOf(integration);
        // What was ended on purpose is as if it had never been, as in the API.
        var stored = ConnectionRecordBody.IsShown(state);
        var fields = CredentialField.Of(integration);
        var kind = integration.AuthMode == AuthMode.Oauth ? "oauth" : fields.Count > 0 ? "credentials" : "user_token";
        var service = new ConnectCard(
            integration.Id.ToString(), ServiceBody.NameOf(integration, provider), kind, state.Status, ReasonOf(state), stored ? state.Connection?.Account : null,
            integration.TokenLabel, integration.TokenHelpUrl, integration.TokenPlaceholder, fields);
        return new IntegrationCard(
            service, PathOf(integration), ServiceBody.DescriptionOf(integration, provider), stored ? state.Validity.ToString() : null,
            state.Connection?.CheckedAt, stored ? MessageOf(state) : null, MissingOf(integration, provider));
    }

    private static string? ReasonOf(ConnectionState state) => state switch
    {
        { Connected: true } => ScopeStepUp.WordsOf(state.Connection) is { } lacking ? Sentence(lacking) : null,
        { ReasonCode: ConnectionEnds.ByPerson } or { Reason: null } => null,
        { ReasonCode: ConnectionEnds.ByAdministrator or ConnectionEnds.ModeChanged } => Sentence("not connected: " + state.Reason),
        _ => Sentence(state.Reason) + " Reconnect to let your agents go on.",
    };

    /// <summary>What there is to say of a connection that works, or may work.</summary>
    private static string? MessageOf(ConnectionState state) =>
        state.Connection is { LastError: { } error } ? Sentence(error) : state is { Validity: not Validity.Valid, Connection.CheckMessage: { } message } ? Sentence(message) : null;

    private string? MissingOf(Integration integration, CatalogProvider? provider) =>
        integration is { AuthMode: AuthMode.Oauth, OAuth.ClientId: null } && provider is not null && platform.Find(provider.SettingsKey) is null
            ? $"This is not set up here yet: {provider.Name} has to know Kontext first. An administrator can see to that."
            : null;

    private static string Sentence(string text) => char.ToUpperInvariant(text[0]) + text[1..].TrimEnd('.') + ".";
}

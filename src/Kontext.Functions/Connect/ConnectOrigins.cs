using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Connect;

/// <summary>Where an authorization was begun from which a person comes back.</summary>
/// <param name="IntegrationName">What was to be connected.</param>
/// <param name="Session">The connect session on whose page it was; null when it is over, or there was none.</param>
/// <param name="ReturnUrl">Where the person goes afterwards; null for nowhere.</param>
internal sealed record ConnectOrigin(string IntegrationName, OpenedSession? Session, string? ReturnUrl)
{
    /// <summary>The page; null when it is gone.</summary>
    public string? Page => Session is null ? null : ConnectPageBuilder.PathOf(Session.Handle);
}

/// <summary>Finds the page from which a person went to a provider, so that no answer of it is a dead end.</summary>
internal sealed class ConnectOrigins(ConnectStates states, IIntegrationStore integrations, ConnectPageBuilder builder)
{
    /// <summary>Where it was begun; null for an answer to nothing that this person began in this browser.</summary>
    public async Task<ConnectOrigin?> FindAsync(BrowserUser user, string? state, CancellationToken cancellationToken)
    {
        if (await states.FindAsync(state, user.Org, user.User.Id, user.SessionBinding, cancellationToken) is not { State: var started, Session: var handle })
            return null;
        var session = (await builder.OpenAsync(user, handle?.Reveal(), cancellationToken)).TryGet(out var opened, out _) ? opened : null;
        var name = (await integrations.CurrentAsync(user.Org, started.Integration, cancellationToken))?.Name ?? "the service";
        return new ConnectOrigin(name, session, started.ReturnUrl);
    }

    /// <summary>The page, while services on it are not connected yet; null otherwise.</summary>
    public async Task<string?> NextAsync(BrowserUser user, ConnectOrigin? origin, CancellationToken cancellationToken) =>
        origin?.Session is { } session && (await builder.BuildAsync(user, session, ConnectOutcome.None, cancellationToken)).Cards.Any(card => card.Status == "disconnected")
            ? origin.Page : null;
}

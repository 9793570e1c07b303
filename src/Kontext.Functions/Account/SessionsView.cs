using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.OAuth;
using Kontext.Functions.Pages;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Account;

/// <summary>Makes the sessions page: what lives first, with the names of what was approved.</summary>
internal sealed class SessionsView(IIntegrationStore integrations, TimeProvider time)
{
    /// <summary>The page's model.</summary>
    /// <param name="user">Whose sessions they are.</param>
    /// <param name="person">Whom the page is shown to.</param>
    /// <param name="sessions">Their sessions, newest first.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<SessionsModel> OfAsync(BrowserUser user, PagePerson person, IReadOnlyList<OwnSession> sessions, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var live = new List<SessionCard>();
        foreach (var own in sessions.Where(own => own.Session.IsLive(now)))
            live.Add(await CardAsync(user.Org, own, cancellationToken));
        var past = sessions.Where(own => !own.Session.IsLive(now))
            .Select(own => new PastSession(own.Application.Name, own.Session.CreatedAt, own.Session.RevokedAt ?? own.Session.ExpiresAt, own.Session.RevokedAt is null ? "its time was over" : own.Session.RevokedReason ?? "revoked"))
            .ToList();
        return new SessionsModel(person, live, past);
    }

    private async Task<SessionCard> CardAsync(OrgId org, OwnSession own, CancellationToken cancellationToken)
    {
        var services = new List<string>();
        foreach (var id in own.Session.Approved)
        {
            if (await integrations.CurrentAsync(org, id, cancellationToken) is { Archived: false } integration)
                services.Add(integration.Name);
        }
        return new SessionCard(
            own.Session.Id.ToString(), own.Application.Name, services, own.Session.CreatedAt, own.Session.ExpiresAt,
            own.Session.LastActiveAt, own.Session.Hostname, own.Session.UserAgent);
    }
}

using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.OAuth;
using Kontext.Functions.Pages;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Account;

/// <summary>Makes the sessions page: what lives first, with the names of what was approved.</summary>
internal sealed class SessionsView(IIntegrationStore integrations, LateActions lately, TimeProvider time)
{
    // The newest; the page must not read the trail for dozens.
    private const int WithActions = 10;

    /// <summary>The page's model.</summary>
    /// <param name="user">Whose sessions they are.</param>
    /// <param name="person">Whom the page is shown to.</param>
    /// <param name="sessions">Their sessions, newest first.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<SessionsModel> OfAsync(BrowserUser user, PagePerson person, IReadOnlyList<OwnSession> sessions, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var live = await Task.WhenAll(sessions.Where(own => own.IsLive(now)).Select((own, place) => CardAsync(user, own, now, place < WithActions, cancellationToken)));
        return new SessionsModel(person, live, [.. sessions.Where(own => !own.IsLive(now)).Select(own => PastOf(own, now))]);
    }

    private static PastSession PastOf(OwnSession own, DateTimeOffset now)
    {
        var (endedAt, reason) = own.Session.RevokedAt is { } revoked ? (revoked, own.Session.RevokedReason ?? "revoked")
            : now >= own.Session.ExpiresAt ? (own.Session.ExpiresAt, "its time was over")
            : (own.Application.UpdatedAt, "the agent was cut off");
        return new PastSession(own.Application.Name, own.Session.CreatedAt, endedAt, reason);
    }

    private async Task<SessionCard> CardAsync(BrowserUser user, OwnSession own, DateTimeOffset now, bool withActions, CancellationToken cancellationToken)
    {
        var services = new List<string>();
        foreach (var id in own.Session.Approved)
        {
            if (await integrations.CurrentAsync(user.Org, id, cancellationToken) is { Archived: false } integration)
                services.Add(integration.Name);
        }
        return new SessionCard(
            own.Session.Id.ToString(), own.Application.Name, services, own.Session.CreatedAt, own.Session.ExpiresAt,
            own.Session.LastActiveAt, own.Session.Hostname, own.Session.UserAgent,
            withActions ? await lately.OfAsync(user.Org, user.User.Id, own.Session.Id, now, cancellationToken) : []);
    }
}

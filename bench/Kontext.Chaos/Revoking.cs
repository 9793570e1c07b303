using System.Text.Json.Nodes;

namespace Kontext.Chaos;

/// <summary>An administrator who revokes sessions, applications, integrations, people, connections and now and then the whole organization, lets each be for a while, and undoes it where that can be.</summary>
internal sealed class Revoking(Site site, Journal journal, Choices dice)
{
    // Long enough to see that it holds everywhere.
    private static readonly TimeSpan Hold = TimeSpan.FromMilliseconds(2_500);

    // While things go wrong a person tries again and again; afterwards it has to work.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    // Storage stalls for five seconds at most.
    private static readonly TimeSpan LongestStall = TimeSpan.FromSeconds(8);

    /// <summary>Revokes until it is over. What was begun is undone.</summary>
    public Task RunAsync(CancellationToken over) => Task.WhenAll(
        RepeatAsync(own => SessionAsync(own, over), dice.Apart(1), over), RepeatAsync(SwitchAsync, dice.Apart(2), over), RepeatAsync(ConnectionAsync, dice.Apart(3), over));

    /// <summary>Undoes what a request left that nobody saw the answer of.</summary>
    public async Task ReinstateAllAsync()
    {
        string? cursor = null;
        do
        {
            var page = await site.Owner.DoAsync(HttpMethod.Get, $"/revocations?limit=100{(cursor is null ? "" : "&cursor=" + Uri.EscapeDataString(cursor))}");
            foreach (var left in page!["items"]!.AsArray().Where(item => (bool)item!["reinstatable"]!))
                await site.Owner.DoAsync(HttpMethod.Post, $"/revocations/{(string)left!["id"]!}/reinstate");
            cursor = (string?)page["nextCursor"];
        }
        while (cursor is not null);
    }

    private static async Task RepeatAsync(Func<Choices, Task> act, Choices own, CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            await Task.Delay(own.Between(300, 1_500), CancellationToken.None);
            await act(own);
        }
    }

    // The first half of the agents loses sessions, the other half is cut off as a whole.
    private async Task SessionAsync(Choices own, CancellationToken over)
    {
        var session = site.SessionOf(own.Of(site.Agents.Take(site.Agents.Count / 2).ToList()), own.Of(site.People));
        await RevokeAsync(new Revocation(Revoked.Session, session.Id, journal.Now), new JsonObject { ["type"] = "session", ["applicationId"] = session.Agent.Id, ["sessionId"] = session.Id });
        await Task.Delay(Hold, CancellationToken.None);
        site.DeadSessions.Enqueue(session);
        for (TimeSpan? healed = null; ;)
        {
            try
            {
                site.Renew(await session.Person.ApproveAsync(session.Agent, journal));
                return;
            }
            catch (Exception trouble) when (Person.IsTrouble(trouble))
            {
                journal.Count("approvals that were repeated");
                if (over.IsCancellationRequested && journal.Now > (healed ??= journal.Now) + Patience)
                {
                    journal.Breaches.Enqueue(new Breach(journal.Now, $"{session.Person.Name} could not approve {session.Agent.Name} when everything was healed: {trouble.Message}"));
                    return;
                }
                await Task.Delay(own.Between(200, 600), CancellationToken.None);
            }
        }
    }

    private async Task SwitchAsync(Choices own)
    {
        var revocation = await CutOffAsync(own.Below(100), own);
        await Task.Delay(Hold);
        revocation.UndoAsked = journal.Now;
        await site.Owner.DoAsync(HttpMethod.Post, $"/revocations/{revocation.Id}/reinstate");
        if (revocation.WasRepeated)
        {
            // An order whose answer never came may have been carried out, or be carried out by an instance whose storage stalls.
            await Task.Delay(LongestStall);
            await ReinstateAllAsync();
        }
        revocation.Undone = journal.Now;
    }

    // While the organization is cut off nothing else can be seen, so that comes seldom.
    private Task<Revocation> CutOffAsync(int which, Choices own)
    {
        if (which < 40)
        {
            var agent = own.Of(site.Agents.Skip(site.Agents.Count / 2).ToList());
            return RevokeAsync(new Revocation(Revoked.Application, agent.Name, journal.Now), new JsonObject { ["type"] = "application", ["applicationId"] = agent.Id });
        }
        if (which < 75)
        {
            var account = own.Of(site.Accounts);
            return RevokeAsync(new Revocation(Revoked.Integration, account.Name, journal.Now), new JsonObject { ["type"] = "integration", ["integrationId"] = account.Integration });
        }
        if (which < 95)
        {
            var person = own.Of(site.People);
            return RevokeAsync(new Revocation(Revoked.Person, person.Name, journal.Now), new JsonObject { ["type"] = "user", ["userId"] = person.Id });
        }
        return RevokeAsync(new Revocation(Revoked.Organization, "", journal.Now), new JsonObject { ["type"] = "organization" });
    }

    private async Task ConnectionAsync(Choices own)
    {
        var account = own.Of(site.Accounts);
        // Who is connecting would be cut off in the middle, and nobody could say what holds.
        if (!account.TryBeginConnecting())
            return;
        account.Held = true;
        account.Ended = new Revocation(Revoked.Connection, account.Name, journal.Now);
        account.EndConnecting();
        await RevokeAsync(account.Ended, new JsonObject { ["type"] = "connection", ["userId"] = account.Person.Id, ["integrationId"] = account.Integration });
        await Task.Delay(Hold);
        account.Held = false;
    }

    private async Task<Revocation> RevokeAsync(Revocation revocation, JsonObject order)
    {
        journal.Revocations.Enqueue(revocation);
        var done = await site.Owner.DoAsync(HttpMethod.Post, "/revocations", order, repeating: () => revocation.WasRepeated = true);
        revocation.Acknowledged = journal.Now;
        revocation.Id = (string)done!["revocation"]!["id"]!;
        journal.Count($"revocations acknowledged, of kind {revocation.Kind.ToString().ToLowerInvariant()}");
        return revocation;
    }
}

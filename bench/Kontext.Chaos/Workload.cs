namespace Kontext.Chaos;

/// <summary>Agents that ask for every connection on any instance, all the time, and people who connect again what was lost.</summary>
internal sealed class Workload(Site site, AgentRequests requests, Journal journal, Choices dice)
{
    private const int AtOncePerAccount = 2;

    // While things go wrong a person tries again and again; afterwards it has to work. Many accounts wait for one person's hands.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    // Hardly asked for: these live by the timer's and the queue's work.
    private const int OneIdleIn = 5;

    // Access tokens live for ten minutes; an approval may have to be repeated for a while.
    private static readonly TimeSpan RenewAfter = TimeSpan.FromMinutes(7);

    /// <summary>Asks until it is over. What was begun is finished.</summary>
    public async Task RunAsync(CancellationToken over)
    {
        using var ended = new CancellationTokenSource();
        var renewing = RenewAsync(ended.Token);
        await Task.WhenAll(
            from number in Enumerable.Range(0, site.Accounts.Count)
            from lane in Enumerable.Range(0, AtOncePerAccount)
            let idle = number % OneIdleIn == OneIdleIn - 1
            where lane == 0 || !idle
            select AskAsync(site.Accounts[number], idle, dice.Apart((number * AtOncePerAccount) + lane), over));
        await ended.CancelAsync();
        await renewing;
    }

    /// <summary>Has agents approved again before their tokens end.</summary>
    private async Task RenewAsync(CancellationToken ended)
    {
        while (!ended.IsCancellationRequested)
        {
            foreach (var old in site.Sessions.Where(session => journal.Now - session.At > RenewAfter).ToList())
            {
                try
                {
                    site.Renew(await old.Person.ApproveAsync(old.Agent, journal));
                }
                catch (Exception trouble) when (Person.IsTrouble(trouble))
                {
                    journal.Count("approvals that were repeated");
                }
            }
            await Task.Delay(1_000, ended).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task AskAsync(Account account, bool idle, Choices own, CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            if (site.Instances.Where(instance => instance.Up).ToList() is not { Count: > 0 } up)
            {
                await Task.Delay(50, CancellationToken.None);
                continue;
            }
            var attempt = await requests.AskAsync(own.Percent(25) ? AskedFor.ToolCall : AskedFor.Credential, SessionFor(account, own), account, own.Of(up));
            if (attempt.Verdict == Verdict.NotConnected && !account.Held && attempt.Started > account.ConnectedAt && account.TryBeginConnecting())
                await ConnectAsync(account, own, over);
            await Task.Delay(idle ? own.Between(4_000, 9_000) : own.Between(10, 120), over).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // Now and then one that was revoked: it has to stay dead.
    private AgentSession SessionFor(Account account, Choices own) =>
        own.Percent(5) && site.DeadSessions.Where(dead => dead.Person == account.Person).ToList() is { Count: > 0 } dead
            ? own.Of(dead)
            : site.SessionOf(own.Of(site.Agents), account.Person);

    private async Task ConnectAsync(Account account, Choices own, CancellationToken over)
    {
        try
        {
            if (account.Ended is { } ended)
                ended.UndoAsked ??= journal.Now;
            for (TimeSpan? healed = null; ;)
            {
                try
                {
                    await account.Person.ConnectAsync(account, site.SessionOf(own.Of(site.Agents), account.Person));
                    break;
                }
                catch (Exception trouble) when (Person.IsTrouble(trouble))
                {
                    journal.Count("attempts to connect that were repeated");
                    if (over.IsCancellationRequested && journal.Now > (healed ??= journal.Now) + Patience)
                    {
                        journal.Breaches.Enqueue(new Breach(journal.Now, $"{account.Person.Name} could not connect {account.Name} when everything was healed: {trouble.Message}"));
                        return;
                    }
                    await Task.Delay(own.Between(200, 600), CancellationToken.None);
                }
            }
            account.ConnectedAt = journal.Now;
            if (account.Ended is { } undone)
                undone.Undone ??= journal.Now;
            journal.Count("connections made again");
        }
        finally
        {
            account.EndConnecting();
        }
    }
}

using System.Text.Json.Nodes;

namespace Kontext.Chaos.Checks;

/// <summary>No grant is lost undetected: what a provider still honours can be exchanged, what cannot says so and why, and that is true.</summary>
internal static class GrantsCheck
{
    // A killed refresher's lease is waited for, and a provider that failed is left alone for a while.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private const int AtOnce = 8;
    private const int Lasting = 3_600;

    /// <summary>Asks for every connection, at every provider.</summary>
    public static async Task<Invariant> RunAsync(Site site, AgentRequests requests, Journal journal)
    {
        var violations = new List<string>();
        // What is refreshed from here on outlives the checks.
        foreach (var relay in site.Relays)
            await relay.Provider.ConfigureAsync(new JsonObject { ["accessTtl"] = Lasting, ["refreshedTtl"] = Lasting });
        await Parallel.ForEachAsync(site.Accounts, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (account, _) =>
        {
            if (await FaultAsync(site, requests, journal, account) is not { } fault)
                return;
            lock (violations)
                violations.Add($"{account.Name}: {fault}");
        });
        return new Invariant("no grant lost undetected: what its provider honours can be exchanged, what is lost says so and why", site.Accounts.Count, violations);
    }

    private static async Task<string?> FaultAsync(Site site, AgentRequests requests, Journal journal, Account account)
    {
        var until = journal.Now + Patience;
        for (var number = 0; ; number++)
        {
            // Not the current one while it is about to end: the one before was of the providers' short life.
            var instance = site.Instances[number % site.Instances.Count];
            var attempt = await requests.AskAsync(AskedFor.Credential, site.SessionOf(site.Agents[number % site.Agents.Count], account.Person), account, instance);
            switch (attempt.Verdict)
            {
                case Verdict.Served when await account.Relay.Provider.AcceptsAsync(attempt.Credential!):
                    journal.Count("connections alive in the end");
                    return null;
                case Verdict.Served when journal.Now > until:
                    return "its provider does not accept the token that was given out";
                case Verdict.NotConnected when LossCheck.Unexplained(account, attempt, journal) is { } unexplained:
                    return unexplained;
                case Verdict.NotConnected:
                    journal.Count("connections lost in the end, and said so");
                    return null;
                case Verdict.Served or Verdict.Later when journal.Now <= until:
                    await Task.Delay(500);
                    continue;
                default:
                    return attempt.Words;
            }
        }
    }
}

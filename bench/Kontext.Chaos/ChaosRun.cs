using Kontext.Chaos.Checks;

namespace Kontext.Chaos;

/// <summary>One run: everything is set up, goes wrong for a while, is healed, and is looked at.</summary>
public static class ChaosRun
{
    /// <summary>Runs. <paramref name="say"/> hears how far it is.</summary>
    public static async Task<ChaosReport> RunAsync(ChaosOptions options, Action<string> say)
    {
        if (options.Logs is { } logs)
            Directory.CreateDirectory(logs);
        var (journal, dice) = (new Journal(), new Choices(options.Seed));
        await using var site = await Site.CreateAsync(options, journal, dice.Apart(1_000));
        using var requests = new AgentRequests(journal);
        using var timers = new Timers(site, journal, dice.Apart(1_001));
        var revoking = new Revoking(site, journal, dice.Apart(1_002));
        say($"{site.Accounts.Count} connections are made after {journal.Now.TotalSeconds:0} s; now things go wrong for {options.Duration.TotalSeconds:0} s");

        var begun = journal.Now;
        using var over = new CancellationTokenSource(options.Duration);
        var work = new Workload(site, requests, journal, dice.Apart(1_003)).RunAsync(over.Token);
        var revocations = revoking.RunAsync(over.Token);
        var time = timers.RunAsync(over.Token);
        await new Monkey(site, journal, dice.Apart(1_004), options.Duration).RunAsync(over.Token);
        var took = journal.Now - begun;
        say("everything is healed; what is under way ends");
        await Task.WhenAll(work, revocations, time);
        await revoking.ReinstateAllAsync();

        say("everything is quiet; what must hold is looked at");
        Invariant[] invariants =
        [
            await GrantsCheck.RunAsync(site, requests, journal),
            await AuditCheck.RunAsync(site, timers, journal),
            .. RevocationCheck.Run(journal),
            PresentationCheck.Run(journal),
            .. AnswersCheck.Run(site, journal),
        ];
        return new ChaosReport(options, took, Counts.Of(site, journal), invariants);
    }
}

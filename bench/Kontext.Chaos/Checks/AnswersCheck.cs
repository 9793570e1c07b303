namespace Kontext.Chaos.Checks;

/// <summary>Every answer is of a documented kind and has a cause; nobody gets what is another's.</summary>
internal static class AnswersCheck
{
    // Another instance hears of what was undone within a second.
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(2);

    /// <summary>Looks at every answer.</summary>
    public static IEnumerable<Invariant> Run(Site site, Journal journal)
    {
        var attempts = journal.Attempts.ToList();
        yield return new Invariant(
            "no answer but the documented ones: never 500, 503 with Retry-After", attempts.Count,
            [.. journal.Breaches.Select(breach => $"{breach.At.TotalSeconds:0.000}: {breach.Words}"), .. attempts.Where(attempt => attempt.Verdict == Verdict.Undocumented).Select(Say)]);

        var refused = attempts.Where(attempt => attempt.Verdict == Verdict.Refused).ToList();
        var revocations = journal.Revocations.ToList();
        var lost = attempts.Where(attempt => attempt.Verdict == Verdict.NotConnected).ToList();
        var gone = attempts.Where(attempt => attempt.Verdict == Verdict.Gone).ToList();
        yield return new Invariant(
            "no refusal without a cause: revoked, lost as it says, or the instance killed", refused.Count + lost.Count + gone.Count,
            [
                .. refused.Where(attempt => !IsCaused(attempt, revocations)).Select(attempt => $"refused: {Say(attempt)}"),
                .. lost.Select(attempt => LossCheck.Unexplained(attempt.Account, attempt, journal)).OfType<string>().Distinct(),
                .. gone.Where(attempt => !journal.Absences.Any(away => away.Instance == attempt.Instance && away.From <= attempt.Ended && attempt.Started <= away.To)).Select(attempt => $"no answer: {Say(attempt)}"),
            ]);

        var given = attempts.Where(attempt => attempt.Credential is not null).ToList();
        yield return new Invariant(
            "no credential but the one that was asked for", given.Count,
            [.. given.Where(attempt => site.OwnerOf(attempt.Credential!) != attempt.Account.Name).Select(attempt => $"a token of {site.OwnerOf(attempt.Credential!) ?? "nobody"}: {Say(attempt)}")]);
    }

    private static bool IsCaused(Attempt attempt, List<Revocation> revocations) =>
        revocations.Any(revocation => revocation.Asked <= attempt.Ended && (revocation.Undone is not { } undone || attempt.Started <= undone + Slack) && revocation.Covers(attempt));

    private static string Say(Attempt attempt) =>
        $"instance {attempt.Instance}, {attempt.Started.TotalSeconds:0.000} to {attempt.Ended.TotalSeconds:0.000}, {attempt.AskedFor} of {attempt.Account.Name} for {attempt.Session.Agent.Name}, trace {attempt.Trace}: {(attempt.Words.Length > 600 ? attempt.Words[..600] : attempt.Words)}";
}

namespace Kontext.Chaos.Checks;

/// <summary>Nothing is served a second after a revocation was acknowledged, and nothing by an instance that has not read the epoch row for a second.</summary>
internal static class RevocationCheck
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(1);

    /// <summary>Looks at every success.</summary>
    public static IEnumerable<Invariant> Run(Journal journal)
    {
        var served = journal.Attempts.Where(attempt => attempt.Verdict == Verdict.Served).ToList();
        var revocations = journal.Revocations.Where(revocation => revocation.Acknowledged is not null).ToList();
        var late = (from revocation in revocations
                    from attempt in served
                    where attempt.Started > revocation.Acknowledged + Bound && (revocation.UndoAsked is not { } undo || attempt.Ended < undo) && revocation.Covers(attempt)
                    select $"{revocation.Kind} {revocation.Target} was revoked at {revocation.Acknowledged?.TotalSeconds:0.000}; instance {attempt.Instance} served {attempt.Account.Name} from {attempt.Started.TotalSeconds:0.000} to {attempt.Ended.TotalSeconds:0.000} ({attempt.AskedFor}, trace {attempt.Trace})").ToList();
        var tried = revocations.Sum(revocation => journal.Attempts.Count(attempt =>
            attempt.Started > revocation.Acknowledged + Bound && (revocation.UndoAsked is not { } undo || attempt.Ended < undo) && revocation.Covers(attempt)));
        journal.Count("requests on a revoked basis, more than a second after", tried);
        yield return new Invariant("nothing served on a revoked basis that was asked for more than a second after the revocation's answer", revocations.Count, late);

        var blind = (from cut in journal.EpochCuts
                     from attempt in served
                     where attempt.Instance == cut.Instance && attempt.Started > cut.From + Bound && attempt.Ended < cut.To
                     select $"instance {cut.Instance} could not read the epoch row from {cut.From.TotalSeconds:0.000} to {cut.To.TotalSeconds:0.000}; it served {attempt.Account.Name} from {attempt.Started.TotalSeconds:0.000} to {attempt.Ended.TotalSeconds:0.000}").ToList();
        yield return new Invariant("nothing served by an instance that could not read the epoch row for more than a second", journal.EpochCuts.Count, blind);
    }
}

namespace Kontext.Chaos.Checks;

/// <summary>No refresh token is presented twice, unless the answer to the first time was lost: on its way, or with the process that asked.</summary>
internal static class PresentationCheck
{
    /// <summary>Looks at every refresh token that a provider saw.</summary>
    public static Invariant Run(Journal journal)
    {
        var violations = new List<string>();
        foreach (var seen in journal.Presentations.Values)
        {
            foreach (var (first, second) in seen.Zip(seen.Skip(1)))
            {
                // Work from the queue has no trace of an agent's, so that it may have been any instance.
                var killed = journal.Kills.Any(kill => (first.Instance is null || kill.Instance == first.Instance) && kill.At >= first.At && kill.At <= second.At);
                if (!first.Lost && !killed)
                    violations.Add($"{first.Account}: presented at {first.At.TotalSeconds:0.000} by instance {first.Instance} (answered with {first.Status}) and at {second.At.TotalSeconds:0.000} by instance {second.Instance}");
            }
        }
        return new Invariant("no refresh token presented twice, unless the first answer was lost with its process or on its way", journal.Presentations.Count, violations);
    }
}

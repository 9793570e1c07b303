namespace Kontext.Chaos.Checks;

/// <summary>Whether the reason that is given for a lost connection is the truth.</summary>
internal static class LossCheck
{
    /// <summary>What is wrong with the reason; null when it is the truth.</summary>
    public static string? Unexplained(Account account, Attempt attempt, Journal journal)
    {
        bool Says(string words) => attempt.Words.Contains(words, StringComparison.Ordinal);
        if (Says("an administrator disconnected it"))
            return journal.Revocations.Any(revocation => revocation.Kind == Revoked.Connection && revocation.Target == account.Name && revocation.Asked <= attempt.Ended)
                ? null : $"no administrator revoked it: {attempt.Words}";
        // Where a spent token ended the grant, that may also be found out later, with the token after it.
        if (Says("the last refresh was interrupted") || Says("the provider ended the grant"))
            return journal.Withdrawn.ContainsKey(account.Name)
                || (account.Relay.Strict && journal.Presentations.Values.Any(seen => seen.Count > 1 && seen.First().Account == account.Name && seen.First().At <= attempt.Ended))
                ? null : $"nobody withdrew it, and nothing interrupted it that cost the grant: {attempt.Words}";
        return $"no known reason: {attempt.Words}";
    }
}

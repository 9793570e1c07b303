using System.Collections.Concurrent;
using System.Collections.Immutable;
using Kontext.Domain;
using Kontext.Domain.Policies;

namespace Kontext.Functions.Storage;

/// <summary>The rules of organizations. A small set is one row; of a large one that row is the head, and the rules are in parts written before it points to them, so that a crash in between leaves the revision before whole.
/// Compiled once per revision.</summary>
internal sealed class PolicyStore(ITableSource tables, FreshCache cache, EpochFeed epochs, ILogger<PolicyStore> log) : IPolicyStore
{
    // What a document that was never stored is replaced by: it is inserted.
    private const string NeverStored = "";
    private const int MaxCompiled = 10_000;

    private readonly DocumentTable<PolicyHead> heads = new(tables.Open("policies"), StoredJson.Default.PolicyHead);
    private readonly PolicyParts parts = new(tables);

    // Outlives the epoch: most changes of an organization leave its rules alone.
    private readonly ConcurrentDictionary<OrgId, (string Version, PolicySet Set)> compiled = new();

    /// <inheritdoc/>
    public async ValueTask<PolicySet> CurrentAsync(OrgId org, CancellationToken cancellationToken) =>
        // Rules are never missing: an organization without any has the empty set.
        (await cache.GetAsync(
            new FreshKey(FreshKind.Policy, org), (Store: this, org),
            static async (state, token) => (PolicySet?)await state.Store.CompileAsync(state.org, token), cancellationToken))!;

    /// <inheritdoc/>
    public async Task<Versioned<PolicyRules>> FindAsync(OrgId org, CancellationToken cancellationToken)
    {
        string? torn = null;
        while (true)
        {
            if (await heads.FindAsync(Key.Of(org), Key.Of(org), cancellationToken) is not { } head)
                return new Versioned<PolicyRules>(PolicyRules.None, NeverStored);
            if (await RulesAsync(org, head, cancellationToken) is { } rules)
                return new Versioned<PolicyRules>(new PolicyRules(head.Value.Revision, rules), head.Version) { Origin = head };
            // A part goes only after the head has moved on. Gone under a head that stays, it was taken by something else.
            if (torn == head.Version)
                throw new InvalidDataException($"A part of revision {head.Value.Revision} of the rules of organization {org} is missing.");
            torn = head.Version;
        }
    }

    /// <summary>Replaces the rules if nobody changed them since; null when somebody did. What is written has the next revision, whatever <paramref name="next"/> says.</summary>
    public async Task<Versioned<PolicyRules>?> ReplaceAsync(OrgId org, Versioned<PolicyRules> current, PolicyRules next, CancellationToken cancellationToken)
    {
        var revision = current.Value.Revision + 1;
        var shares = PolicyParts.Split(next.Rules);
        var head = new PolicyHead { Revision = revision, Rules = shares.Count == 1 ? shares[0] : [] };
        if (shares.Count > 1)
        {
            head = head with { Write = RandomValue.ShortId(), Parts = shares.Count };
            await parts.WriteAsync(org, revision, head.Write, shares, cancellationToken);
        }
        // INVARIANT: this write decides. Before it the parts are nobody's, after it they are the organization's rules; no caller's hanging up may leave that open.
        var written = current.Version == NeverStored
            ? await heads.InsertAsync(Key.Of(org), Key.Of(org), head, CancellationToken.None)
            : await heads.ReplaceAsync(Key.Of(org), Key.Of(org), HeadOf(current), head, CancellationToken.None);
        if (written is not null)
            await epochs.BumpAsync(org);
        await TidyAsync(org, written is null ? null : HeadOf(current).Value, written?.Value);
        return written is null ? null : new Versioned<PolicyRules>(new PolicyRules(revision, next.Rules), written.Version) { Origin = written };
    }

    private async Task<PolicySet> CompileAsync(OrgId org, CancellationToken cancellationToken)
    {
        var stored = await FindAsync(org, cancellationToken);
        if (compiled.TryGetValue(org, out var last) && last.Version == stored.Version)
            return last.Set;
        var set = PolicySet.Compile(stored.Value);
        if (compiled.Count >= MaxCompiled)
            compiled.Clear();
        compiled[org] = (stored.Version, set);
        return set;
    }

    private async Task<ImmutableArray<PolicyRule>?> RulesAsync(OrgId org, Versioned<PolicyHead> head, CancellationToken cancellationToken)
    {
        if (head.Value.Write is null)
            return head.Value.Rules;
        // A part is never changed, so the rules of a version that is compiled need no reading.
        return compiled.TryGetValue(org, out var last) && last.Version == head.Version ? last.Set.Rules : await parts.ReadAsync(org, head.Value, cancellationToken);
    }

    private async Task TidyAsync(OrgId org, PolicyHead? replaced, PolicyHead? decided)
    {
        try
        {
            if (replaced is not null)
                await parts.RemoveAsync(org, replaced, CancellationToken.None);
            // Whoever lost a race tidies for the head that won: that takes the loser's own parts as well.
            if ((decided ?? (await heads.FindAsync(Key.Of(org), Key.Of(org), CancellationToken.None))?.Value) is { } head)
                await parts.RemoveStaleAsync(org, head, CancellationToken.None);
        }
        catch (StorageUnavailableException failure)
        {
            // The rules are decided either way; the next change removes what is left.
            Log.StorageUnavailable(log, failure);
        }
    }

    private static Versioned<PolicyHead> HeadOf(Versioned<PolicyRules> current) =>
        current.Origin as Versioned<PolicyHead> ?? new Versioned<PolicyHead>(new PolicyHead { Revision = current.Value.Revision }, current.Version);
}

using System.Collections.Concurrent;
using Kontext.Domain;
using Kontext.Domain.Policies;

namespace Kontext.Functions.Storage;

/// <summary>The rules of organizations, each organization's in one versioned document of at most 1 MiB, compiled once per revision.</summary>
internal sealed class PolicyStore(ITableSource tables, FreshCache cache, EpochFeed epochs) : IPolicyStore
{
    // What a document that was never stored is replaced by: it is inserted.
    private const string NeverStored = "";
    private const int MaxCompiled = 10_000;

    private readonly DocumentTable<PolicyRules> rules = new(tables.Open("policies"), StoredJson.Default.PolicyRules);

    // Outlives the epoch: most changes of an organization leave its rules alone.
    private readonly ConcurrentDictionary<OrgId, (string Version, PolicySet Set)> compiled = new();

    /// <inheritdoc/>
    public async ValueTask<PolicySet> CurrentAsync(OrgId org, CancellationToken cancellationToken) =>
        // Rules are never missing: an organization without any has the empty set.
        (await cache.GetAsync(
            new FreshKey(FreshKind.Policy, org), (Store: this, org),
            static async (state, token) => (PolicySet?)await state.Store.CompileAsync(state.org, token), cancellationToken))!;

    /// <inheritdoc/>
    public async Task<Versioned<PolicyRules>> FindAsync(OrgId org, CancellationToken cancellationToken) =>
        await rules.FindAsync(Key.Of(org), Key.Of(org), cancellationToken) ?? new Versioned<PolicyRules>(PolicyRules.None, NeverStored);

    /// <summary>Replaces the rules if nobody changed them since; null when somebody did. What is written has the next revision, whatever <paramref name="next"/> says.</summary>
    public async Task<Versioned<PolicyRules>?> ReplaceAsync(OrgId org, Versioned<PolicyRules> current, PolicyRules next, CancellationToken cancellationToken)
    {
        var numbered = next with { Revision = current.Value.Revision + 1 };
        var written = current.Version == NeverStored
            ? await rules.InsertAsync(Key.Of(org), Key.Of(org), numbered, cancellationToken)
            : await rules.ReplaceAsync(Key.Of(org), Key.Of(org), current, numbered, cancellationToken);
        if (written is not null)
            await epochs.BumpAsync(org);
        return written;
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
}

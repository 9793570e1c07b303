using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Policies;

namespace Kontext.Functions.Storage;

/// <summary>The row that decides which rules an organization has: a small set is in it, a large one is in parts that it names.</summary>
internal sealed record PolicyHead
{
    /// <summary>The revision.</summary>
    public required int Revision { get; init; }

    /// <summary>The rules themselves; empty when they are in parts.</summary>
    public ImmutableArray<PolicyRule> Rules { get; init; } = [];

    /// <summary>The write whose parts hold the rules; null when there are none.</summary>
    public string? Write { get; init; }

    /// <summary>How many parts there are.</summary>
    public int Parts { get; init; }
}

/// <summary>A row's share of a large set of rules.</summary>
internal sealed record PolicyPart(ImmutableArray<PolicyRule> Rules);

/// <summary>Sets of rules that are too large for one row, in rows whose keys name the revision and the write they were made for. A part is never changed.</summary>
internal sealed class PolicyParts(ITableSource tables)
{
    // Two bytes each in a row that may have a mebibyte. One rule has at most a few hundred thousand when every character is escaped.
    private const int MaxCharacters = 400_000;
    private const int AtOnce = 8;

    private readonly ITable table = tables.Open("policyparts");
    private readonly DocumentTable<PolicyPart> parts = new(tables.Open("policyparts"), StoredJson.Default.PolicyPart);

    /// <summary>The rules in shares that fit a row each; one share when they fit the head.</summary>
    public static List<ImmutableArray<PolicyRule>> Split(ImmutableArray<PolicyRule> rules)
    {
        var shares = new List<ImmutableArray<PolicyRule>>();
        var share = ImmutableArray.CreateBuilder<PolicyRule>();
        var length = 0;
        foreach (var rule in rules)
        {
            // The serializer escapes everything beyond ASCII, so bytes are characters.
            var size = JsonSerializer.SerializeToUtf8Bytes(rule, StoredJson.Default.PolicyRule).Length + 1;
            if (length + size > MaxCharacters && share.Count > 0)
            {
                shares.Add(share.ToImmutable());
                share.Clear();
                length = 0;
            }
            share.Add(rule);
            length += size;
        }
        shares.Add(share.ToImmutable());
        return shares;
    }

    /// <summary>Writes the parts of a revision to be; nobody sees them until a head names them.</summary>
    public Task WriteAsync(OrgId org, int revision, string write, List<ImmutableArray<PolicyRule>> shares, CancellationToken cancellationToken) =>
        Parallel.ForEachAsync(Enumerable.Range(0, shares.Count), new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken }, async (index, token) =>
        {
            if (await parts.InsertAsync(Key.Of(org), RowKey(org, revision, write, index), new PolicyPart(shares[index]), token) is null)
                throw new InvalidOperationException("A part of a set of rules has the key of another one.");
        });

    /// <summary>The rules of the parts a head names; null when one of them is gone, which is how a reader learns that the head names others by now.</summary>
    public async Task<ImmutableArray<PolicyRule>?> ReadAsync(OrgId org, PolicyHead head, CancellationToken cancellationToken)
    {
        var found = new Versioned<PolicyPart>?[head.Parts];
        await Parallel.ForEachAsync(Enumerable.Range(0, head.Parts), new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken }, async (index, token) =>
            found[index] = await parts.FindAsync(Key.Of(org), RowKey(org, head.Revision, head.Write!, index), token));
        return found.All(part => part is not null) ? [.. found.SelectMany(part => part!.Value.Rules)] : null;
    }

    /// <summary>Removes the parts of a head that was replaced.</summary>
    public Task RemoveAsync(OrgId org, PolicyHead replaced, CancellationToken cancellationToken) =>
        replaced.Write is null ? Task.CompletedTask : RemoveAsync(org, Enumerable.Range(0, replaced.Parts).Select(index => RowKey(org, replaced.Revision, replaced.Write, index)), cancellationToken);

    /// <summary>Removes what no head can name any more, such as what writers left that ended half-way: parts of revisions up to the head's that it does not name. Those of later revisions belong to writers that are not done yet.</summary>
    public async Task RemoveStaleAsync(OrgId org, PolicyHead head, CancellationToken cancellationToken)
    {
        var (first, past) = ($"{Key.Of(org)}~", RevisionPrefix(org, head.Revision + 1));
        if (head.Write is null)
            await RemoveRangeAsync(org, first, past, cancellationToken);
        else
        {
            var own = WritePrefix(org, head.Revision, head.Write);
            await RemoveRangeAsync(org, first, own, cancellationToken);
            // Numbers come before the separator.
            await RemoveRangeAsync(org, own + "~", past, cancellationToken);
        }
    }

    private async Task RemoveRangeAsync(OrgId org, string from, string to, CancellationToken cancellationToken)
    {
        string? continuation = null;
        do
        {
            // Parts are large: a few at a time.
            var page = await table.RangeAsync(Key.Of(org), from, to, AtOnce, continuation, cancellationToken);
            await RemoveAsync(org, page.Rows.Select(row => row.RowKey), cancellationToken);
            continuation = page.Continuation;
        }
        while (continuation is not null);
    }

    // One that somebody else removed is gone either way.
    private Task RemoveAsync(OrgId org, IEnumerable<string> keys, CancellationToken cancellationToken) =>
        Parallel.ForEachAsync(keys, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken }, async (key, token) =>
            await table.DeleteAsync(Key.Of(org), key, "*", token));

    private static string RevisionPrefix(OrgId org, int revision) => string.Create(CultureInfo.InvariantCulture, $"{Key.Of(org)}~{revision:D10}~");

    private static string WritePrefix(OrgId org, int revision, string write) => $"{RevisionPrefix(org, revision)}{write}~";

    private static string RowKey(OrgId org, int revision, string write, int index) => string.Create(CultureInfo.InvariantCulture, $"{WritePrefix(org, revision, write)}{index:D4}");
}

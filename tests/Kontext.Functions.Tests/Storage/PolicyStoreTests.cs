using Kontext.Domain;
using Kontext.Domain.Policies;
using Kontext.Functions.Storage;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Storage;

/// <summary>Sets of rules that do not fit one row: whole or not there at all, whatever breaks off in between.</summary>
public abstract class PolicyStoreContract : IAsyncLifetime
{
    private const int Many = 2_000;
    private readonly SteppedTime time = new();
    private FaultyTables tables = null!;
    private Instance here = null!;
    private Instance there = null!;

    private OrgId Org { get; } = Samples.NewOrg();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private protected abstract Task<ITableSource> OpenAsync();

    public async ValueTask InitializeAsync()
    {
        tables = new FaultyTables(await OpenAsync());
        (here, there) = (new Instance(tables, time), new Instance(tables, time));
    }

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_large_set_comes_back_whole_and_in_order_on_every_instance()
    {
        var rules = Rules("first", 10_000);
        var written = (await WriteAsync(here, rules))!;
        Assert.Equal(1, written.Value.Revision);
        var read = await there.Policies.FindAsync(Org, Cancel);
        Assert.Equal(rules.Select(rule => (rule.Id, rule.Description)), read.Value.Rules.Select(rule => (rule.Id, rule.Description)));
        Assert.True(rules[77].SaysTheSameAs(read.Value.Rules[77]));
        Assert.Equal(10_000, (await there.Policies.CurrentAsync(Org, Cancel)).Rules.Length);
    }

    [Fact]
    public async Task A_small_set_is_one_row_and_what_it_replaced_is_removed()
    {
        await WriteAsync(here, Rules("large", Many));
        Assert.InRange(await PartsAsync(), 2, 10);
        await WriteAsync(here, Rules("small", 3));
        Assert.Equal(0, await PartsAsync());
        Assert.Equal(3, (await there.Policies.FindAsync(Org, Cancel)).Value.Rules.Length);
        await WriteAsync(there, Rules("large again", Many));
        var once = await PartsAsync();
        await WriteAsync(here, Rules("and again", Many));
        Assert.Equal(once, await PartsAsync());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_writer_that_dies_between_its_parts_leaves_the_revision_before(int part)
    {
        await WriteAsync(here, Rules("before", Many));
        tables["policyparts"].FailWrite(part);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => WriteAsync(here, Rules("never", Many)));
        await AssertHoldsAsync("before", 1);
        await WriteAsync(there, Rules("after", Many));
        await AssertHoldsAsync("after", 2);
        Assert.InRange(await PartsAsync(), 2, 4);
    }

    [Fact]
    public async Task A_writer_that_dies_before_the_head_leaves_the_revision_before()
    {
        await WriteAsync(here, Rules("before", Many));
        tables["policies"].FailWrite(1);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => WriteAsync(here, Rules("never", Many)));
        await AssertHoldsAsync("before", 1);
        // What it left is of the revision that comes next, and goes with it.
        await WriteAsync(there, Rules("small", 1));
        Assert.Equal(0, await PartsAsync());
        await AssertHoldsAsync("small", 2);
    }

    [Fact]
    public async Task A_head_whose_answer_is_lost_decides_all_the_same()
    {
        await WriteAsync(here, Rules("before", Many));
        tables["policies"].LoseAnswer(1);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => WriteAsync(here, Rules("after", Many)));
        await AssertHoldsAsync("after", 2);
        await WriteAsync(there, Rules("later", Many));
        await AssertHoldsAsync("later", 3);
    }

    [Fact]
    public async Task A_writer_that_dies_while_it_tidies_has_written()
    {
        await WriteAsync(here, Rules("before", 3));
        await WriteAsync(here, Rules("large", Many));
        // The next write of the parts is the removal of the first of them.
        tables["policyparts"].FailWrite(1);
        Assert.NotNull(await WriteAsync(here, Rules("small", 2)));
        await AssertHoldsAsync("small", 3);
        Assert.NotEqual(0, await PartsAsync());
        await WriteAsync(there, Rules("smaller", 1));
        Assert.Equal(0, await PartsAsync());
    }

    [Fact]
    public async Task The_loser_of_a_race_is_told_and_takes_its_parts_away()
    {
        await WriteAsync(here, Rules("before", Many));
        var stale = await there.Policies.FindAsync(Org, Cancel);
        await WriteAsync(here, Rules("winner", Many));
        var held = await PartsAsync();
        Assert.Null(await there.Policies.ReplaceAsync(Org, stale, new PolicyRules(0, [.. Rules("loser", Many)]), Cancel));
        await AssertHoldsAsync("winner", 2);
        Assert.Equal(held, await PartsAsync());
    }

    [Fact]
    public async Task A_writer_that_is_late_with_tidying_leaves_the_next_revision_alone()
    {
        await WriteAsync(here, Rules("before", Many));
        // After as many parts as there were come the removals.
        var tidying = tables["policyparts"].HoldWrite(await PartsAsync() + 1);
        var slow = WriteAsync(here, Rules("slow", Many));
        await tidying.Reached;
        await AssertHoldsAsync("slow", 2);
        Assert.NotNull(await WriteAsync(there, Rules("next", Many)));
        tidying.Release();
        Assert.NotNull(await slow);
        await AssertHoldsAsync("next", 3);
    }

    [Fact]
    public async Task Parts_that_nobody_points_to_yet_survive_the_tidying_of_the_revision_before()
    {
        await WriteAsync(here, Rules("before", Many));
        var count = await PartsAsync();
        var tidying = tables["policyparts"].HoldWrite(count + 1);
        var slow = WriteAsync(here, Rules("slow", Many));
        await tidying.Reached;
        // The next writer has its parts, but not its head, while the slow one looks for what to remove.
        var head = tables["policies"].HoldWrite(1);
        var next = WriteAsync(there, Rules("next", Many));
        await head.Reached;
        tidying.Release();
        Assert.NotNull(await slow);
        await AssertHoldsAsync("slow", 2);
        head.Release();
        Assert.NotNull(await next);
        await AssertHoldsAsync("next", 3);
    }

    [Fact]
    public async Task A_reader_whose_parts_are_taken_away_reads_the_new_ones()
    {
        await WriteAsync(here, Rules("before", Many));
        var reads = Enumerable.Range(0, 20).Select(_ => Task.Run(async () =>
        {
            var read = (await new Instance(tables, time).Policies.FindAsync(Org, Cancel)).Value;
            // Whole, and all of one revision.
            Assert.Equal(Many, read.Rules.Length);
            Assert.Single(read.Rules.Select(rule => rule.Description).Distinct());
        })).ToList();
        for (var n = 0; n < 5; n++)
            await WriteAsync(here, Rules($"set {n}", Many));
        await Task.WhenAll(reads);
        await AssertHoldsAsync("set 4", 6);
    }

    [Fact]
    public async Task A_missing_part_is_an_error_and_never_a_smaller_set_of_rules()
    {
        await WriteAsync(here, Rules("whole", Many));
        var page = await tables.Open("policyparts").RangeAsync(Key.Of(Org), Key.Of(Org), null, 1, null, Cancel);
        await tables.Open("policyparts").DeleteAsync(page.Rows[0].PartitionKey, page.Rows[0].RowKey, "*", Cancel);
        await Assert.ThrowsAsync<InvalidDataException>(() => there.Policies.FindAsync(Org, Cancel));
    }

    [Fact]
    public async Task The_largest_rule_there_may_be_fits_a_row()
    {
        var values = Enumerable.Range(0, 29).Select(n => new string('é', 1_000)).ToArray();
        var rules = Rules("largest", 5).Select(rule => rule with { Conditions = [new PolicyCondition("arguments.text", ConditionOperator.OneOf, [.. values])] }).ToList();
        Assert.All(rules, rule => Assert.Empty(PolicyRuleValidation.Check(rule)));
        await WriteAsync(here, rules);
        Assert.Equal(values, (await there.Policies.FindAsync(Org, Cancel)).Value.Rules[4].Conditions[0].Values);
        Assert.NotEmpty(PolicyRuleValidation.Check(rules[0] with { Conditions = [.. rules[0].Conditions, .. rules[0].Conditions] }));
    }

    private static List<PolicyRule> Rules(string description, int count) => [.. Enumerable.Range(0, count).Select(n => new PolicyRule
    {
        Id = Ids.New<RuleId>(Samples.Then), Layer = PolicyLayer.Organization, Effect = PolicyEffect.Deny, Subject = new PolicySubject(PolicySubjectKind.Role, $"team {n}"),
        Operation = $"operation_{n}", Conditions = [new PolicyCondition("arguments.repository", ConditionOperator.OneOf, ["acme/frontend", "acme/backend", $"acme/{n}"])],
        Description = description, CreatedAt = Samples.Then, CreatedBy = "Olivia",
    })];

    private async Task<Versioned<PolicyRules>?> WriteAsync(Instance instance, List<PolicyRule> rules) =>
        await instance.Policies.ReplaceAsync(Org, await instance.Policies.FindAsync(Org, Cancel), new PolicyRules(0, [.. rules]), Cancel);

    private async Task AssertHoldsAsync(string description, int revision)
    {
        // An instance that has read nothing yet: what it finds is what is stored.
        var read = (await new Instance(tables, time).Policies.FindAsync(Org, Cancel)).Value;
        Assert.Equal((revision, description), (read.Revision, Assert.Single(read.Rules.Select(rule => rule.Description).Distinct())));
    }

    private async Task<int> PartsAsync()
    {
        var (count, continuation) = (0, (string?)null);
        do
        {
            var page = await tables.Open("policyparts").RangeAsync(Key.Of(Org), Key.Of(Org), null, 100, continuation, Cancel);
            (count, continuation) = (count + page.Rows.Count, page.Continuation);
        }
        while (continuation is not null);
        return count;
    }
}

/// <summary>In memory.</summary>
public sealed class MemoryPolicyStoreTests : PolicyStoreContract
{
    private protected override Task<ITableSource> OpenAsync() => Task.FromResult<ITableSource>(new MemoryTables());
}

/// <summary>On the Table service.</summary>
public sealed class TablePolicyStoreTests(AzuriteFixture azurite) : PolicyStoreContract
{
    private protected override async Task<ITableSource> OpenAsync() =>
        new TableService(StorageAccount.Parse(await azurite.ConnectionStringAsync()), TimeProvider.System);
}

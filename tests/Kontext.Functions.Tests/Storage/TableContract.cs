using Kontext.Functions.Storage;

namespace Kontext.Functions.Tests.Storage;

/// <summary>What every implementation of a table promises; run once for each.</summary>
public abstract class TableContract
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private protected abstract Task<ITable> OpenAsync();

    private static TableRow Row(string partition, string row, params (string Name, object Value)[] properties) =>
        new(partition, row, properties.ToDictionary(property => property.Name, property => property.Value));

    [Fact]
    public async Task A_row_comes_back_with_every_type_it_was_written_with()
    {
        var table = await OpenAsync();
        var written = Row("p", "r", ("text", "naïve \"quotes\" {braces} 日本語 \u0001"), ("empty", ""), ("yes", true), ("no", false), ("number", -7),
            ("big", long.MaxValue), ("whole", 2.0), ("fraction", 0.1), ("endless", double.PositiveInfinity), ("when", new DateTimeOffset(2026, 2, 3, 4, 5, 6, TimeSpan.Zero).AddTicks(1234567)));
        var write = await table.InsertAsync(written, Cancel);
        Assert.True(write.Ok);

        var read = await table.GetAsync("p", "r", Cancel);

        Assert.NotNull(read);
        Assert.Equal(write.ETag, read.ETag);
        Assert.Equal(written.Properties.OrderBy(property => property.Key), read.Properties.OrderBy(property => property.Key));
    }

    [Fact]
    public async Task A_row_nobody_wrote_is_missing_even_in_a_table_nobody_made()
    {
        var table = await OpenAsync();
        Assert.Null(await table.GetAsync("p", "r", Cancel));
        Assert.Empty((await table.RangeAsync("p", "", null, 10, null, Cancel)).Rows);
        Assert.Equal(WriteOutcome.Missing, (await table.ReplaceAsync(Row("p", "r") with { ETag = "*" }, Cancel)).Outcome);
        Assert.Equal(WriteOutcome.Missing, (await table.DeleteAsync("p", "r", "*", Cancel)).Outcome);
    }

    [Fact]
    public async Task Keys_are_taken_once()
    {
        var table = await OpenAsync();
        Assert.True((await table.InsertAsync(Row("p", "r", ("a", 1)), Cancel)).Ok);
        Assert.Equal(WriteOutcome.Exists, (await table.InsertAsync(Row("p", "r", ("a", 2)), Cancel)).Outcome);
        Assert.Equal(1, (await table.GetAsync("p", "r", Cancel))!.Properties["a"]);
    }

    [Fact]
    public async Task A_replace_with_an_old_version_changes_nothing()
    {
        var table = await OpenAsync();
        var first = await table.InsertAsync(Row("p", "r", ("a", 1), ("gone", "x")), Cancel);
        var second = await table.ReplaceAsync(Row("p", "r", ("a", 2)) with { ETag = first.ETag }, Cancel);
        var late = await table.ReplaceAsync(Row("p", "r", ("a", 3)) with { ETag = first.ETag }, Cancel);

        Assert.True(second.Ok);
        Assert.NotEqual(first.ETag, second.ETag);
        Assert.Equal(WriteOutcome.Stale, late.Outcome);
        var read = (await table.GetAsync("p", "r", Cancel))!;
        Assert.Equal(2, read.Properties["a"]);
        Assert.False(read.Properties.ContainsKey("gone"));
        Assert.Equal(second.ETag, read.ETag);
    }

    [Fact]
    public async Task Of_many_racing_replaces_one_wins()
    {
        var table = await OpenAsync();
        var first = await table.InsertAsync(Row("p", "r", ("a", 0)), Cancel);
        var writes = await Task.WhenAll(Enumerable.Range(1, 16).Select(n => table.ReplaceAsync(Row("p", "r", ("a", n)) with { ETag = first.ETag }, Cancel)));
        Assert.Single(writes, write => write.Ok);
        Assert.All(writes.Where(write => !write.Ok), write => Assert.Equal(WriteOutcome.Stale, write.Outcome));
    }

    [Fact]
    public async Task An_upsert_inserts_and_replaces()
    {
        var table = await OpenAsync();
        Assert.True((await table.UpsertAsync(Row("p", "r", ("a", 1)), Cancel)).Ok);
        Assert.True((await table.UpsertAsync(Row("p", "r", ("b", 2)), Cancel)).Ok);
        Assert.Equal(["b"], (await table.GetAsync("p", "r", Cancel))!.Properties.Keys);
    }

    [Fact]
    public async Task A_delete_with_an_old_version_deletes_nothing()
    {
        var table = await OpenAsync();
        var first = await table.InsertAsync(Row("p", "r", ("a", 1)), Cancel);
        var second = await table.ReplaceAsync(Row("p", "r", ("a", 2)) with { ETag = first.ETag }, Cancel);
        Assert.Equal(WriteOutcome.Stale, (await table.DeleteAsync("p", "r", first.ETag!, Cancel)).Outcome);
        Assert.True((await table.DeleteAsync("p", "r", second.ETag!, Cancel)).Ok);
        Assert.Null(await table.GetAsync("p", "r", Cancel));
        Assert.Equal(WriteOutcome.Missing, (await table.DeleteAsync("p", "r", second.ETag!, Cancel)).Outcome);
    }

    [Fact]
    public async Task A_transaction_inserts_replaces_upserts_and_deletes_together()
    {
        var table = await OpenAsync();
        Assert.Equal(WriteOutcome.Written, await table.TransactAsync([new(RowChange.Insert, Row("p", "old", ("a", 1))), new(RowChange.Insert, Row("p", "doomed"))], Cancel));
        var old = await table.GetAsync("p", "old", Cancel);
        var doomed = await table.GetAsync("p", "doomed", Cancel);

        var outcome = await table.TransactAsync([
            new(RowChange.Insert, Row("p", "new", ("text", "it's {\"a\":1} POST http://x"))),
            new(RowChange.Replace, Row("p", "old", ("a", 2L)) with { ETag = old!.ETag }),
            new(RowChange.Upsert, Row("p", "either", ("a", 3))),
            new(RowChange.Delete, Row("p", "doomed") with { ETag = doomed!.ETag })], Cancel);

        Assert.Equal(WriteOutcome.Written, outcome);
        Assert.Equal(["either", "new", "old"], (await table.RangeAsync("p", "", null, 10, null, Cancel)).Rows.Select(row => row.RowKey));
        Assert.Equal(2L, (await table.GetAsync("p", "old", Cancel))!.Properties["a"]);
        Assert.Equal("it's {\"a\":1} POST http://x", (await table.GetAsync("p", "new", Cancel))!.Properties["text"]);
    }

    [Theory]
    [InlineData("Insert", "Exists")]
    [InlineData("Replace", "Stale")]
    [InlineData("ReplaceMissing", "Missing")]
    [InlineData("Delete", "Stale")]
    [InlineData("DeleteMissing", "Missing")]
    public async Task A_transaction_with_one_refused_operation_changes_nothing_and_says_why(string refused, string why)
    {
        var table = await OpenAsync();
        var first = await table.InsertAsync(Row("p", "r", ("a", 1)), Cancel);
        await table.ReplaceAsync(Row("p", "r", ("a", 2)) with { ETag = first.ETag }, Cancel);
        var culprit = refused switch
        {
            "Insert" => new RowOperation(RowChange.Insert, Row("p", "r", ("a", 3))),
            "Replace" => new RowOperation(RowChange.Replace, Row("p", "r", ("a", 3)) with { ETag = first.ETag }),
            "ReplaceMissing" => new RowOperation(RowChange.Replace, Row("p", "none", ("a", 3)) with { ETag = first.ETag }),
            "Delete" => new RowOperation(RowChange.Delete, Row("p", "r") with { ETag = first.ETag }),
            _ => new RowOperation(RowChange.Delete, Row("p", "none") with { ETag = first.ETag }),
        };

        var outcome = await table.TransactAsync([new(RowChange.Insert, Row("p", "before")), culprit, new(RowChange.Insert, Row("p", "zlast"))], Cancel);

        Assert.Equal(Enum.Parse<WriteOutcome>(why), outcome);
        var row = Assert.Single((await table.RangeAsync("p", "", null, 10, null, Cancel)).Rows);
        Assert.Equal(2, row.Properties["a"]);
    }

    [Fact]
    public async Task What_Azure_would_refuse_is_refused_before_it_is_sent()
    {
        var table = await OpenAsync();
        await Refused(() => table.InsertAsync(Row("p/q", "r"), Cancel));
        await Refused(() => table.InsertAsync(Row("p", "r#"), Cancel));
        await Refused(() => table.InsertAsync(Row("p", "r\u0085"), Cancel));
        await Refused(() => table.GetAsync("p", "r?", Cancel));
        await Refused(() => table.InsertAsync(Row("p", "r", ("op", "mine")), Cancel));
        await Refused(() => table.InsertAsync(Row("p", "r", ("text", new string('x', 33_000))), Cancel));
        await Refused(() => table.InsertAsync(Row("p", "r", [.. Enumerable.Range(0, 252).Select(n => ($"n{n}", (object)n))]), Cancel));
        await Refused(() => table.InsertAsync(Row("p", "r", [.. Enumerable.Range(0, 18).Select(n => ($"n{n}", (object)new string('x', 30_000)))]), Cancel));
        await Refused(() => table.TransactAsync([], Cancel));
        await Refused(() => table.TransactAsync([new(RowChange.Insert, Row("p", "r")), new(RowChange.Insert, Row("q", "s"))], Cancel));
        await Refused(() => table.TransactAsync([new(RowChange.Insert, Row("p", "r")), new(RowChange.Upsert, Row("p", "r"))], Cancel));
        await Refused(() => table.TransactAsync([.. Enumerable.Range(0, 101).Select(n => new RowOperation(RowChange.Insert, Row("p", $"r{n}")))], Cancel));
        await Refused(() => table.TransactAsync([.. Enumerable.Range(0, 80).Select(n => new RowOperation(RowChange.Insert, Row("p", $"r{n}", ("text", new string('x', 30_000)))))], Cancel));
        await Refused(() => table.ReplaceAsync(Row("p", "r"), Cancel));
        Assert.Empty((await table.RangeAsync("p", "", null, 10, null, Cancel)).Rows);

        static Task Refused(Func<Task> write) => Assert.ThrowsAnyAsync<ArgumentException>(write);
    }

    [Fact]
    public async Task Largest_rows_and_transactions_that_Azure_takes_are_taken()
    {
        var table = await OpenAsync();
        Assert.True((await table.InsertAsync(Row("p", "big", [.. Enumerable.Range(0, 17).Select(n => ($"n{n}", (object)new string('x', 30_000)))]), Cancel)).Ok);
        Assert.Equal(WriteOutcome.Written, await table.TransactAsync([.. Enumerable.Range(0, 100).Select(n => new RowOperation(RowChange.Insert, Row("p", $"r{n:000}", ("n", n))))], Cancel));
        Assert.Equal(99, (await table.GetAsync("p", "r099", Cancel))!.Properties["n"]);
    }

    [Fact]
    public async Task A_range_gives_one_partition_in_order_between_its_ends_and_page_by_page()
    {
        var table = await OpenAsync();
        foreach (var key in new[] { "b", "a", "e", "c", "d", "c'1", "c 2", "c%3~" })
            await table.InsertAsync(Row("p'1", key, ("key", key)), Cancel);
        await table.InsertAsync(Row("other", "c"), Cancel);

        var rows = new List<TableRow>();
        string? continuation = null;
        var pages = 0;
        do
        {
            var page = await table.RangeAsync("p'1", "b", "e", 2, continuation, Cancel);
            Assert.InRange(page.Rows.Count, 0, 2);
            rows.AddRange(page.Rows);
            continuation = page.Continuation;
            Assert.True(++pages < 10);
        }
        while (continuation is not null);

        Assert.Equal(["b", "c", "c 2", "c%3~", "c'1", "d"], rows.Select(row => row.RowKey));
        Assert.All(rows, row => Assert.Equal(row.RowKey, row.Properties["key"]));
        Assert.True((await table.ReplaceAsync(rows[0] with { Properties = new Dictionary<string, object> { ["key"] = "new" } }, Cancel)).Ok);
    }

    [Fact]
    public async Task Keys_with_signs_that_addresses_reserve_are_kept_apart()
    {
        var table = await OpenAsync();
        foreach (var key in new[] { "a+b", "a b", "a%20b", "a&b=c", "a'b", "a''b", "ä(b)", "a;b,c", "a:b@c!$*" })
            Assert.True((await table.InsertAsync(Row("p", key, ("key", key)), Cancel)).Ok, key);
        foreach (var key in new[] { "a+b", "a b", "a%20b", "a&b=c", "a'b", "a''b", "ä(b)", "a;b,c", "a:b@c!$*" })
            Assert.Equal(key, (await table.GetAsync("p", key, Cancel))?.Properties["key"]);
        var updated = await table.TransactAsync([new(RowChange.Upsert, Row("p", "a'b", ("key", "new"))), new(RowChange.Upsert, Row("p", "a%20b", ("key", "new2")))], Cancel);
        Assert.Equal(WriteOutcome.Written, updated);
        Assert.Equal("new", (await table.GetAsync("p", "a'b", Cancel))!.Properties["key"]);
        Assert.Equal("new2", (await table.GetAsync("p", "a%20b", Cancel))!.Properties["key"]);
        Assert.Equal("a b", (await table.GetAsync("p", "a b", Cancel))!.Properties["key"]);
    }

    [Fact]
    public async Task A_cancelled_call_ends_as_cancelled()
    {
        var table = await OpenAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => table.GetAsync("p", "r", new CancellationToken(canceled: true)));
    }
}

/// <summary>The contract in memory.</summary>
public sealed class MemoryTableTests : TableContract
{
    private protected override Task<ITable> OpenAsync() => Task.FromResult(new MemoryTables().Open("t"));
}

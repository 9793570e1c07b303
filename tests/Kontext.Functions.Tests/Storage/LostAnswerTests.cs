using System.Net;
using System.Net.Sockets;
using Kontext.Functions.Storage;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Storage;

/// <summary>What a network does to a table between us and the service.</summary>
public sealed class LostAnswerTests(AzuriteFixture azurite)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static TableRow Row(int value, string? etag = null) => new("p", "r", new Dictionary<string, object> { ["a"] = value }) { ETag = etag };

    [Fact]
    public async Task An_insert_whose_answer_is_lost_is_written()
    {
        var (table, _, dropper) = await OpenAsync();
        await using var disposing = dropper;

        dropper.DropNext("POST");
        var write = await table.InsertAsync(Row(1), Cancel);

        Assert.Equal(1, dropper.Dropped);
        Assert.Equal(WriteOutcome.Written, write.Outcome);
        Assert.True((await table.ReplaceAsync(Row(2, write.ETag), Cancel)).Ok);
    }

    [Fact]
    public async Task An_insert_that_others_forestalled_exists_even_when_that_answer_is_lost()
    {
        var (table, direct, dropper) = await OpenAsync();
        await using var disposing = dropper;
        await direct.InsertAsync(Row(1), Cancel);

        dropper.DropNext("POST");
        Assert.Equal(WriteOutcome.Exists, (await table.InsertAsync(Row(1), Cancel)).Outcome);
        Assert.Equal(1, dropper.Dropped);
    }

    [Fact]
    public async Task A_replace_whose_answer_is_lost_is_written()
    {
        var (table, direct, dropper) = await OpenAsync();
        await using var disposing = dropper;
        var first = await direct.InsertAsync(Row(1), Cancel);

        dropper.DropNext("PUT");
        var write = await table.ReplaceAsync(Row(2, first.ETag), Cancel);

        Assert.Equal(1, dropper.Dropped);
        Assert.Equal(WriteOutcome.Written, write.Outcome);
        Assert.Equal(write.ETag, (await direct.GetAsync("p", "r", Cancel))!.ETag);
    }

    [Fact]
    public async Task A_replace_of_an_old_version_is_stale_even_when_that_answer_is_lost()
    {
        var (table, direct, dropper) = await OpenAsync();
        await using var disposing = dropper;
        var first = await direct.InsertAsync(Row(1), Cancel);
        await direct.ReplaceAsync(Row(2, first.ETag), Cancel);

        dropper.DropNext("PUT");
        Assert.Equal(WriteOutcome.Stale, (await table.ReplaceAsync(Row(2, first.ETag), Cancel)).Outcome);
        Assert.Equal(1, dropper.Dropped);
    }

    [Fact]
    public async Task A_transaction_whose_answer_is_lost_is_written()
    {
        var (table, direct, dropper) = await OpenAsync();
        await using var disposing = dropper;
        var first = await direct.InsertAsync(Row(1), Cancel);

        dropper.DropNext("POST");
        var outcome = await table.TransactAsync([
            new(RowChange.Delete, Row(1, first.ETag)),
            new(RowChange.Insert, new TableRow("p", "s", new Dictionary<string, object> { ["a"] = 1 }))], Cancel);

        Assert.Equal(1, dropper.Dropped);
        Assert.Equal(WriteOutcome.Written, outcome);
        Assert.Equal(["s"], (await direct.RangeAsync("p", "", null, 10, null, Cancel)).Rows.Select(row => row.RowKey));
    }

    [Fact]
    public async Task A_transaction_that_others_forestalled_is_refused_even_when_that_answer_is_lost()
    {
        var (table, direct, dropper) = await OpenAsync();
        await using var disposing = dropper;
        await direct.InsertAsync(Row(1), Cancel);

        dropper.DropNext("POST");
        Assert.Equal(WriteOutcome.Exists, await table.TransactAsync([new(RowChange.Insert, Row(1)), new(RowChange.Insert, Row(1) with { RowKey = "s" })], Cancel));
        Assert.Equal(1, dropper.Dropped);
    }

    [Fact]
    public async Task A_lost_answer_never_lets_two_claimants_of_one_version_win()
    {
        var (table, direct, dropper) = await OpenAsync();
        await using var disposing = dropper;
        var first = await direct.InsertAsync(Row(1), Cancel);

        dropper.DropNext("DELETE");
        var claims = await Task.WhenAll(table.DeleteAsync("p", "r", first.ETag!, Cancel), direct.DeleteAsync("p", "r", first.ETag!, Cancel));

        Assert.InRange(claims.Count(claim => claim.Ok), 0, 1);
        Assert.Null(await direct.GetAsync("p", "r", Cancel));
    }

    [Fact]
    public async Task A_service_that_is_not_there_is_unavailable()
    {
        using var unused = new TcpListener(IPAddress.Loopback, 0);
        unused.Start();
        var port = ((IPEndPoint)unused.LocalEndpoint).Port;
        unused.Stop();
        var table = Connect(await azurite.ConnectionStringAsync(), $"http://127.0.0.1:{port}/devstoreaccount1", "refused");
        await Assert.ThrowsAsync<StorageUnavailableException>(() => table.GetAsync("p", "r", Cancel));
    }

    [Fact]
    public async Task A_service_that_never_answers_is_unavailable_rather_than_waited_for()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var table = Connect(await azurite.ConnectionStringAsync(), $"http://{silent.LocalEndpoint}/devstoreaccount1", "refused");
        await Assert.ThrowsAsync<StorageUnavailableException>(() => table.GetAsync("p", "r", Cancel));
    }

    [Fact]
    public async Task A_wrong_key_is_the_operators_fault_and_not_worth_a_retry()
    {
        var connection = await azurite.ConnectionStringAsync();
        var account = StorageAccount.Parse(connection);
        var table = new TableService(account with { Key = new Domain.Secret(Convert.ToBase64String(new byte[64])) }, TimeProvider.System).Open("refused");
        var refused = await Assert.ThrowsAsync<StorageUnavailableException>(() => table.GetAsync("p", "r", Cancel));
        Assert.Contains("403", refused.Message, StringComparison.Ordinal);
        Assert.Contains("Storage Table Data Contributor", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(account.Key!.Reveal(), refused.ToString(), StringComparison.Ordinal);
    }

    private static ITable Connect(string connection, string endpoint, string name)
    {
        var account = StorageAccount.Parse(connection);
        return new TableService(account with { Endpoint = new Uri(endpoint.TrimEnd('/') + "/") }, TimeProvider.System).Open(name);
    }

    private async Task<(ITable Dropping, ITable Direct, AnswerDropper Dropper)> OpenAsync()
    {
        var connection = await azurite.ConnectionStringAsync();
        var endpoint = StorageAccount.Parse(connection).Endpoint;
        var dropper = new AnswerDropper(endpoint.Port);
        var name = "t" + Guid.NewGuid().ToString("N");
        var direct = Connect(connection, endpoint.AbsoluteUri, name);
        // The table is there before any answer is lost.
        await direct.InsertAsync(Row(0) with { PartitionKey = "other" }, Cancel);
        return (Connect(connection, $"http://127.0.0.1:{dropper.Port}{endpoint.AbsolutePath}", name), direct, dropper);
    }
}

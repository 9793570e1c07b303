using System.Buffers.Text;
using System.Globalization;
using System.Net;
using System.Text;
using Azure;
using Azure.Core;
using Kontext.Domain;

namespace Kontext.Functions.Storage;

/// <summary>A table of the Table service. Every row carries the id of the operation that wrote it, so that a refusal after a lost answer is told from a real one.</summary>
internal sealed class TableApi(TableService service, string name) : ITable
{
    private const string NoMetadata = "application/json;odata=nometadata";
    private const string NextPartition = "x-ms-continuation-NextPartitionKey";
    private const string NextRow = "x-ms-continuation-NextRowKey";

    /// <inheritdoc/>
    public async Task<TableRow?> GetAsync(string partitionKey, string rowKey, CancellationToken cancellationToken) =>
        (await ReadAsync(partitionKey, rowKey, cancellationToken))?.Row;

    /// <inheritdoc/>
    public Task<Write> InsertAsync(TableRow row, CancellationToken cancellationToken) => WriteAsync(RowChange.Insert, row, cancellationToken);

    /// <inheritdoc/>
    public Task<Write> ReplaceAsync(TableRow row, CancellationToken cancellationToken) => WriteAsync(RowChange.Replace, row, cancellationToken);

    /// <inheritdoc/>
    public Task<Write> UpsertAsync(TableRow row, CancellationToken cancellationToken) => WriteAsync(RowChange.Upsert, row, cancellationToken);

    /// <inheritdoc/>
    public async Task<Write> DeleteAsync(string partitionKey, string rowKey, string etag, CancellationToken cancellationToken)
    {
        using var message = service.Request(RequestMethod.Delete, RowAddress(partitionKey, rowKey), NoMetadata);
        message.Request.Headers.Add("If-Match", etag);
        await service.SendAsync(message, cancellationToken);
        if (message.Response.Status == (int)HttpStatusCode.NoContent)
            return new Write(WriteOutcome.Written, "");
        var outcome = Refusal(message.Response).Outcome ?? throw TableService.Failed(message.Response);
        // A deleted row cannot say who deleted it. Whoever deletes a version claims it, and two claimants must never both win:
        // only when anything was to be deleted is a row that is gone after a repeat taken for our own success.
        return outcome == WriteOutcome.Missing && etag == "*" && message.ProcessingContext.RetryNumber > 0
            ? new Write(WriteOutcome.Written, "")
            : new Write(outcome, null);
    }

    /// <inheritdoc/>
    public async Task<WriteOutcome> TransactAsync(IReadOnlyList<RowOperation> operations, CancellationToken cancellationToken)
    {
        RowLimits.CheckTransaction(operations);
        var operation = RandomValue.ShortId();
        var transaction = TableTransaction.Compose(operations, operation, service.AddressOf(name));
        for (var tableCreated = false; ; tableCreated = true)
        {
            using var message = service.Request(RequestMethod.Post, "$batch", NoMetadata);
            message.Request.Headers.Add("Content-Type", transaction.ContentType);
            message.Request.Content = RequestContent.Create(transaction.Body);
            await service.SendAsync(message, cancellationToken);
            if (message.Response.Status != (int)HttpStatusCode.Accepted)
                throw TableService.Failed(message.Response);
            if (TableTransaction.ReadRefusal(message.Response.Content.ToMemory().Span) is not { } refusal)
                return WriteOutcome.Written;
            if (refusal.TableMissing && !tableCreated)
            {
                await service.CreateTableAsync(name, cancellationToken);
                continue;
            }
            var outcome = refusal.Outcome ?? throw new RequestFailedException($"The table service refused a transaction: {refusal.Code}.");
            return message.ProcessingContext.RetryNumber > 0 && await WasWrittenAsync(operations, operation, cancellationToken) ? WriteOutcome.Written : outcome;
        }
    }

    /// <inheritdoc/>
    public async Task<RowPage> RangeAsync(string partitionKey, string from, string? to, int limit, string? continuation, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, 1000);
        var filter = $"PartitionKey eq {Literal(partitionKey)} and RowKey ge {Literal(from)}" + (to is null ? "" : $" and RowKey lt {Literal(to)}");
        var address = string.Create(CultureInfo.InvariantCulture, $"{name}()?$filter={Uri.EscapeDataString(filter)}&$top={limit}");
        using var message = service.Request(RequestMethod.Get, address + Unpack(continuation), TableService.MinimalMetadata);
        await service.SendAsync(message, cancellationToken);
        var response = message.Response;
        if (response.Status == (int)HttpStatusCode.NotFound && Refusal(response).TableMissing)
            return new RowPage([], null);
        return response.Status == (int)HttpStatusCode.OK
            ? new RowPage(RowJson.ReadMany(response.Content.ToMemory().Span), Pack(response))
            : throw TableService.Failed(response);
    }

    /// <summary>A page of the whole table, whoever's its rows are: for <see cref="TableService.ScanAsync"/> alone.</summary>
    public async Task<RowPage> PageAsync(string? continuation, CancellationToken cancellationToken)
    {
        using var message = service.Request(RequestMethod.Get, $"{name}()?$top=1000{Unpack(continuation)}", TableService.MinimalMetadata);
        await service.SendAsync(message, cancellationToken);
        return message.Response.Status == (int)HttpStatusCode.OK
            ? new RowPage(RowJson.ReadMany(message.Response.Content.ToMemory().Span), Pack(message.Response))
            : throw TableService.Failed(message.Response);
    }

    private async Task<Write> WriteAsync(RowChange change, TableRow row, CancellationToken cancellationToken)
    {
        RowLimits.Check(row);
        var operation = RandomValue.ShortId();
        var body = RowJson.Write(row, operation);
        for (var tableCreated = false; ; tableCreated = true)
        {
            using var message = change == RowChange.Insert
                ? service.Request(RequestMethod.Post, name, NoMetadata)
                : service.Request(RequestMethod.Put, RowAddress(row.PartitionKey, row.RowKey), NoMetadata);
            var headers = message.Request.Headers;
            headers.Add("Content-Type", "application/json");
            if (change == RowChange.Insert)
                headers.Add("Prefer", "return-no-content");
            if (change == RowChange.Replace)
                headers.Add("If-Match", row.ETag ?? throw new ArgumentException("A row is replaced by its version."));
            message.Request.Content = RequestContent.Create(body);
            await service.SendAsync(message, cancellationToken);
            if (message.Response.Status is (int)HttpStatusCode.NoContent or (int)HttpStatusCode.Created)
                return new Write(WriteOutcome.Written, message.Response.Headers.ETag?.ToString("H") ?? throw new InvalidDataException("The table service gave no ETag."));

            var refusal = Refusal(message.Response);
            if (refusal.TableMissing && change != RowChange.Replace && !tableCreated)
            {
                await service.CreateTableAsync(name, cancellationToken);
                continue;
            }
            var outcome = refusal.Outcome ?? throw TableService.Failed(message.Response);
            // INVARIANT: a lost answer is not a failure. What stands in the way after a repeat may be what we wrote ourselves.
            return message.ProcessingContext.RetryNumber > 0
                && await ReadAsync(row.PartitionKey, row.RowKey, cancellationToken) is { } stored && stored.Operation == operation
                ? new Write(WriteOutcome.Written, stored.Row.ETag)
                : new Write(outcome, null);
        }
    }

    private async Task<bool> WasWrittenAsync(IReadOnlyList<RowOperation> operations, string operation, CancellationToken cancellationToken)
    {
        // One row tells for all of them. A transaction of deletions alone leaves none to ask.
        var written = operations.FirstOrDefault(candidate => candidate.Change != RowChange.Delete)?.Row;
        return written is not null && (await ReadAsync(written.PartitionKey, written.RowKey, cancellationToken))?.Operation == operation;
    }

    private async Task<StoredRow?> ReadAsync(string partitionKey, string rowKey, CancellationToken cancellationToken)
    {
        using var message = service.Request(RequestMethod.Get, RowAddress(partitionKey, rowKey), TableService.MinimalMetadata);
        await service.SendAsync(message, cancellationToken);
        return message.Response.Status switch
        {
            (int)HttpStatusCode.OK => RowJson.ReadOne(message.Response.Content.ToMemory().Span),
            (int)HttpStatusCode.NotFound => null,
            _ => throw TableService.Failed(message.Response),
        };
    }

    private string RowAddress(string partitionKey, string rowKey)
    {
        RowLimits.CheckKeys(partitionKey, rowKey);
        return name + TableTransaction.KeysOf(partitionKey, rowKey);
    }

    private static TableRefusal Refusal(Response response) => TableRefusal.Read(response.Content.ToMemory().Span);

    private static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    private static string? Pack(Response response) => response.Headers.TryGetValue(NextPartition, out var partition)
        ? Base64Url.EncodeToString(Encoding.UTF8.GetBytes($"{partition}\n{(response.Headers.TryGetValue(NextRow, out var row) ? row : "")}"))
        : null;

    private static string Unpack(string? continuation)
    {
        if (continuation is null)
            return "";
        if (!Base64Url.IsValid(continuation) || Encoding.UTF8.GetString(Base64Url.DecodeFromChars(continuation)).Split('\n') is not [var partition, var row])
            throw new ArgumentException("The continuation is not one of ours.", nameof(continuation));
        return $"&NextPartitionKey={Uri.EscapeDataString(partition)}" + (row.Length > 0 ? $"&NextRowKey={Uri.EscapeDataString(row)}" : "");
    }
}

using System.Collections.Concurrent;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Identity;

namespace Kontext.Functions.Storage;

/// <summary>The Table service of one storage account, through its REST API: what all its tables share. Retries, their limits and the authorization are here.</summary>
internal sealed class TableService : ITableSource
{
    /// <summary>Accept header of reads whose types and ETags matter.</summary>
    public const string MinimalMetadata = "application/json;odata=minimalmetadata";

    // A request has an answer after this time, or it has failed: callers are waiting, and so are leases.
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, TableApi> tables = new(StringComparer.OrdinalIgnoreCase);
    private readonly HttpPipeline pipeline;
    private readonly string endpoint;

    public TableService(StorageAccount account, TimeProvider time)
    {
        endpoint = account.Endpoint.AbsoluteUri;
        var options = new Options { Transport = new HttpClientTransport(CreateClient(account.Endpoint)) };
        options.Retry.MaxRetries = 4;
        options.Retry.Mode = RetryMode.Exponential;
        options.Retry.Delay = TimeSpan.FromMilliseconds(100);
        options.Retry.MaxDelay = TimeSpan.FromSeconds(1);
        options.Retry.NetworkTimeout = TimeSpan.FromSeconds(3);
        pipeline = StoragePipeline.Build(options, account.Key is { } key ? new SharedKeyLitePolicy(account.Name!, Convert.FromBase64String(key.Reveal()), time) : null);
    }

    /// <inheritdoc/>
    public ITable Open(string name) => Table(name);

    /// <summary>The names of all tables: for backups.</summary>
    public async Task<List<string>> TableNamesAsync(CancellationToken cancellationToken)
    {
        var names = new List<string>();
        string? next = "";
        do
        {
            using var message = Request(RequestMethod.Get, next.Length == 0 ? "Tables" : $"Tables?NextTableName={Uri.EscapeDataString(next)}", "application/json;odata=nometadata");
            await SendAsync(message, cancellationToken);
            if (message.Response.Status != (int)HttpStatusCode.OK)
                throw Failed(message.Response);
            using var json = JsonDocument.Parse(message.Response.Content.ToMemory());
            names.AddRange(json.RootElement.GetProperty("value").EnumerateArray().Select(table => table.GetProperty("TableName").GetString()!));
            next = message.Response.Headers.TryGetValue("x-ms-continuation-NextTableName", out var more) ? more : null;
        }
        while (next is not null);
        return names;
    }

    /// <summary>Every row of a table, across organizations: for backups, and nothing that a request reaches.</summary>
    public async IAsyncEnumerable<TableRow> ScanAsync(string name, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? continuation = null;
        do
        {
            var page = await Table(name).PageAsync(continuation, cancellationToken);
            foreach (var row in page.Rows)
                yield return row;
            continuation = page.Continuation;
        }
        while (continuation is not null);
    }

    /// <summary>A request to an address under the service's own, already escaped.</summary>
    public HttpMessage Request(RequestMethod method, string address, string accept)
    {
        var message = pipeline.CreateMessage();
        message.Request.Method = method;
        message.Request.Uri.Reset(new Uri(endpoint + address));
        message.Request.Headers.Add("x-ms-version", "2019-02-02");
        message.Request.Headers.Add("DataServiceVersion", "3.0;NetFx");
        message.Request.Headers.Add("Accept", accept);
        return message;
    }

    /// <summary>The absolute address, as operations inside a transaction need it.</summary>
    public string AddressOf(string address) => endpoint + address;

    /// <summary>Sends with retries. Afterwards the message has an answer that is not a passing failure of the service.</summary>
    /// <exception cref="StorageUnavailableException">There was none in time.</exception>
    public Task SendAsync(HttpMessage message, CancellationToken cancellationToken) => pipeline.SendWithinAsync(message, "table", Deadline, cancellationToken);

    /// <summary>Creates a table; one that is already there is as good.</summary>
    public async Task CreateTableAsync(string name, CancellationToken cancellationToken)
    {
        using var message = Request(RequestMethod.Post, "Tables", "application/json;odata=nometadata");
        message.Request.Headers.Add("Content-Type", "application/json");
        message.Request.Headers.Add("Prefer", "return-no-content");
        // A table's name is letters and digits: nothing to escape.
        message.Request.Content = RequestContent.Create(BinaryData.FromString($"{{\"TableName\":\"{name}\"}}"));
        await SendAsync(message, cancellationToken);
        var response = message.Response;
        if (response.Status is not ((int)HttpStatusCode.Created or (int)HttpStatusCode.NoContent)
            && TableRefusal.Read(response.Content.ToMemory().Span).Code != "TableAlreadyExists")
            throw Failed(response);
    }

    /// <summary>The exception for an answer that no caller can cause: wrong rights, wrong request, a table being deleted.</summary>
    public static Exception Failed(Response response) => response.Status switch
    {
        (int)HttpStatusCode.Unauthorized or (int)HttpStatusCode.Forbidden => new StorageUnavailableException(
            $"The table service refuses us ({response.Status}). The program's identity needs the role Storage Table Data Contributor, and a way through the account's firewall."),
        (int)HttpStatusCode.Conflict => new StorageUnavailableException($"The table service answered with {TableRefusal.Read(response.Content.ToMemory().Span).Code}."),
        _ => new RequestFailedException(response),
    };

    private TableApi Table(string name) => tables.GetOrAdd(name, static (name, service) => new TableApi(service, name), this);

    /// <summary>Is this how the service says no, or nothing?</summary>
    public static bool Refuses(Exception exception) => exception is StorageUnavailableException or RequestFailedException;

    private static HttpClient CreateClient(Uri endpoint) => new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = !endpoint.IsLoopback,
        ConnectTimeout = TimeSpan.FromSeconds(3),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        MaxConnectionsPerServer = 256,
        ActivityHeadersPropagator = null,
    })
    { Timeout = Timeout.InfiniteTimeSpan };

    private sealed class Options : ClientOptions;
}

using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

namespace Kontext.Load;

/// <summary>The table service alone: inserting a row of a kilobyte, which is the least that makes something durable (Table service REST API, Insert Entity).</summary>
public sealed class AzuriteFloor
{
    private const string Table = "bench";
    private static readonly string Payload = new('x', 1_000);

    private readonly Uri tables;
    private readonly string account;
    private readonly byte[] key;
    private int row;

    /// <summary>Takes the connection string of the account.</summary>
    public AzuriteFloor(string storage)
    {
        string Part(string name) => storage.Split(name + "=", 2)[1].Split(';')[0];
        (tables, account, key) = (new Uri(Part("TableEndpoint")), Part("AccountName"), Convert.FromBase64String(Part("AccountKey")));
    }

    /// <summary>Makes the table and gives the side.</summary>
    public async Task<Side> PrepareAsync()
    {
        using var http = new HttpClient();
        using var request = Post("Tables", $$"""{"TableName":"{{Table}}"}""");
        (await http.SendAsync(request)).EnsureSuccessStatusCode().Dispose();
        return Side.Of("Azurite alone, insert of 1 kB", _ => Post(Table, string.Create(CultureInfo.InvariantCulture, $$"""{"PartitionKey":"p","RowKey":"{{Interlocked.Increment(ref row)}}","V":"{{Payload}}"}""")));
    }

    // SharedKeyLite: the date and the resource are signed.
    private HttpRequestMessage Post(string resource, string body)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri($"{tables.AbsoluteUri.TrimEnd('/')}/{resource}")) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        var date = TimeProvider.System.GetUtcNow().ToString("R", CultureInfo.InvariantCulture);
        var signature = Convert.ToBase64String(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"{date}\n/{account}{request.RequestUri!.AbsolutePath}")));
        request.Headers.Add("x-ms-date", date);
        request.Headers.Add("x-ms-version", "2019-02-02");
        request.Headers.Add("Prefer", "return-no-content");
        request.Headers.Accept.ParseAdd("application/json;odata=nometadata");
        request.Headers.Authorization = new AuthenticationHeaderValue("SharedKeyLite", $"{account}:{signature}");
        return request;
    }
}

using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Kontext.Domain;
using Kontext.Domain.Work;
using Kontext.Functions.Retention;
using Kontext.Functions.Storage;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Storage;

/// <summary>What becomes of a request when a storage service asks for time, or answers in a way of its own.</summary>
public sealed class ThrottlingTests(AzuriteFixture azurite) : IDisposable
{
    private static readonly DateOnly Day = new(2026, 3, 1);
    private static readonly OrgId Org = new(Guid.Parse("0199a000-0000-7000-8000-000000000001"));

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("kontext-throttling-");

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Delete(recursive: true);

    [Theory]
    [InlineData("Table", HttpStatusCode.ServiceUnavailable)]
    [InlineData("Table", HttpStatusCode.TooManyRequests)]
    [InlineData("Queue", HttpStatusCode.ServiceUnavailable)]
    [InlineData("Blob", HttpStatusCode.ServiceUnavailable)]
    public async Task A_service_that_asks_for_a_moment_gets_it_and_is_asked_again(string service, HttpStatusCode busy)
    {
        var (wire, write) = await OpenAsync(service);
        await using var _ = wire;
        var refused = 0;
        wire.Rule = async (request, pass) => IsWrite(request) && refused++ == 0 ? WireAnswer.Of(busy, "Retry-After", "1") : await pass();
        await write();
        Assert.True(refused > 1);
    }

    [Theory]
    [InlineData("Table", HttpStatusCode.ServiceUnavailable)]
    [InlineData("Table", HttpStatusCode.TooManyRequests)]
    [InlineData("Queue", HttpStatusCode.ServiceUnavailable)]
    [InlineData("Blob", HttpStatusCode.ServiceUnavailable)]
    public async Task A_service_that_asks_for_longer_than_anybody_waits_is_not_waited_for_and_the_time_it_asked_for_is_told(string service, HttpStatusCode busy)
    {
        var (wire, write) = await OpenAsync(service);
        await using var _ = wire;
        var refused = 0;
        wire.Rule = async (request, pass) =>
        {
            if (!IsWrite(request))
                return await pass();
            refused++;
            return WireAnswer.Of(busy, "Retry-After", "17");
        };
        var unavailable = await Assert.ThrowsAsync<StorageUnavailableException>(write);
        Assert.Equal(TimeSpan.FromSeconds(17), unavailable.RetryAfter);
        Assert.Contains(((int)busy).ToString(CultureInfo.InvariantCulture), unavailable.Message, StringComparison.Ordinal);
        Assert.Equal(1, refused);
    }

    [Fact]
    public async Task A_table_service_that_asks_for_a_moment_again_and_again_is_given_up_with_the_time_it_asked_for()
    {
        var (wire, write) = await OpenAsync("Table");
        await using var _ = wire;
        wire.Rule = static (_, _) => Task.FromResult<WireAnswer?>(WireAnswer.Of(HttpStatusCode.ServiceUnavailable, "Retry-After", "4"));
        Assert.Equal(TimeSpan.FromSeconds(4), (await Assert.ThrowsAsync<StorageUnavailableException>(write)).RetryAfter);
    }

    [Fact]
    public async Task The_time_that_storage_asks_for_reaches_the_client()
    {
        var (account, wire) = await WiredAsync("Table");
        await using var _ = wire;
        await using var server = await KontextServer.StartAsync(account, Path.Combine(folder.FullName, "keys"));
        var token = await new TestAgent(server.Url).ManagementTokenAsync("olivia");
        wire.Rule = static (_, _) => Task.FromResult<WireAnswer?>(WireAnswer.Of(HttpStatusCode.ServiceUnavailable, "Retry-After", "17"));
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri("/api/v1/applications", UriKind.Relative));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var answer = await server.Http.SendAsync(request, Cancelled);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(17), answer.Headers.RetryAfter?.Delta);
    }

    [Theory]
    [InlineData("BlobAlreadyExists")]
    [InlineData("BlobImmutableDueToPolicy")]
    public async Task A_day_that_the_container_does_not_let_us_write_again_is_there_already_and_is_read_back(string code)
    {
        var (account, wire) = await WiredAsync("Blob");
        await using var _ = wire;
        var archive = Archive(account);
        Assert.True(await archive.WriteAsync(Org, Day, FileOf("a day"), Cancelled));
        wire.Rule = async (request, pass) => request.Method == "PUT" ? WireAnswer.Of(HttpStatusCode.Conflict, "x-ms-error-code", code) : await pass();
        Assert.False(await archive.WriteAsync(Org, Day, FileOf("another day"), Cancelled));
        var back = Path.Combine(folder.FullName, "back");
        Assert.True(await archive.ReadAsync(Org, Day, back, Cancelled));
        Assert.Equal("a day", await File.ReadAllTextAsync(back, Cancelled));
    }

    [Fact]
    public async Task Any_other_conflict_is_no_day_that_is_there()
    {
        var (account, wire) = await WiredAsync("Blob");
        await using var _ = wire;
        wire.Rule = static (_, _) => Task.FromResult<WireAnswer?>(WireAnswer.Of(HttpStatusCode.Conflict, "x-ms-error-code", "LeaseIdMissing"));
        await Assert.ThrowsAsync<Azure.RequestFailedException>(() => Archive(account).WriteAsync(Org, Day, FileOf("a day"), Cancelled));
    }

    private static bool IsWrite(WireRequest request) => request.Method is "POST" or "PUT";

    /// <summary>Something to write, which worked once, and the wire that it goes over.</summary>
    private async Task<(Wire Wire, Func<Task> Write)> OpenAsync(string service)
    {
        var (account, wire) = await WiredAsync(service);
        var number = 0;
        Func<Task> write;
        switch (service)
        {
            case "Table":
                var table = new TableService(StorageAccount.Parse(account), TimeProvider.System).Open("throttled");
                write = () => table.InsertAsync(new TableRow("p", string.Create(CultureInfo.InvariantCulture, $"r{number++}"), new Dictionary<string, object> { ["v"] = "1" }), Cancelled);
                break;
            case "Queue":
                var queue = new StorageQueue(StorageAccount.ParseQueue(account), TimeProvider.System);
                write = () => queue.EnqueueAsync(new RevokeGrant(Org, new RevocationId(Guid.NewGuid()), 1), TimeSpan.Zero, Cancelled);
                break;
            default:
                var archive = Archive(account);
                write = () => archive.WriteAsync(Org, Day.AddDays(number++), FileOf("a day"), Cancelled);
                break;
        }
        await write();
        return (wire, write);
    }

    private async Task<(string Account, Wire Wire)> WiredAsync(string service)
    {
        var account = await azurite.EmptyAccountAsync();
        var address = new Uri(account.Split($"{service}Endpoint=")[1].Split(';')[0]).GetLeftPart(UriPartial.Authority);
        var wire = await Wire.OpenAsync(new Uri(address));
        return (account.Replace($"{service}Endpoint={address}", $"{service}Endpoint={wire.Address.GetLeftPart(UriPartial.Authority)}", StringComparison.Ordinal), wire);
    }

    private static BlobArchive Archive(string account)
    {
        var address = AuditArchiveAddress.Parse($"{account.Split("BlobEndpoint=")[1].Split(';')[0]}/audit", account);
        return new BlobArchive(address.Container!, address.Account, TimeProvider.System);
    }

    private string FileOf(string content)
    {
        var file = Path.Combine(folder.FullName, Path.GetRandomFileName());
        File.WriteAllText(file, content);
        return file;
    }
}

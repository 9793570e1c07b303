using System.Net;
using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;
using Kontext.Functions.Tests.OAuth;
using Kontext.Functions.Upstream;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Upstream;

/// <summary>How long documents and keys of clients are kept, and from where they are never fetched.</summary>
public sealed class ClientDocumentsTests : IAsyncLifetime
{
    private readonly ManualTime time = new(new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero));
    private DocumentHost host = null!;
    private HttpClient http = null!;

    public async ValueTask InitializeAsync()
    {
        host = await DocumentHost.StartAsync();
        http = Trusting(Settings("http://localhost:7071"));
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await host.DisposeAsync();
    }

    [Theory]
    [InlineData(null, 59, 61)]
    [InlineData("no-store", 59, 61)]
    [InlineData("max-age=0", 59, 61)]
    [InlineData("max-age=600", 599, 601)]
    [InlineData("max-age=31536000", 86399, 86401)]
    public async Task A_document_is_kept_as_long_as_its_host_says_within_a_minute_and_a_day(string? cacheControl, int still, int gone)
    {
        var documents = new ClientDocuments(new GuardedFetch(http), time);
        var url = host.NewAddress();
        host.Publish(url, DocumentHost.Document(url), cacheControl);
        Assert.Equal("Documented agent", (await FetchAsync(documents, url)).Name);

        var renamed = DocumentHost.Document(url);
        renamed["client_name"] = "Renamed agent";
        host.Publish(url, renamed, cacheControl);
        time.Advance(TimeSpan.FromSeconds(still));
        Assert.Equal("Documented agent", (await FetchAsync(documents, url)).Name);
        time.Advance(TimeSpan.FromSeconds(gone - still));
        Assert.Equal("Renamed agent", (await FetchAsync(documents, url)).Name);
        Assert.Equal(2, host.Hits(url));
    }

    [Fact]
    public async Task A_document_that_can_no_longer_be_used_is_not_used_after_its_time()
    {
        var documents = new ClientDocuments(new GuardedFetch(http), time);
        var url = host.NewAddress();
        host.Publish(url, DocumentHost.Document(url));
        await FetchAsync(documents, url);
        host.Publish(url, "gone", "text/plain", 410);
        time.Advance(TimeSpan.FromMinutes(2));
        Assert.False((await documents.FetchAsync(url, TestContext.Current.CancellationToken)).TryGet(out _, out var failure));
        Assert.Equal(FailureCode.InvalidClient, failure!.Code);
    }

    [Fact]
    public async Task Loopback_is_only_for_an_installation_on_loopback()
    {
        using var guarded = Trusting(Settings("https://kontext.example"));
        var url = host.NewAddress();
        host.Publish(url, DocumentHost.Document(url));
        Assert.False((await new ClientDocuments(new GuardedFetch(guarded), time).FetchAsync(url, TestContext.Current.CancellationToken)).TryGet(out _, out var failure));
        Assert.Contains("cannot be fetched", failure!.Message, StringComparison.Ordinal);
        Assert.Equal(0, host.Hits(url));
        Assert.False(GuardedFetch.IsAllowed(IPAddress.Parse("10.0.0.1"), Settings("http://localhost:7071")));
        Assert.True(GuardedFetch.IsAllowed(IPAddress.Parse("8.8.8.8"), Settings("https://kontext.example")));
    }

    [Fact]
    public async Task An_untrusted_certificate_is_refused()
    {
        using var strict = GuardedHttp.Create(_ => true);
        var url = host.NewAddress();
        host.Publish(url, DocumentHost.Document(url));
        Assert.False((await new ClientDocuments(new GuardedFetch(strict), time).FetchAsync(url, TestContext.Current.CancellationToken)).TryGet(out _, out _));
        Assert.Equal(0, host.Hits(url));
    }

    [Fact]
    public async Task Five_kilobytes_are_enough_and_not_one_more()
    {
        var fetch = new GuardedFetch(http);
        var url = host.NewAddress();
        host.Publish(url, $"{{\"a\":\"{new string('x', 5 * 1024 - 8)}\"}}");
        Assert.True((await fetch.JsonAsync(new Uri(url), 5 * 1024, TestContext.Current.CancellationToken)).TryGet(out _, out _));
        host.Publish(url, $"{{\"a\":\"{new string('x', 5 * 1024 - 7)}\"}}");
        Assert.False((await fetch.JsonAsync(new Uri(url), 5 * 1024, TestContext.Current.CancellationToken)).TryGet(out _, out var failure));
        Assert.Contains("larger than 5120 bytes", failure!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_rotates_its_keys_is_asked_again_but_not_in_a_loop()
    {
        using var first = new TestKey();
        using var second = new TestKey();
        var url = host.NewAddress();
        var keys = new ClientKeys(new GuardedFetch(http), time);
        var client = new OAuthClient { JwksUri = url };
        host.Publish(url, first.Jwks());
        Assert.Single(await keys.FindAsync(client, KeyId(first), TestContext.Current.CancellationToken));

        host.Publish(url, second.Jwks());
        Assert.Empty(await keys.FindAsync(client, KeyId(second), TestContext.Current.CancellationToken));
        Assert.Equal(1, host.Hits(url));
        time.Advance(TimeSpan.FromSeconds(31));
        Assert.Single(await keys.FindAsync(client, KeyId(second), TestContext.Current.CancellationToken));
        Assert.Empty(await keys.FindAsync(client, KeyId(first), TestContext.Current.CancellationToken));
        Assert.Equal(2, host.Hits(url));
    }

    private static string KeyId(TestKey key) => (string)key.Jwks()["keys"]![0]!["kid"]!;

    private static async Task<ClientDocument> FetchAsync(ClientDocuments documents, string url)
    {
        Assert.True((await documents.FetchAsync(url, TestContext.Current.CancellationToken)).TryGet(out var document, out _));
        return document!;
    }

    private static KontextSettings Settings(string publicUrl) => new()
    {
        PublicUrl = new Uri(publicUrl), Storage = "memory", KeyDirectory = "", Organization = "dev", Development = false, AllowPrivateUpstreams = true,
    };

    // The guard of the product, but for the host's certificate.
    private HttpClient Trusting(KontextSettings settings)
    {
        var handler = GuardedHttp.Handler(address => GuardedFetch.IsAllowed(address, settings));
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.GetCertHashString() == host.Certificate.GetCertHashString();
        return new HttpClient(handler);
    }
}

using System.Net;
using System.Net.Sockets;
using Kontext.Domain;
using Kontext.Functions.Upstream;

namespace Kontext.Functions.Tests.Upstream;

/// <summary>What calls find out about a server holds for streams, and the other way round.</summary>
public sealed class UpstreamCircuitsTests : IDisposable
{
    private readonly UpstreamHttp http = new(
        new KontextSettings { PublicUrl = new Uri("http://localhost:7071"), Storage = "memory", KeyDirectory = "/unused", Organization = "dev", Development = false, AllowPrivateUpstreams = true }, TimeProvider.System);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_dead_server_is_left_alone_by_both_once_one_of_them_found_it_dead(bool byStreams)
    {
        var dead = Unused();
        var (finder, other) = byStreams ? (http.Streams, http.Client) : (http.Client, http.Streams);
        var integration = Ids.Named<IntegrationId>("dead");
        for (var attempt = 0; attempt < 10; attempt++)
            Assert.IsNotType<UpstreamUnavailableException>(await Assert.ThrowsAnyAsync<HttpRequestException>(() => AskAsync(finder, dead, integration)));

        var refused = await Assert.ThrowsAsync<UpstreamUnavailableException>(() => AskAsync(other, dead, integration));
        var elsewhere = await Assert.ThrowsAnyAsync<HttpRequestException>(() => AskAsync(other, dead, Ids.Named<IntegrationId>("another")));

        Assert.InRange(refused.RetryAfter!.Value, TimeSpan.Zero, CircuitStates.Break);
        Assert.IsNotType<UpstreamUnavailableException>(elsewhere);
    }

    public void Dispose() => http.Dispose();

    private static async Task AskAsync(HttpClient client, Uri address, IntegrationId integration)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        request.Options.Set(UpstreamCircuits.Integration, integration);
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancelled);
    }

    // A port that was free a moment ago: whoever connects is refused at once.
    private static Uri Unused()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return new Uri($"http://{listener.LocalEndpoint}/");
    }
}

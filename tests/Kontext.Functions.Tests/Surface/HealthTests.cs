using System.Net;

namespace Kontext.Functions.Tests.Surface;

/// <summary>The address that load balancers ask.</summary>
public sealed class HealthTests(KontextFixture kontext)
{
    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    public async Task A_probe_of_either_kind_finds_it_healthy(string method)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(kontext.Server.Url, "/healthz"));
        using var answer = await http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }
}

using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.OAuth;

namespace Kontext.Functions.Tests.Partner;

/// <summary>Where partners' keys come from: their own server, kept as long as it says, and never a private address.</summary>
[Collection(Partners.Name)]
public sealed class PartnerKeysTests(PartnerFixture world)
{
    [Fact]
    public async Task Keys_are_kept_as_long_as_their_host_says()
    {
        await using var host = await PartnerHost.StartAsync();
        var application = await world.ApplicationAsync(TrustIn(host));
        for (var call = 0; call < 3; call++)
            Assert.Equal(HttpStatusCode.OK, (await ConnectAsync(application, host)).Status);
        Assert.Equal(1, host.Hits);
    }

    [Fact]
    public async Task A_stranger_with_made_up_key_ids_does_not_make_us_fetch_in_a_loop()
    {
        await using var host = await PartnerHost.StartAsync();
        var application = await world.ApplicationAsync(TrustIn(host));
        Assert.Equal(HttpStatusCode.OK, (await ConnectAsync(application, host)).Status);
        for (var call = 0; call < 5; call++)
        {
            using var foreign = new TestKey();
            Assert.Equal(HttpStatusCode.Unauthorized, (await world.ConnectAsync(application.Id, application.ApiKey, foreign.Sign(Claims(host), "RS256"))).Status);
        }
        Assert.Equal(1, host.Hits);
    }

    [Fact]
    public async Task Keys_that_cannot_be_fetched_are_nobodys_fault_but_their_hosts()
    {
        await using var host = await PartnerHost.StartAsync();
        host.Status = 500;
        var application = await world.ApplicationAsync(TrustIn(host));
        var answer = await ConnectAsync(application, host);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "kontext_unavailable"), (answer.Status, answer["code"]));
        Assert.NotNull(answer.Headers.RetryAfter);
        host.Status = 200;
        Assert.Equal(HttpStatusCode.OK, (await ConnectAsync(application, host)).Status);
    }

    [Theory]
    [InlineData("http://partner.example/keys")]
    [InlineData("https://10.0.0.1/keys")]
    [InlineData("https://169.254.169.254/latest/meta-data")]
    [InlineData("https://[fd00::1]/keys")]
    [InlineData("https://user:word@partner.example/keys")]
    [InlineData("https://partner.example/keys#x")]
    [InlineData("ftp://partner.example/keys")]
    [InlineData("file:///etc/passwd")]
    public async Task An_address_we_would_never_fetch_is_refused_when_it_is_set(string address)
    {
        var application = await world.ApplicationAsync();
        var answer = await world.OwnerAsync(HttpMethod.Patch, $"/applications/{application.Id}", new JsonObject { ["externalAuth"] = new JsonObject { ["jwksUrl"] = address } });
        Assert.Equal((HttpStatusCode.BadRequest, "kontext_validation_error"), (answer.Status, answer["code"]));
        Assert.NotNull(answer.Json!["validationErrors"]!["externalAuth.jwksUrl"]);
    }

    private static JsonObject TrustIn(PartnerHost host) => new() { ["issuer"] = host.Issuer, ["jwksUrl"] = host.JwksUrl };

    private Task<Kontext.Testing.JsonAnswer> ConnectAsync(PartnerApplication application, PartnerHost host) =>
        world.ConnectAsync(application.Id, application.ApiKey, host.Key.Sign(Claims(host), "RS256"));

    private JsonObject Claims(PartnerHost host)
    {
        var claims = world.Claims("user-1");
        claims["iss"] = host.Issuer;
        return claims;
    }
}

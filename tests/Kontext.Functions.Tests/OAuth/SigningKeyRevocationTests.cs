using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>A compromised signing key is cut off on every process of an installation.</summary>
public sealed class SigningKeyRevocationTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private readonly string keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;
    private KontextServer first = null!;
    private KontextServer second = null!;
    private TestAgent agent = null!;

    public async ValueTask InitializeAsync()
    {
        var storage = await azurite.EmptyAccountAsync();
        first = await KontextServer.StartAsync(storage, keys);
        second = await KontextServer.StartAsync(storage, keys, first.Url);
        agent = new TestAgent(first.Url);
    }

    public async ValueTask DisposeAsync()
    {
        await second.DisposeAsync();
        await first.DisposeAsync();
        Directory.Delete(keys, recursive: true);
    }

    [Fact]
    public async Task What_a_compromised_key_signed_is_refused_on_every_process_and_agents_go_on_by_refreshing()
    {
        var owner = await agent.ManagementTokenAsync("olivia");
        using var browser = new FormBrowser();
        var tokens = await agent.AuthorizeAsync(browser, TestAgent.CommandLineClient, "alice", agent.Gateway);
        var stolen = (string)Jwt.Header(owner)["kid"]!;
        // Both have seen the token, so that neither can rely on having verified it.
        Assert.Equal(HttpStatusCode.OK, await CallAsync(first, owner));
        Assert.Equal(HttpStatusCode.OK, await CallAsync(second, owner));

        var revoked = await agent.ApiAsync(HttpMethod.Post, "/signing-keys/rotate", owner, new JsonObject { ["emergency"] = true, ["kid"] = stolen });
        Assert.Equal(HttpStatusCode.OK, revoked.Status);
        Assert.Equal(["revoked", "current"], revoked.Json!["items"]!.AsArray().Select(key => (string)key!["state"]!));
        Assert.Equal(HttpStatusCode.Unauthorized, await CallAsync(first, owner));
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while (await CallAsync(second, owner) != HttpStatusCode.Unauthorized)
            await Task.Delay(50, limit.Token);

        foreach (var server in new[] { first, second })
            Assert.DoesNotContain(stolen, (await TestAgent.CallAsync(server.Url, HttpMethod.Get, "/.well-known/jwks.json", null)).Json!.ToJsonString(), StringComparison.Ordinal);
        var renewed = await new TestAgent(second.Url).TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = TestAgent.CommandLineClient, ["refresh_token"] = tokens["refresh_token"]! });
        Assert.Equal(HttpStatusCode.OK, renewed.Status);
        Assert.NotEqual(stolen, (string?)Jwt.Header(renewed["access_token"]!)["kid"]);
        Assert.Equal(HttpStatusCode.OK, (await TestAgent.CallAsync(first.Url, HttpMethod.Get, "/mcp/integrations", renewed["access_token"])).Status);

        var again = await agent.ManagementTokenAsync("olivia");
        var recorded = (await agent.ApiAsync(HttpMethod.Get, "/audit/events?type=admin.change&limit=50", again)).Json!["items"]!.AsArray();
        Assert.Contains(recorded, item => (string?)item!["capability"] == "signing_key.revoked" && ((string?)item["target"])!.Contains(stolen, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_a_kid_every_key_is_cut_off_also_the_one_that_waits()
    {
        var owner = await agent.ManagementTokenAsync("olivia");
        await agent.ApiAsync(HttpMethod.Post, "/signing-keys/rotate", owner);
        var revoked = await agent.ApiAsync(HttpMethod.Post, "/signing-keys/rotate", owner, new JsonObject { ["emergency"] = true });
        Assert.Equal(["revoked", "revoked", "current"], revoked.Json!["items"]!.AsArray().Select(key => (string)key!["state"]!));
        Assert.Equal(HttpStatusCode.Unauthorized, await CallAsync(first, owner));
        Assert.Equal(HttpStatusCode.OK, await CallAsync(first, await agent.ManagementTokenAsync("olivia")));
    }

    private static async Task<HttpStatusCode> CallAsync(KontextServer server, string token) => (await TestAgent.CallAsync(server.Url, HttpMethod.Get, "/api/v1/applications", token)).Status;
}

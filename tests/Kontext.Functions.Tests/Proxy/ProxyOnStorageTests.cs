using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Proxy;

/// <summary>The proxy's settings, and the record of its calls, on the storage emulator and across instances.</summary>
public sealed class ProxyOnStorageTests(AzuriteFixture azurite)
{
    [Fact]
    public async Task Settings_and_the_audit_trail_are_the_same_on_every_instance()
    {
        var keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;
        var storage = await azurite.EmptyAccountAsync();
        await using var first = await KontextServer.StartAsync(storage, keys);
        var agent = new TestAgent(first.Url);
        var owner = await agent.ManagementTokenAsync(KontextFixture.Owner);
        await using var world = await ProxyWorld.CreateAsync(first, owner, body =>
        {
            body["proxy"]!["allowedHosts"] = new JsonArray("files.example");
            body["credentialInjection"] = JsonNode.Parse("""{"type":"header","name":"X-Api-Key","prefix":"Key "}""");
        });
        await using var second = await KontextServer.StartAsync(storage, keys, publicUrl: first.Url);

        var read = (await new TestAgent(second.Url).ApiAsync(HttpMethod.Get, $"/integrations/{world.IntegrationId}", owner)).Json!["integration"]!;
        Assert.Equal((world.Api.BaseUrl, "files.example"), ((string?)read["proxy"]!["baseUrl"], (string?)read["proxy"]!["allowedHosts"]![0]));
        Assert.Equal(("header", "X-Api-Key", "Key "), ((string?)read["credentialInjection"]!["type"], (string?)read["credentialInjection"]!["name"], (string?)read["credentialInjection"]!["prefix"]));
        var offered = await TestAgent.CallAsync(second.Url, HttpMethod.Get, "/mcp/integrations", world.Token);
        Assert.Equal($"{first.Url.OriginalString.TrimEnd('/')}/proxy/{world.Name}", (string?)offered.Json!["items"]![0]!["proxyUrl"]);

        using var http = new HttpClient { BaseAddress = second.Url };
        using var request = world.Request(HttpMethod.Get, "/items/1");
        using var answer = await http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode.OK, "ok"), (answer.StatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)));
        Assert.Equal("Key " + ProxyWorld.Credential, Assert.Single(world.Api.Seen).Headers["X-Api-Key"]);

        var events = (await agent.ApiAsync(HttpMethod.Get, "/audit/events?limit=100", owner)).Json!["items"]!.AsArray();
        var ofCall = events.Where(happened => (string?)happened!["capability"] == $"{world.Name}:GET /items/1").Select(happened => (string?)happened!["type"]).Order(StringComparer.Ordinal);
        Assert.Equal(["api.call", "credential.injected"], ofCall);
        Directory.Delete(keys, recursive: true);
    }
}

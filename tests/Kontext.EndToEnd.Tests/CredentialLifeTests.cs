using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Kontext.EndToEnd.Tests.Refresh;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests;

/// <summary>The life of a credential that an agent was given, as its person reads it afterwards.</summary>
public sealed class CredentialLifeTests(AzuriteFixture azurite)
{
    [Fact]
    public async Task A_credential_is_issued_with_its_time_to_live_and_its_end_is_in_the_trail_after_it()
    {
        await using var provider = await UpstreamIdp.StartAsync(("ACCESS_TTL", "6"), ("REFRESHED_TTL", "6"));
        await using var installed = await Installed.CreateAsync(azurite, ["tracker"], name => Installed.AccountAt(provider, name));
        var handler = await installed.StartAsync(handler: true);
        await installed.ConnectAsync("tracker");
        Assert.Equal(HttpStatusCode.OK, (await installed.ExchangeAsync("tracker", installed.First)).Status);

        await handler.FireAsync("fn-refresh-sweep");
        var issued = Assert.Single(await EventsAsync(installed));
        Assert.Equal("credential.issued", (string?)issued["type"]);
        var life = int.Parse(((string)issued["expiresIn"]!).TrimEnd('s'), CultureInfo.InvariantCulture);
        Assert.InRange(life, 1, 6);
        while (TimeProvider.System.GetUtcNow() <= TimeOf(issued).AddSeconds(life + 1))
            await Task.Delay(TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken);
        await handler.FireAsync("fn-refresh-sweep");
        await handler.FireAsync("fn-refresh-sweep");

        var events = await EventsAsync(installed);
        Assert.Equal(["credential.issued", "credential.expired"], events.Select(happened => (string?)happened["type"]));
        var expired = events[1];
        Assert.InRange(TimeOf(expired) - TimeOf(issued), TimeSpan.FromSeconds(life), TimeSpan.FromSeconds(life + 1));
        foreach (var member in new[] { "agent", "user", "integrationName", "sessionId" })
            Assert.Equal(issued[member]!.ToJsonString(), expired[member]!.ToJsonString());
    }

    private static DateTimeOffset TimeOf(JsonNode happened) => DateTimeOffset.Parse((string)happened["timestamp"]!, CultureInfo.InvariantCulture);

    private static async Task<List<JsonNode>> EventsAsync(Installed installed) =>
        [.. (await installed.OwnerAsync(HttpMethod.Get, "/mcp-events")).Json!["items"]!.AsArray().Select(item => item!).Reverse()];
}

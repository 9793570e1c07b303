using System.Net;
using System.Text.Json.Nodes;
using Kontext.EndToEnd.Tests.Refresh;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests;

/// <summary>What a connection goes through, as somebody else's program learns it: every message verified with the public library.</summary>
public sealed class ConnectionEventsTests(AzuriteFixture azurite)
{
    private const string Service = "events";

    [Fact]
    public async Task A_connections_life_is_told_in_signed_messages_that_hold_no_token()
    {
        await using var provider = await UpstreamIdp.StartAsync(("ACCESS_TTL", "2"), ("REFRESHED_TTL", "2"));
        await using var installed = await Installed.CreateAsync(azurite, [Service], name => Installed.AccountAt(provider, name), background: true);
        await using var receiver = new WebhookReceiver();
        var made = await installed.OwnerAsync(HttpMethod.Post, "/webhooks", new JsonObject { ["url"] = receiver.Url });
        Assert.Equal(HttpStatusCode.Created, made.Status);
        var messages = new List<ReceivedMessage>();
        var taken = new HashSet<string>(StringComparer.Ordinal);
        async Task<ReceivedMessage> NextAsync(string type)
        {
            // Deliveries of one moment come in any order.
            while (true)
            {
                if (messages.FirstOrDefault(message => message.Type == type && !taken.Contains(message.Id)) is { } found)
                {
                    taken.Add(found.Id);
                    return found;
                }
                messages.Add(await receiver.NextAsync(TestContext.Current.CancellationToken));
            }
        }

        await installed.ConnectAsync(Service);
        var connected = await NextAsync("connection.connected");
        Assert.Equal(Service, (string?)connected.Json["data"]!["integration"]!["name"]);

        await installed.ExpireAsync(Service);
        var token = (await installed.ExchangeAsync(Service, installed.First))["access_token"]!;
        await NextAsync("connection.refreshed");

        await provider.FaultAsync("token", "server_error", 1, "refresh_token", ("user", Service));
        await installed.ExpireAsync(Service);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await installed.ExchangeAsync(Service, installed.First)).Status);
        Assert.NotNull((string?)(await NextAsync("connection.failing")).Json["data"]!["reason"]);
        while ((await installed.ExchangeAsync(Service, installed.First)).Status != HttpStatusCode.OK)
            await Task.Delay(TimeSpan.FromMilliseconds(200), TestContext.Current.CancellationToken);
        await NextAsync("connection.recovered");

        await provider.RevokeUserAsync(Service);
        await installed.ExpireAsync(Service);
        Assert.NotEqual(HttpStatusCode.OK, (await installed.ExchangeAsync(Service, installed.First)).Status);
        var ended = await NextAsync("connection.disconnected");
        Assert.NotNull((string?)ended.Json["data"]!["reasonCode"]);
        Assert.NotNull((string?)ended.Json["data"]!["reason"]);

        var session = (string)(await installed.OwnerAsync(HttpMethod.Get, $"/applications/{installed.ApplicationId}/sessions")).Json!["items"]![0]!["id"]!;
        Assert.Equal(HttpStatusCode.NoContent, (await installed.OwnerAsync(HttpMethod.Delete, $"/applications/{installed.ApplicationId}/sessions/{session}")).Status);
        Assert.Equal(session, (string?)(await NextAsync("session.revoked")).Json["data"]!["sessionId"]);

        Assert.All(messages, message => Assert.DoesNotContain(token, message.Body, StringComparison.Ordinal));
        var all = new JsonArray([.. messages.Select(message => new JsonObject { ["headers"] = message.Headers.DeepClone(), ["body"] = message.Body })]);
        var outcome = await NodeProgram.RunAsync(
            "tests/webhooks/verify.mjs", new Dictionary<string, string> { ["SECRET"] = made["secret"]!, ["MESSAGES"] = all.ToJsonString() }, TestContext.Current.CancellationToken);
        Assert.Equal($"verified {messages.Count}", outcome.LastLine);
    }
}

using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Api;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Webhooks;

/// <summary>Webhooks through the API: what arrives, how it is signed, and what becomes of what is not taken.</summary>
public sealed class WebhooksTests(KontextFixture kontext)
{
    [Fact]
    public async Task A_message_verifies_with_the_public_library_and_is_in_the_delivery_log()
    {
        await using var receiver = new WebhookReceiver();
        var (id, secret) = await CreateAsync(receiver);
        Assert.Equal(HttpStatusCode.Accepted, (await OwnerAsync(HttpMethod.Post, $"/webhooks/{id}/test")).Status);
        var message = await receiver.NextAsync(TestContext.Current.CancellationToken);
        Assert.Equal("webhook.test", message.Type);
        await VerifyAsync(secret, message);
        var delivery = await SettledAsync(id, message.Id);
        Assert.Equal("delivered", (string?)delivery["status"]);
        Assert.Equal(200, (int?)delivery["responseStatus"]);
        Assert.Equal(message.Body, delivery["payload"]!.ToJsonString());
        Assert.DoesNotContain("whsec_", (await OwnerAsync(HttpMethod.Get, "/webhooks")).Json!.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_a_secret_is_replaced_receivers_with_either_one_can_verify()
    {
        await using var receiver = new WebhookReceiver();
        var (id, secret) = await CreateAsync(receiver);
        var rotated = await OwnerAsync(HttpMethod.Post, $"/webhooks/{id}/rotate-secret", new JsonObject { ["overlapSeconds"] = 3600 });
        await OwnerAsync(HttpMethod.Post, $"/webhooks/{id}/test");
        var message = await receiver.NextAsync(TestContext.Current.CancellationToken);
        await VerifyAsync(secret, message);
        await VerifyAsync(rotated["secret"]!, message);

        var last = await OwnerAsync(HttpMethod.Post, $"/webhooks/{id}/rotate-secret");
        await OwnerAsync(HttpMethod.Post, $"/webhooks/{id}/test");
        message = await receiver.NextAsync(TestContext.Current.CancellationToken);
        await VerifyAsync(last["secret"]!, message);
        await Assert.ThrowsAnyAsync<Xunit.Sdk.XunitException>(() => VerifyAsync(rotated["secret"]!, message));
    }

    [Fact]
    public async Task An_archived_application_is_announced_to_those_who_asked_for_it_and_to_nobody_else()
    {
        await using var asked = new WebhookReceiver();
        await using var other = new WebhookReceiver();
        await CreateAsync(asked, "application.archived");
        var (otherId, _) = await CreateAsync(other, "connection.failing");
        var (application, _) = await kontext.ApplicationAsync();
        await OwnerAsync(HttpMethod.Delete, $"/applications/{application}");
        // Other tests archive applications of the same organization meanwhile.
        ReceivedMessage message;
        do
        {
            message = await asked.NextAsync(TestContext.Current.CancellationToken);
            Assert.Equal("application.archived", message.Type);
        }
        while (!((string)message.Json["data"]!["target"]!).Contains(application, StringComparison.Ordinal));
        Assert.Empty((await OwnerAsync(HttpMethod.Get, $"/webhooks/{otherId}/deliveries")).Json!["items"]!.AsArray());
    }

    [Fact]
    public async Task What_is_not_taken_comes_again_as_the_same_message()
    {
        await using var receiver = new WebhookReceiver { Answer = number => number == 1 ? 503 : 204 };
        var (id, secret) = await CreateAsync(receiver);
        await OwnerAsync(HttpMethod.Post, $"/webhooks/{id}/test");
        var (first, second) = (await receiver.NextAsync(TestContext.Current.CancellationToken), await receiver.NextAsync(TestContext.Current.CancellationToken));
        Assert.Equal(first.Id, second.Id);
        Assert.Equal(first.Body, second.Body);
        await VerifyAsync(secret, first, second);
        var delivery = await SettledAsync(id, first.Id);
        Assert.Equal(("delivered", 2), ((string?)delivery["status"], (int)delivery["attempt"]!));
    }

    [Fact]
    public async Task A_receiver_that_is_gone_is_sent_nothing_more()
    {
        await using var receiver = new WebhookReceiver { Answer = _ => 410 };
        var (id, _) = await CreateAsync(receiver);
        await OwnerAsync(HttpMethod.Post, $"/webhooks/{id}/test");
        var message = await receiver.NextAsync(TestContext.Current.CancellationToken);
        Assert.Equal("failed", (string?)(await SettledAsync(id, message.Id))["status"]);
        var webhook = (await OwnerAsync(HttpMethod.Get, $"/webhooks/{id}")).Json!["webhook"]!;
        Assert.True((bool)webhook["disabled"]!);
        Assert.Contains(await kontext.ChangesAsync(), change => change!.StartsWith("webhook.disabled", StringComparison.Ordinal) && change.Contains(id, StringComparison.Ordinal));

        receiver.Answer = _ => 200;
        await OwnerAsync(HttpMethod.Patch, $"/webhooks/{id}", new JsonObject { ["disabled"] = false });
        var delivery = (await OwnerAsync(HttpMethod.Get, $"/webhooks/{id}/deliveries")).Json!["items"]![0]!["id"];
        Assert.Equal(HttpStatusCode.Accepted, (await OwnerAsync(HttpMethod.Post, $"/webhooks/{id}/deliveries/{delivery}/retry")).Status);
        Assert.Equal(message.Id, (await receiver.NextAsync(TestContext.Current.CancellationToken)).Id);
    }

    [Fact]
    public async Task Webhooks_are_for_administrators_and_take_addresses_and_events_that_exist()
    {
        var member = await kontext.Agent.ManagementTokenAsync("hooked-member");
        Assert.Equal("kontext_forbidden", (await kontext.Agent.ApiAsync(HttpMethod.Get, "/webhooks", member))["code"]);
        Assert.Equal("kontext_forbidden", (await kontext.Agent.ApiAsync(HttpMethod.Get, "/work/failed", member))["code"]);
        Assert.Equal(HttpStatusCode.NotFound, (await OwnerAsync(HttpMethod.Get, $"/webhooks/{Guid.NewGuid()}/deliveries")).Status);
        foreach (var url in (string[])["", "ftp://example.com/", "https://user:word@example.com/", "https://example.com/#part", "https://example.com/\u0000"])
            Assert.Equal(HttpStatusCode.BadRequest, (await OwnerAsync(HttpMethod.Post, "/webhooks", new JsonObject { ["url"] = url })).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await OwnerAsync(HttpMethod.Post, "/webhooks", new JsonObject { ["url"] = "https://example.com/", ["events"] = new JsonArray("no.such") })).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await OwnerAsync(HttpMethod.Post, "/webhooks", new JsonObject { ["url"] = "https://example.com/", ["events"] = new JsonArray((JsonNode?)null) })).Status);
    }

    private async Task<(string Id, string Secret)> CreateAsync(WebhookReceiver receiver, params string[] events)
    {
        // Those that tests ask for by name get nothing that other tests cause meanwhile.
        var answer = await OwnerAsync(HttpMethod.Post, "/webhooks", new JsonObject { ["url"] = receiver.Url, ["events"] = new JsonArray([.. (events.Length > 0 ? events : ["connection.failing"]).Select(type => JsonValue.Create(type))]) });
        Assert.Equal(HttpStatusCode.Created, answer.Status);
        return ((string)answer.Json!["webhook"]!["id"]!, answer["secret"]!);
    }

    /// <summary>The log's line once the answer is noted, which is after the receiver has given it.</summary>
    private async Task<JsonNode> SettledAsync(string webhook, string message)
    {
        while (true)
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            var items = (await OwnerAsync(HttpMethod.Get, $"/webhooks/{webhook}/deliveries")).Json!["items"]!.AsArray();
            if (items.SingleOrDefault(item => (string?)item!["messageId"] == message) is { } delivery && (string?)delivery["status"] != "pending")
                return delivery;
        }
    }

    private static async Task VerifyAsync(string secret, params ReceivedMessage[] messages)
    {
        var all = new JsonArray([.. messages.Select(message => new JsonObject { ["headers"] = message.Headers.DeepClone(), ["body"] = message.Body })]);
        var outcome = await NodeProgram.RunAsync("tests/webhooks/verify.mjs", new Dictionary<string, string> { ["SECRET"] = secret, ["MESSAGES"] = all.ToJsonString() }, TestContext.Current.CancellationToken);
        Assert.Equal($"verified {messages.Length}", outcome.LastLine);
    }

    private Task<JsonAnswer> OwnerAsync(HttpMethod method, string path, JsonNode? body = null) => kontext.Agent.ApiAsync(method, path, kontext.OwnerToken, body);
}

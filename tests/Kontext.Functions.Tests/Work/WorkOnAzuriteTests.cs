using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Domain.Work;
using Kontext.Functions.Storage;
using Kontext.Functions.Work;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Work;

/// <summary>Background work on real queues: two processes, a kill, repeated messages, and what the Functions host posts.</summary>
public sealed class WorkOnAzuriteTests(AzuriteFixture azurite) : IDisposable
{
    private static readonly TimeSpan Hidden = TimeSpan.FromSeconds(60);

    private readonly string keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(keys, recursive: true);

    [Fact]
    public async Task A_message_is_hidden_while_it_is_handled_comes_back_and_is_deleted_when_done()
    {
        var queue = new StorageQueue(StorageAccount.ParseQueue(await azurite.EmptyAccountAsync()), TimeProvider.System);
        Assert.Empty(await queue.ReceiveAsync(1, Hidden, Cancelled));
        var work = Deliver(Guid.NewGuid());
        await queue.EnqueueAsync(work, TimeSpan.Zero, Cancelled);
        await queue.EnqueueAsync(work, TimeSpan.FromHours(10), Cancelled);
        var first = Assert.Single(await queue.ReceiveAsync(16, Hidden, Cancelled));
        Assert.Equal(work, WorkMessage.Read(first.Body.Span));
        Assert.Empty(await queue.ReceiveAsync(16, Hidden, Cancelled));
        await queue.ReleaseAsync(first, TimeSpan.Zero, Cancelled);
        var second = Assert.Single(await queue.ReceiveAsync(16, Hidden, Cancelled));
        Assert.Equal((2L, work), (second.Deliveries, WorkMessage.Read(second.Body.Span)));
        // Whoever had it before no longer does.
        await queue.CompleteAsync(first, Cancelled);
        await queue.CompleteAsync(second, Cancelled);
        Assert.Empty(await queue.ReceiveAsync(16, Hidden, Cancelled));
    }

    [Fact]
    public async Task Two_processes_send_each_message_once_however_often_it_is_queued()
    {
        var account = await azurite.EmptyAccountAsync();
        var queue = new StorageQueue(StorageAccount.ParseQueue(account), TimeProvider.System);
        await using var receiver = new WebhookReceiver();
        await using var one = await KontextServer.StartAsync(account, keys);
        await using var two = await KontextServer.StartAsync(account, keys, one.Url);
        var (agent, token, webhook) = await WithWebhookAsync(one, receiver);
        var sent = new List<string>();
        for (var number = 0; number < 5; number++)
        {
            var queued = (await agent.ApiAsync(HttpMethod.Post, $"/webhooks/{webhook}/test", token)).Json!["delivery"]!;
            sent.Add((string)queued["messageId"]!);
            var work = new DeliverWebhook(await OrgAsync(agent, token), WebhookId.Parse(webhook, null), DeliveryId.Parse((string)queued["id"]!, null), 1);
            for (var copy = 0; copy < 3; copy++)
                await queue.EnqueueAsync(work, TimeSpan.Zero, Cancelled);
        }
        var received = new List<string>();
        for (var number = 0; number < sent.Count; number++)
            received.Add((await receiver.NextAsync(TestContext.Current.CancellationToken)).Id);
        Assert.Equal(sent.Order(), received.Order());
        // What is queued last is handled after the copies, which nobody needs any more.
        var last = (string)(await agent.ApiAsync(HttpMethod.Post, $"/webhooks/{webhook}/test", token)).Json!["delivery"]!["messageId"]!;
        Assert.Equal(last, (await receiver.NextAsync(TestContext.Current.CancellationToken)).Id);
        Assert.Null(receiver.Waiting);
    }

    [Fact]
    public async Task What_a_killed_process_was_sending_another_one_sends()
    {
        var account = await azurite.EmptyAccountAsync();
        await using var receiver = new WebhookReceiver { Answer = number => number == 1 ? 0 : 200 };
        await using var one = await KontextServer.StartAsync(account, keys);
        var (agent, token, webhook) = await WithWebhookAsync(one, receiver);
        await agent.ApiAsync(HttpMethod.Post, $"/webhooks/{webhook}/test", token);
        var first = await receiver.NextAsync(TestContext.Current.CancellationToken);
        await one.KillAsync();
        await using var two = await KontextServer.StartAsync(account, keys, one.Url);
        var second = await receiver.NextAsync(TestContext.Current.CancellationToken);
        Assert.Equal((first.Id, first.Body), (second.Id, second.Body));
    }

    [Fact]
    public async Task The_hosts_posts_are_handled_and_what_it_moved_aside_is_listed_and_replayed()
    {
        var account = await azurite.EmptyAccountAsync();
        var queue = new StorageQueue(StorageAccount.ParseQueue(account), TimeProvider.System);
        await using var receiver = new WebhookReceiver();
        await using var server = await KontextServer.StartAsync(account, keys, settings: new Dictionary<string, string> { ["KontextQueue"] = account }, handler: true);
        var (agent, token, webhook) = await WithWebhookAsync(server, receiver);
        var delivery = (await agent.ApiAsync(HttpMethod.Post, $"/webhooks/{webhook}/test", token)).Json!["delivery"]!;
        var message = Assert.Single(await queue.ReceiveAsync(16, Hidden, Cancelled));

        Assert.Equal(HttpStatusCode.OK, await PostAsync(server, "fn_queue_poison", message.Body.Span));
        Assert.Null(receiver.Waiting);
        var failed = Assert.Single((await agent.ApiAsync(HttpMethod.Get, "/work/failed", token)).Json!["items"]!.AsArray())!;
        Assert.Equal("webhook.deliver", (string?)failed["kind"]);
        Assert.Equal(HttpStatusCode.NoContent, (await agent.ApiAsync(HttpMethod.Post, $"/work/failed/{failed["id"]}/replay", token)).Status);
        Assert.Empty((await agent.ApiAsync(HttpMethod.Get, "/work/failed", token)).Json!["items"]!.AsArray());

        var replayed = Assert.Single(await queue.ReceiveAsync(16, Hidden, Cancelled));
        Assert.Equal(HttpStatusCode.OK, await PostAsync(server, "fn_queue_work", replayed.Body.Span));
        Assert.Equal((string?)delivery["messageId"], (await receiver.NextAsync(TestContext.Current.CancellationToken)).Id);
        Assert.Equal(HttpStatusCode.OK, await PostAsync(server, "fn_bus_work", replayed.Body.Span));
        Assert.Null(receiver.Waiting);
    }

    [Theory]
    [InlineData("fn_queue_work")]
    [InlineData("fn_queue_poison")]
    [InlineData("fn_bus_work")]
    [InlineData("fn_bus_dead")]
    public async Task A_message_that_nobody_can_read_is_told_of_without_its_content_where_the_installation_is_run_and_dismissed_on_record(string function)
    {
        const string Content = "not work, but somebody's secret";
        var settings = new Dictionary<string, string> { ["Kontext__Organizations__globex__Name"] = "Globex" };
        await using var server = await KontextServer.StartAsync("memory", keys, settings: settings, handler: true);
        var agent = new TestAgent(server.Url);
        var token = await agent.ManagementTokenAsync("olivia");
        using var browser = new FormBrowser();
        var globex = (await agent.AuthorizeAsync(browser, Ids.Named<AppId>("command line\nglobex").ClientId, "gloria", agent.Api, "openid management:all"))["access_token"]!;

        Assert.Equal(HttpStatusCode.OK, await PostAsync(server, function, Encoding.UTF8.GetBytes(Content)));
        var failed = Assert.Single(await FailedAsync(agent, token))!;
        Assert.Equal("unreadable", (string?)failed["kind"]);
        Assert.DoesNotContain(Content, failed.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Conflict, (await agent.ApiAsync(HttpMethod.Post, $"/work/failed/{failed["id"]}/replay", token)).Status);

        Assert.Empty(await FailedAsync(agent, globex));
        Assert.Equal(HttpStatusCode.NotFound, (await agent.ApiAsync(HttpMethod.Post, $"/work/failed/{failed["id"]}/replay", globex)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await agent.ApiAsync(HttpMethod.Delete, $"/work/failed/{failed["id"]}", globex)).Status);
        Assert.Single(await FailedAsync(agent, token));

        Assert.Equal(HttpStatusCode.NoContent, (await agent.ApiAsync(HttpMethod.Delete, $"/work/failed/{failed["id"]}", token)).Status);
        Assert.Empty(await FailedAsync(agent, token));
        Assert.Equal(HttpStatusCode.NotFound, (await agent.ApiAsync(HttpMethod.Delete, $"/work/failed/{failed["id"]}", token)).Status);
        var recorded = Assert.Single((await agent.ApiAsync(HttpMethod.Get, "/audit/events?type=admin.change&limit=50", token)).Json!["items"]!.AsArray(), entry => (string?)entry!["capability"] == "work.dismissed");
        Assert.Equal($"unreadable ({failed["id"]})", (string?)recorded!["target"]);
        Assert.Contains("cannot read was given up", server.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(Content, server.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Failed_work_is_dismissed_by_those_who_may_change_things_and_by_nobody_else()
    {
        await using var server = await KontextServer.StartAsync("memory", keys, handler: true);
        var agent = new TestAgent(server.Url);
        var token = await agent.ManagementTokenAsync("olivia");
        var (member, auditor) = (await agent.ManagementTokenAsync("mallory"), await agent.ManagementTokenAsync("ada+auditor"));
        Assert.Equal(HttpStatusCode.OK, await PostAsync(server, "fn_queue_poison", WorkMessage.Write(Deliver((await OrgAsync(agent, token)).Value))));
        var failed = Assert.Single(await FailedAsync(agent, token))!;
        foreach (var other in (string[])[member, auditor])
            Assert.Equal(HttpStatusCode.Forbidden, (await agent.ApiAsync(HttpMethod.Delete, $"/work/failed/{failed["id"]}", other)).Status);
        Assert.Single(await FailedAsync(agent, token));
        Assert.Equal(HttpStatusCode.NoContent, (await agent.ApiAsync(HttpMethod.Delete, $"/work/failed/{failed["id"]}", token)).Status);
        Assert.Empty(await FailedAsync(agent, token));
    }

    private static async Task<JsonArray> FailedAsync(TestAgent agent, string token) => (await agent.ApiAsync(HttpMethod.Get, "/work/failed", token)).Json!["items"]!.AsArray();

    private static Task<HttpStatusCode> PostAsync(KontextServer server, string function, ReadOnlySpan<byte> message) => PostAsync(server, function, Convert.ToBase64String(message));

    private static async Task<HttpStatusCode> PostAsync(KontextServer server, string function, string base64)
    {
        using var content = new StringContent($$$"""{"Data":{"message":"{{{base64}}}"},"Metadata":{"DequeueCount":"1"}}""", Encoding.UTF8, "application/json");
        using var response = await server.Http.PostAsync(new Uri("/" + function, UriKind.Relative), content, Cancelled);
        Assert.Equal("{}", await response.Content.ReadAsStringAsync(Cancelled));
        return response.StatusCode;
    }

    private static async Task<(TestAgent Agent, string Token, string Webhook)> WithWebhookAsync(KontextServer server, WebhookReceiver receiver)
    {
        var agent = new TestAgent(server.Url);
        var token = await agent.ManagementTokenAsync("olivia");
        var answer = await agent.ApiAsync(HttpMethod.Post, "/webhooks", token, new JsonObject { ["url"] = receiver.Url });
        return (agent, token, (string)answer.Json!["webhook"]!["id"]!);
    }

    private static async Task<OrgId> OrgAsync(TestAgent agent, string token) =>
        OrgId.Parse((string)(await agent.ApiAsync(HttpMethod.Get, "/organization", token)).Json!["organization"]!["id"]!, null);

    private static DeliverWebhook Deliver(Guid org) => new(new OrgId(org), new WebhookId(Guid.NewGuid()), new DeliveryId(Guid.NewGuid()), 1);
}

using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Domain.Work;
using Kontext.Functions.Work;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Work;

/// <summary>The whole program with Service Bus as its queue: what it sends there, and what it does when the host hands it out.</summary>
public sealed class ServiceBusProgramTests : IAsyncLifetime
{
    private readonly ServiceBusKontext kontext = new();
    private readonly WebhookReceiver receiver = new();
    private TestAgent agent = null!;
    private string token = "";
    private string webhook = "";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        kontext.StartServer();
        agent = new TestAgent(kontext.Address);
        token = await agent.ManagementTokenAsync("olivia");
        webhook = (string)(await agent.ApiAsync(HttpMethod.Post, "/webhooks", token, new JsonObject { ["url"] = receiver.Url })).Json!["webhook"]!["id"]!;
    }

    public async ValueTask DisposeAsync()
    {
        await kontext.DisposeAsync();
        await receiver.DisposeAsync();
    }

    [Fact]
    public async Task An_event_becomes_a_message_on_the_bus_and_is_delivered_when_the_host_hands_it_out()
    {
        var sent = (await agent.ApiAsync(HttpMethod.Post, $"/webhooks/{webhook}/test", token)).Json!["delivery"]!;
        var message = Assert.Single(kontext.Bus.Messages);
        var work = Assert.IsType<DeliverWebhook>(WorkMessage.Read(message.Body));
        Assert.Equal(((string?)sent["id"], webhook), (work.Delivery.ToString(), work.Webhook.ToString()));
        Assert.Null(receiver.Waiting);
        Assert.Equal(HttpStatusCode.OK, await PostAsync("fn_bus_work", message.Body));
        Assert.Equal((string?)sent["messageId"], (await receiver.NextAsync(Cancelled)).Id);
        // Delivered at least once means: sometimes twice.
        Assert.Equal(HttpStatusCode.OK, await PostAsync("fn_bus_work", message.Body));
        Assert.Null(receiver.Waiting);
    }

    [Fact]
    public async Task What_the_bus_gave_up_is_listed_and_replayed_onto_the_bus()
    {
        var sent = (await agent.ApiAsync(HttpMethod.Post, $"/webhooks/{webhook}/test", token)).Json!["delivery"]!;
        Assert.Equal(HttpStatusCode.OK, await PostAsync("fn_bus_dead", Assert.Single(kontext.Bus.Messages).Body));
        var failed = Assert.Single((await agent.ApiAsync(HttpMethod.Get, "/work/failed", token)).Json!["items"]!.AsArray())!;
        Assert.Equal(HttpStatusCode.NoContent, (await agent.ApiAsync(HttpMethod.Post, $"/work/failed/{failed["id"]}/replay", token)).Status);
        Assert.Equal(2, kontext.Bus.Messages.Count);
        Assert.Equal(HttpStatusCode.OK, await PostAsync("fn_bus_work", kontext.Bus.Messages[1].Body));
        Assert.Equal((string?)sent["messageId"], (await receiver.NextAsync(Cancelled)).Id);
    }

    [Fact]
    public async Task A_bus_that_refuses_messages_makes_the_program_not_ready_and_says_why_in_the_log_alone()
    {
        var (status, body) = await ReadyAsync();
        Assert.Equal((HttpStatusCode.OK, """{"status":"ready","checks":{"storage":"ok","queue":"ok"}}"""), (status, body));
        kontext.Bus.Refusals.Enqueue(HttpStatusCode.Unauthorized);
        await agent.ApiAsync(HttpMethod.Post, $"/webhooks/{webhook}/test", token);
        Assert.Empty(kontext.Bus.Messages);
        // An answer is good for two seconds.
        while (status == HttpStatusCode.OK)
        {
            await Task.Delay(100, Cancelled);
            (status, body) = await ReadyAsync();
        }
        Assert.Equal((HttpStatusCode.ServiceUnavailable, """{"status":"not ready","checks":{"storage":"ok","queue":"does not answer"}}"""), (status, body));
    }

    private async Task<(HttpStatusCode Status, string Body)> ReadyAsync()
    {
        using var client = new HttpClient();
        using var answer = await client.GetAsync(new Uri(kontext.Address, "/readyz"), Cancelled);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(Cancelled));
    }

    private async Task<HttpStatusCode> PostAsync(string function, byte[] message)
    {
        using var client = new HttpClient();
        using var content = new StringContent($$$"""{"Data":{"message":"{{{Convert.ToBase64String(message)}}}"},"Metadata":{"DeliveryCount":"1"}}""", Encoding.UTF8, "application/json");
        using var answer = await client.PostAsync(new Uri(kontext.Address, "/" + function), content, Cancelled);
        return answer.StatusCode;
    }
}

using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Azure.Core;
using Azure.Core.Pipeline;
using Kontext.Domain;
using Kontext.Domain.Work;
using Kontext.Functions.Cloud;
using Kontext.Functions.Storage;
using Kontext.Functions.Work;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Work;

/// <summary>What is sent to Service Bus, as its REST API wants it, and what becomes of it when the service refuses, throttles or loses an answer.</summary>
public sealed class ServiceBusSenderTests : IDisposable
{
    private const string Host = "acme.servicebus.windows.net";
    private const string Token = "token for https://servicebus.azure.net/.default";
    private const string Batch = "application/vnd.microsoft.servicebus.json";
    private static readonly RevokeGrant Work = NewWork(1);

    private readonly ServiceBusApi bus = new(Host, "kontext-work", Token);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => bus.Dispose();

    [Fact]
    public async Task A_message_for_later_has_its_time_and_an_id()
    {
        var before = TimeProvider.System.GetUtcNow();
        await Sender().EnqueueAsync(Work, TimeSpan.FromMinutes(5), Cancelled);
        var message = Assert.Single(bus.Messages);
        Assert.Equal(Work, WorkMessage.Read(message.Body));
        Assert.NotEmpty(message.MessageId!);
        Assert.InRange(message.Scheduled!.Value, before.AddMinutes(5).AddSeconds(-1), TimeProvider.System.GetUtcNow().AddMinutes(5));
    }

    [Fact]
    public async Task A_message_for_now_has_no_time_and_an_id_of_its_own()
    {
        await Sender().EnqueueAsync(Work, TimeSpan.Zero, Cancelled);
        await Sender().EnqueueAsync(Work, TimeSpan.Zero, Cancelled);
        Assert.Equal(2, bus.Messages.Count);
        Assert.All(bus.Messages, message => Assert.Null(message.Scheduled));
    }

    [Fact]
    public async Task Many_messages_go_in_batches_of_a_hundred_each_with_its_id()
    {
        var works = Enumerable.Range(1, 250).Select(NewWork).ToList<WorkItem>();
        await Sender().EnqueueAllAsync(works, Cancelled);
        Assert.Equal(3, bus.Requests);
        Assert.Equal(works, bus.Messages.Select(message => WorkMessage.Read(message.Body)!));
        Assert.Equal(250, bus.Messages.Select(message => message.MessageId).Distinct().Count());
    }

    [Fact]
    public async Task Nothing_is_sent_for_no_messages()
    {
        await Sender().EnqueueAllAsync([], Cancelled);
        Assert.Equal(0, bus.Requests);
    }

    [Theory]
    [InlineData(HttpStatusCode.TooManyRequests)]
    [InlineData(HttpStatusCode.ServiceUnavailable)]
    [InlineData(HttpStatusCode.InternalServerError)]
    [InlineData(HttpStatusCode.RequestTimeout)]
    public async Task What_the_service_had_no_time_for_is_sent_again(HttpStatusCode busy)
    {
        bus.Refusals.Enqueue(busy);
        bus.Refusals.Enqueue(busy);
        await Sender().EnqueueAsync(Work, TimeSpan.Zero, Cancelled);
        Assert.Single(bus.Messages);
        Assert.Equal(3, bus.Requests);
    }

    [Fact]
    public async Task A_message_whose_answer_was_lost_is_queued_once_alone_and_in_a_batch()
    {
        bus.LostAnswers = 2;
        await Sender().EnqueueAsync(Work, TimeSpan.Zero, Cancelled);
        Assert.Single(bus.Messages);
        bus.LostAnswers = 1;
        await Sender().EnqueueAllAsync([NewWork(2), NewWork(3)], Cancelled);
        Assert.Equal(3, bus.Messages.Count);
    }

    [Fact]
    public async Task A_service_that_stays_away_is_unavailable_and_nothing_else()
    {
        for (var times = 0; times < 4; times++)
            bus.Refusals.Enqueue(HttpStatusCode.ServiceUnavailable);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => Sender().EnqueueAsync(Work, TimeSpan.Zero, Cancelled));
        bus.LostAnswers = 4;
        await Assert.ThrowsAsync<StorageUnavailableException>(() => Sender().EnqueueAsync(Work, TimeSpan.Zero, Cancelled));
    }

    [Theory]
    [InlineData(HttpStatusCode.Unauthorized, "Azure Service Bus Data Sender")]
    [InlineData(HttpStatusCode.Forbidden, "is full")]
    [InlineData(HttpStatusCode.NotFound, "no queue kontext-work")]
    [InlineData(HttpStatusCode.Gone, "no queue kontext-work")]
    [InlineData(HttpStatusCode.BadRequest, "not understood")]
    public async Task A_refusal_is_not_repeated_and_tells_the_operator_what_to_do(HttpStatusCode refusal, string advice)
    {
        bus.Refusals.Enqueue(refusal);
        var refused = await Assert.ThrowsAsync<Azure.RequestFailedException>(() => Sender().EnqueueAsync(Work, TimeSpan.Zero, Cancelled));
        Assert.Contains(advice, refused.Message, StringComparison.Ordinal);
        Assert.Equal(1, bus.Requests);
    }

    [Fact]
    public async Task A_probe_asks_for_the_queue_and_takes_a_refusal_for_an_answer()
    {
        await Sender().ProbeAsync(Cancelled);
        bus.MayManage = true;
        await Sender().ProbeAsync(Cancelled);
        Assert.Equal(2, bus.Requests);
    }

    [Fact]
    public async Task A_probe_that_is_let_in_from_nowhere_finds_that_out()
    {
        bus.Refusals.Enqueue(HttpStatusCode.Forbidden);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => Sender().ProbeAsync(Cancelled));
    }

    [Theory]
    [InlineData(HttpStatusCode.Unauthorized, "Azure Service Bus Data Sender")]
    [InlineData(HttpStatusCode.Forbidden, "is full")]
    [InlineData(HttpStatusCode.NotFound, "no queue kontext-work")]
    public async Task After_a_message_was_refused_probes_fail_until_one_is_taken(HttpStatusCode refusal, string advice)
    {
        var sender = Sender();
        await sender.ProbeAsync(Cancelled);
        bus.Refusals.Enqueue(refusal);
        await Assert.ThrowsAsync<Azure.RequestFailedException>(() => sender.EnqueueAsync(Work, TimeSpan.Zero, Cancelled));
        var notReady = await Assert.ThrowsAsync<StorageUnavailableException>(() => sender.ProbeAsync(Cancelled));
        Assert.Contains(advice, notReady.Message, StringComparison.Ordinal);
        await sender.EnqueueAsync(Work, TimeSpan.Zero, Cancelled);
        await sender.ProbeAsync(Cancelled);
    }

    [Fact]
    public async Task A_refusal_of_long_ago_says_nothing_any_more_and_one_message_that_was_wrong_says_nothing_of_the_queue()
    {
        var time = new ManualTime(new DateTimeOffset(2026, 11, 21, 12, 0, 0, TimeSpan.Zero));
        var sender = Sender(time: time);
        bus.Refusals.Enqueue(HttpStatusCode.BadRequest);
        await Assert.ThrowsAsync<Azure.RequestFailedException>(() => sender.EnqueueAsync(Work, TimeSpan.Zero, Cancelled));
        await sender.ProbeAsync(Cancelled);
        bus.Refusals.Enqueue(HttpStatusCode.Unauthorized);
        await Assert.ThrowsAsync<Azure.RequestFailedException>(() => sender.EnqueueAsync(Work, TimeSpan.Zero, Cancelled));
        await Assert.ThrowsAsync<StorageUnavailableException>(() => sender.ProbeAsync(Cancelled));
        time.Advance(TimeSpan.FromMinutes(16));
        await sender.ProbeAsync(Cancelled);
    }

    [Fact]
    public async Task A_probe_finds_that_there_is_no_such_queue()
    {
        using var other = new ServiceBusApi(Host, "other", Token);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => Sender(other).ProbeAsync(Cancelled));
    }

    [Theory]
    [InlineData(Token, "application/json", """{"MessageId":"1"}""", "{}", HttpStatusCode.Created)]
    [InlineData("another", "application/json", """{"MessageId":"1"}""", "{}", HttpStatusCode.Unauthorized)]
    [InlineData(Token, "application/json", """{"MessageId":""}""", "{}", HttpStatusCode.BadRequest)]
    [InlineData(Token, "application/json", """{"ScheduledEnqueueTimeUtc":"2026-11-21T16:00:00Z"}""", "{}", HttpStatusCode.BadRequest)]
    [InlineData(Token, "application/json", """{"Later":"1"}""", "{}", HttpStatusCode.BadRequest)]
    [InlineData(Token, "application/json", "MessageId=1", "{}", HttpStatusCode.BadRequest)]
    [InlineData(Token, Batch, null, """[{"Body":"a","BrokerProperties":{"MessageId":"1"}}]""", HttpStatusCode.Created)]
    [InlineData(Token, Batch + "; charset=utf-8", null, """[{"Body":"a"}]""", HttpStatusCode.BadRequest)]
    [InlineData(Token, Batch, """{"MessageId":"1"}""", """[{"Body":"a"}]""", HttpStatusCode.BadRequest)]
    [InlineData(Token, Batch, null, """[{"Body":{"a":1}}]""", HttpStatusCode.BadRequest)]
    [InlineData(Token, Batch, null, """[]""", HttpStatusCode.BadRequest)]
    [InlineData(Token, Batch, null, """{"Body":"a"}""", HttpStatusCode.BadRequest)]
    public async Task The_stand_in_refuses_what_the_service_refuses(string token, string type, string? properties, string body, HttpStatusCode status) =>
        Assert.Equal(status, await PostAsync(token, type, properties, body));

    [Fact]
    public async Task The_stand_in_takes_no_message_that_is_too_large_and_one_of_several_with_the_same_id()
    {
        Assert.Equal(HttpStatusCode.Forbidden, await PostAsync(Token, "application/json", """{"MessageId":"1"}""", new string('a', (256 * 1024) + 1)));
        Assert.Equal(HttpStatusCode.Created, await PostAsync(Token, "application/json", """{"MessageId":"1"}""", "a"));
        Assert.Equal(HttpStatusCode.Created, await PostAsync(Token, "application/json", """{"MessageId":"1"}""", "a"));
        Assert.Single(bus.Messages);
    }

    private static RevokeGrant NewWork(int attempt) => new(new OrgId(Guid.NewGuid()), new RevocationId(Guid.NewGuid()), attempt);

    private ServiceBusSender Sender(ServiceBusApi? other = null, TimeProvider? time = null) =>
        new(Host, new NamedToken(), new HttpClientTransport(other ?? bus), TimeSpan.FromMilliseconds(1), time ?? TimeProvider.System);

    private async Task<HttpStatusCode> PostAsync(string token, string type, string? properties, string body)
    {
        using var client = new HttpClient(bus, disposeHandler: false);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"https://{Host}/kontext-work/messages") { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        if (properties is not null)
            request.Headers.TryAddWithoutValidation("BrokerProperties", properties);
        using var answer = await client.SendAsync(request, Cancelled);
        return answer.StatusCode;
    }
}

using System.Net;
using System.Text.Json.Nodes;
using Azure.Core;
using Azure.Core.Pipeline;
using Kontext.Domain;
using Kontext.Domain.Work;
using Kontext.Functions.Cloud;
using Kontext.Functions.Storage;
using Kontext.Functions.Work;

namespace Kontext.Functions.Tests.Work;

/// <summary>What is sent to Service Bus, as its REST API wants it.</summary>
public sealed class ServiceBusSenderTests : IDisposable
{
    private static readonly RevokeGrant Work = new(new OrgId(Guid.NewGuid()), new RevocationId(Guid.NewGuid()), 1);

    private readonly Broker broker = new();

    public void Dispose() => broker.Dispose();

    [Fact]
    public async Task A_message_is_posted_to_the_queue_with_its_time_and_an_id()
    {
        await Sender().EnqueueAsync(Work, TimeSpan.FromMinutes(5), TestContext.Current.CancellationToken);
        Assert.Equal("https://acme.servicebus.windows.net/kontext-work/messages", broker.Address);
        Assert.Equal("Bearer token for https://servicebus.azure.net/.default", broker.Authorization);
        Assert.True(DateTimeOffset.TryParseExact((string?)broker.Properties!["ScheduledEnqueueTimeUtc"], "R", null, default, out _));
        Assert.NotEmpty((string)broker.Properties["MessageId"]!);
        Assert.Equal(Work, WorkMessage.Read(broker.Body));
    }

    [Fact]
    public async Task A_message_for_now_has_no_time()
    {
        await Sender().EnqueueAsync(Work, TimeSpan.Zero, TestContext.Current.CancellationToken);
        Assert.Null(broker.Properties!["ScheduledEnqueueTimeUtc"]);
    }

    [Fact]
    public async Task A_refusal_is_a_failure_of_the_operator()
    {
        broker.Status = HttpStatusCode.Unauthorized;
        await Assert.ThrowsAsync<Azure.RequestFailedException>(() => Sender().EnqueueAsync(Work, TimeSpan.Zero, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_probe_asks_for_the_queue_and_takes_a_refusal_for_an_answer()
    {
        broker.Status = HttpStatusCode.Unauthorized;
        await Sender().ProbeAsync(TestContext.Current.CancellationToken);
        Assert.Equal("https://acme.servicebus.windows.net/kontext-work", broker.Address);
    }

    [Fact]
    public async Task A_probe_finds_that_there_is_no_such_queue()
    {
        broker.Status = HttpStatusCode.NotFound;
        await Assert.ThrowsAsync<StorageUnavailableException>(() => Sender().ProbeAsync(TestContext.Current.CancellationToken));
    }

    private ServiceBusSender Sender() => new("acme.servicebus.windows.net", new NamedToken(), new HttpClientTransport(broker), TimeProvider.System);

    private sealed class NamedToken : TokenCredential
    {
        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            new($"token for {requestContext.Scopes[0]}", DateTimeOffset.MaxValue);

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            ValueTask.FromResult(GetToken(requestContext, cancellationToken));
    }

    private sealed class Broker : HttpMessageHandler
    {
        public HttpStatusCode Status { get; set; } = HttpStatusCode.Created;

        public string? Address { get; private set; }

        public string? Authorization { get; private set; }

        public JsonNode? Properties { get; private set; }

        public byte[] Body { get; private set; } = [];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Address = request.RequestUri!.AbsoluteUri;
            Authorization = request.Headers.GetValues("Authorization").Single();
            if (request.Content is { } content)
            {
                Properties = JsonNode.Parse(request.Headers.GetValues("BrokerProperties").Single());
                Body = await content.ReadAsByteArrayAsync(cancellationToken);
            }
            return new HttpResponseMessage(Status);
        }
    }
}

using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Identity;
using Kontext.Domain;
using Kontext.Domain.Work;
using Kontext.Functions.Health;
using Kontext.Functions.Storage;
using Kontext.Functions.Work;

namespace Kontext.Functions.Cloud;

/// <summary>The work queue in Service Bus. Messages are sent by its REST API ("Send Message", "Send Message Batch"); the Functions host's trigger receives them.</summary>
internal sealed class ServiceBusSender : IWorkQueue, IDependency
{
    private const string Queue = "kontext-work";
    private const string Batch = "application/vnd.microsoft.servicebus.json";

    // A message and a batch may have 256 KB. Ours have some hundred bytes each.
    private const int MostInBatch = 100;

    private const string Scope = "https://servicebus.azure.net/.default";

    // What the service asks of a sender that is too fast.
    private static readonly TimeSpan ThrottledWait = TimeSpan.FromSeconds(2);

    // Who sends little must not stay unready for long once the cause is mended.
    private static readonly TimeSpan RefusalCounts = TimeSpan.FromMinutes(15);

    private readonly HttpPipeline pipeline;
    private readonly Uri address;
    private readonly TimeProvider time;
    private volatile Refusal? refused;

    public ServiceBusSender(string fullyQualifiedNamespace, TimeProvider time)
        : this(fullyQualifiedNamespace, new DefaultAzureCredential(), transport: null, ThrottledWait, time)
    {
    }

    /// <summary>With a credential, a transport and a patience of one's own.</summary>
    internal ServiceBusSender(string fullyQualifiedNamespace, TokenCredential credential, HttpPipelineTransport? transport, TimeSpan throttledWait, TimeProvider time)
    {
        this.time = time;
        address = new Uri($"https://{fullyQualifiedNamespace}/{Queue}/messages");
        var options = new Options();
        if (transport is not null)
            options.Transport = transport;
        options.Retry.MaxRetries = 3;
        options.Retry.Mode = RetryMode.Fixed;
        options.Retry.Delay = throttledWait;
        options.Retry.NetworkTimeout = TimeSpan.FromSeconds(10);
        options.Diagnostics.IsLoggingEnabled = false;
        options.Diagnostics.IsDistributedTracingEnabled = false;
        options.Diagnostics.IsTelemetryEnabled = false;
        pipeline = HttpPipelineBuilder.Build(options, new BearerTokenAuthenticationPolicy(credential, Scope));
    }

    /// <inheritdoc/>
    public Task EnqueueAsync(WorkItem item, TimeSpan delay, CancellationToken cancellationToken) =>
        SendAsync("application/json", PropertiesOf(delay), WorkMessage.Write(item), cancellationToken);

    /// <inheritdoc/>
    public async Task EnqueueAllAsync(IReadOnlyList<WorkItem> items, CancellationToken cancellationToken)
    {
        foreach (var some in items.Chunk(MostInBatch))
            await SendAsync(Batch, properties: null, BatchOf(some), cancellationToken);
    }

    private async Task SendAsync(string contentType, string? properties, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        using var message = pipeline.CreateMessage();
        message.Request.Method = RequestMethod.Post;
        message.Request.Uri.Reset(address);
        message.Request.Headers.Add("Content-Type", contentType);
        if (properties is not null)
            message.Request.Headers.Add("BrokerProperties", properties);
        message.Request.Content = RequestContent.Create(body);
        try
        {
            await pipeline.SendAsync(message, cancellationToken);
        }
        catch (Exception failure) when (failure is RequestFailedException or AggregateException or IOException or HttpRequestException or AuthenticationFailedException)
        {
            throw new StorageUnavailableException("Service Bus did not answer.", failure);
        }
        if (message.Response.Status is (int)HttpStatusCode.RequestTimeout or (int)HttpStatusCode.TooManyRequests or >= 500)
            throw new StorageUnavailableException($"Service Bus answered with {message.Response.Status}.");
        if (message.Response.Status == (int)HttpStatusCode.Created)
        {
            refused = null;
            return;
        }
        var refusal = $"Service Bus answered with {message.Response.Status}: {Advice(message.Response.Status)}";
        // It is no matter of this one message.
        if (message.Response.Status is (int)HttpStatusCode.Unauthorized or (int)HttpStatusCode.Forbidden or (int)HttpStatusCode.NotFound or (int)HttpStatusCode.Gone)
            refused = new Refusal(refusal, time.GetUtcNow());
        throw new RequestFailedException(message.Response.Status, refusal);
    }

    private static string Advice(int status) => status switch
    {
        (int)HttpStatusCode.Unauthorized => $"the program's identity needs the role Azure Service Bus Data Sender on the queue {Queue}.",
        (int)HttpStatusCode.Forbidden => $"the queue {Queue} is full, or the namespace lets nobody in from here.",
        (int)HttpStatusCode.NotFound or (int)HttpStatusCode.Gone => $"the namespace has no queue {Queue}, or it is disabled.",
        (int)HttpStatusCode.TooManyRequests or >= 500 => "it passes.",
        _ => "the request was not understood.",
    };

    /// <inheritdoc/>
    public string Name => "queue";

    /// <summary>Asks for the queue itself. To be told about it takes the claims Manage or EntityRead, which senders do not have (401): that shows that the queue is there, and not that we may send.
    /// That is found out by sending, so what came of the last message counts too.</summary>
    public async Task ProbeAsync(CancellationToken cancellationToken)
    {
        if (refused is { } last && time.GetUtcNow() - last.At < RefusalCounts)
            throw new StorageUnavailableException($"The last message was refused. {last.Message}");
        using var message = pipeline.CreateMessage();
        message.Request.Method = RequestMethod.Get;
        message.Request.Uri.Reset(new Uri(address, $"/{Queue}"));
        await pipeline.SendAsync(message, cancellationToken);
        if (message.Response.Status is not ((int)HttpStatusCode.OK or (int)HttpStatusCode.Unauthorized))
            throw new StorageUnavailableException($"Service Bus answered with {message.Response.Status}: {Advice(message.Response.Status)}");
    }

    /// <summary>An array of messages, each with an id of its own; the body is a text.</summary>
    private static ReadOnlyMemory<byte> BatchOf(WorkItem[] items)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartArray();
            foreach (var item in items)
            {
                json.WriteStartObject();
                json.WriteString("Body", Encoding.UTF8.GetString(WorkMessage.Write(item)));
                json.WriteStartObject("BrokerProperties");
                json.WriteString("MessageId", RandomValue.ShortId());
                json.WriteEndObject();
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        return buffer.WrittenMemory;
    }

    /// <summary>ASCII: an id and a date. The id is the same in every try of one request, so that a queue with duplicate detection keeps one message.</summary>
    private string PropertiesOf(TimeSpan delay) => delay <= TimeSpan.Zero
        ? $$"""{"MessageId":"{{RandomValue.ShortId()}}"}"""
        : $$"""{"MessageId":"{{RandomValue.ShortId()}}","ScheduledEnqueueTimeUtc":"{{(time.GetUtcNow() + delay).ToString("R", CultureInfo.InvariantCulture)}}"}""";

    private sealed record Refusal(string Message, DateTimeOffset At);

    private sealed class Options : ClientOptions;
}

using System.Globalization;
using System.Net;
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

/// <summary>The work queue in Service Bus. Messages are sent by its REST API ("Send Message"); the Functions host's trigger receives them.</summary>
internal sealed class ServiceBusSender : IWorkQueue, IDependency
{
    private const string Queue = "kontext-work";
    private const string Scope = "https://servicebus.azure.net/.default";

    // What the service asks of a sender that is too fast.
    private static readonly TimeSpan ThrottledWait = TimeSpan.FromSeconds(2);

    private readonly HttpPipeline pipeline;
    private readonly Uri address;
    private readonly TimeProvider time;

    public ServiceBusSender(string fullyQualifiedNamespace, TimeProvider time)
        : this(fullyQualifiedNamespace, new DefaultAzureCredential(), transport: null, time)
    {
    }

    /// <summary>With a credential and a transport of one's own.</summary>
    internal ServiceBusSender(string fullyQualifiedNamespace, TokenCredential credential, HttpPipelineTransport? transport, TimeProvider time)
    {
        this.time = time;
        address = new Uri($"https://{fullyQualifiedNamespace}/{Queue}/messages");
        var options = new Options();
        if (transport is not null)
            options.Transport = transport;
        options.Retry.MaxRetries = 3;
        options.Retry.Mode = RetryMode.Fixed;
        options.Retry.Delay = ThrottledWait;
        options.Retry.NetworkTimeout = TimeSpan.FromSeconds(10);
        options.Diagnostics.IsLoggingEnabled = false;
        options.Diagnostics.IsDistributedTracingEnabled = false;
        options.Diagnostics.IsTelemetryEnabled = false;
        pipeline = HttpPipelineBuilder.Build(options, new BearerTokenAuthenticationPolicy(credential, Scope));
    }

    /// <inheritdoc/>
    public async Task EnqueueAsync(WorkItem item, TimeSpan delay, CancellationToken cancellationToken)
    {
        using var message = pipeline.CreateMessage();
        message.Request.Method = RequestMethod.Post;
        message.Request.Uri.Reset(address);
        message.Request.Headers.Add("Content-Type", "application/json");
        message.Request.Headers.Add("BrokerProperties", PropertiesOf(delay));
        message.Request.Content = RequestContent.Create(WorkMessage.Write(item));
        try
        {
            await pipeline.SendAsync(message, cancellationToken);
        }
        catch (Exception failure) when (failure is RequestFailedException or AggregateException or IOException or HttpRequestException or AuthenticationFailedException)
        {
            throw new StorageUnavailableException("Service Bus did not answer.", failure);
        }
        if (message.Response.Status is (int)HttpStatusCode.TooManyRequests or >= 500)
            throw new StorageUnavailableException($"Service Bus answered with {message.Response.Status}.");
        if (message.Response.Status != (int)HttpStatusCode.Created)
            throw new RequestFailedException(message.Response);
    }

    /// <inheritdoc/>
    public string Name => "queue";

    /// <summary>Asks for the queue itself. Senders are not told about it (401), but that it refuses us shows that it is there:
    /// whether we may send is only found out by sending.</summary>
    public async Task ProbeAsync(CancellationToken cancellationToken)
    {
        using var message = pipeline.CreateMessage();
        message.Request.Method = RequestMethod.Get;
        message.Request.Uri.Reset(new Uri(address, $"/{Queue}"));
        await pipeline.SendAsync(message, cancellationToken);
        if (message.Response.Status is (int)HttpStatusCode.NotFound or (int)HttpStatusCode.TooManyRequests or >= 500)
            throw new StorageUnavailableException($"Service Bus answered with {message.Response.Status}.");
    }

    /// <summary>ASCII: an id and a date. The id is the same in every try of one request, so that a queue with duplicate detection keeps one message.</summary>
    private string PropertiesOf(TimeSpan delay) => delay <= TimeSpan.Zero
        ? $$"""{"MessageId":"{{RandomValue.ShortId()}}"}"""
        : $$"""{"MessageId":"{{RandomValue.ShortId()}}","ScheduledEnqueueTimeUtc":"{{(time.GetUtcNow() + delay).ToString("R", CultureInfo.InvariantCulture)}}"}""";

    private sealed class Options : ClientOptions;
}

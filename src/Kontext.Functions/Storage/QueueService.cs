using System.Net;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Identity;

namespace Kontext.Functions.Storage;

/// <summary>The Queue service of one storage account, through its REST API: retries, their limits and the authorization.</summary>
internal sealed class QueueService
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    private readonly HttpPipeline pipeline;
    private readonly string endpoint;

    public QueueService(StorageAccount account, TimeProvider time)
    {
        endpoint = account.Endpoint.AbsoluteUri;
        var options = new Options();
        options.Retry.MaxRetries = 3;
        options.Retry.Mode = RetryMode.Exponential;
        options.Retry.Delay = TimeSpan.FromMilliseconds(200);
        options.Retry.MaxDelay = TimeSpan.FromSeconds(2);
        options.Retry.NetworkTimeout = TimeSpan.FromSeconds(5);
        pipeline = StoragePipeline.Build(options, account.Key is { } key ? new SharedKeyPolicy(account.Name!, Convert.FromBase64String(key.Reveal()), time) : null);
    }

    /// <summary>A request to an address under the service's own, already escaped.</summary>
    public HttpMessage Request(RequestMethod method, string address, string? body)
    {
        var message = pipeline.CreateMessage();
        message.Request.Method = method;
        message.Request.Uri.Reset(new Uri(endpoint + address));
        message.Request.Headers.Add("x-ms-version", "2019-02-02");
        if (body is not null)
        {
            message.Request.Headers.Add("Content-Type", "application/xml");
            message.Request.Content = RequestContent.Create(BinaryData.FromString(body));
        }
        return message;
    }

    /// <summary>Sends with retries. Afterwards the message has an answer that is not a passing failure of the service.</summary>
    /// <exception cref="StorageUnavailableException">There was none in time.</exception>
    public Task SendAsync(HttpMessage message, CancellationToken cancellationToken) => pipeline.SendWithinAsync(message, "queue", Deadline, cancellationToken);

    private sealed class Options : ClientOptions;
}

using System.Net;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Identity;

namespace Kontext.Functions.Storage;

/// <summary>What the clients of the table, queue and blob services share: how they sign in, what they never log, and how they tell what passes from what stays.</summary>
internal static class StoragePipeline
{
    /// <summary>A pipeline that logs and traces nothing of its own: addresses and headers of storage are nobody's business.</summary>
    /// <param name="options">Retries and transport.</param>
    /// <param name="sharedKey">Signs with the account's key; null to go through Entra ID.</param>
    public static HttpPipeline Build(ClientOptions options, HttpPipelinePolicy? sharedKey)
    {
        options.RetryPolicy = new BoundedRetry(options.Retry.MaxRetries, options.Retry.Delay, options.Retry.MaxDelay);
        options.Diagnostics.IsLoggingEnabled = false;
        options.Diagnostics.IsDistributedTracingEnabled = false;
        options.Diagnostics.IsTelemetryEnabled = false;
        return HttpPipelineBuilder.Build(options, sharedKey ?? new BearerTokenAuthenticationPolicy(new DefaultAzureCredential(), "https://storage.azure.com/.default"));
    }

    /// <summary>Sends with the pipeline's retries. Afterwards the message has an answer that is not a passing failure of the service.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="message">What to send.</param>
    /// <param name="service">The service, for the words of the exception.</param>
    /// <param name="limit">How long it may take with all retries; <see cref="Timeout.InfiniteTimeSpan"/> for as long as they take.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="StorageUnavailableException">There was no such answer in time.</exception>
    public static async Task SendWithinAsync(this HttpPipeline pipeline, HttpMessage message, string service, TimeSpan limit, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(limit);
        try
        {
            await pipeline.SendAsync(message, deadline.Token);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception failure) when (failure is OperationCanceledException or RequestFailedException or AggregateException or IOException or HttpRequestException or AuthenticationFailedException)
        {
            // It did, and the time was over while it was waited for.
            if (message.HasResponse && IsPassing(message.Response))
                throw Refused(service, message.Response);
            throw new StorageUnavailableException($"The {service} service did not answer.", failure);
        }
        if (IsPassing(message.Response))
            throw Refused(service, message.Response);
    }

    private static bool IsPassing(Response response) => response.Status is (int)HttpStatusCode.RequestTimeout or (int)HttpStatusCode.TooManyRequests or >= 500;

    private static StorageUnavailableException Refused(string service, Response response) =>
        new($"The {service} service answered with {response.Status}.") { RetryAfter = BoundedRetry.AskedBy(response) };
}

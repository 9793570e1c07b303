using System.Globalization;
using Azure.Core;
using Azure.Core.Pipeline;

namespace Kontext.Functions.Storage;

/// <summary>The SDK's retries, which wait as long as <c>Retry-After</c> says; but not longer than a caller of ours can wait. Then the refusal goes up at once, with the time the service asked for.</summary>
internal sealed class BoundedRetry(int maxRetries, TimeSpan delay, TimeSpan longestDelay) : RetryPolicy(maxRetries, DelayStrategy.CreateExponentialDelayStrategy(delay, longestDelay))
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(4);

    /// <summary>The wait that an answer asks for; null when it asks for none.</summary>
    public static TimeSpan? AskedBy(Azure.Response response)
    {
        foreach (var name in (string[])["retry-after-ms", "x-ms-retry-after-ms"])
        {
            if (NumberIn(response, name) is { } milliseconds)
                return TimeSpan.FromMilliseconds(milliseconds);
        }
        return NumberIn(response, "Retry-After") is { } seconds ? TimeSpan.FromSeconds(seconds) : null;
    }

    /// <inheritdoc/>
    protected override bool ShouldRetry(HttpMessage message, Exception? exception) => !IsTooLong(message) && base.ShouldRetry(message, exception);

    /// <inheritdoc/>
    protected override async ValueTask<bool> ShouldRetryAsync(HttpMessage message, Exception? exception) => !IsTooLong(message) && await base.ShouldRetryAsync(message, exception);

    private static bool IsTooLong(HttpMessage message) => message.HasResponse && AskedBy(message.Response) > LongestWait;

    private static int? NumberIn(Azure.Response response, string header) =>
        response.Headers.TryGetValue(header, out var text) && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}

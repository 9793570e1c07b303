using System.Globalization;
using Azure.Core;
using Azure.Core.Pipeline;

namespace Kontext.Functions.Cloud;

/// <summary>The SDK's retries, which wait as long as <c>Retry-After</c> says; but not longer than a caller of ours can wait. Then the refusal goes up at once, with the time the vault asked for.</summary>
internal sealed class BoundedRetry() : RetryPolicy(MaxRetries, DelayStrategy.CreateExponentialDelayStrategy(TimeSpan.FromMilliseconds(400), TimeSpan.FromSeconds(2)))
{
    private const int MaxRetries = 3;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(4);

    /// <summary>The wait that an answer asks for; null when it asks for none.</summary>
    public static TimeSpan? AskedBy(Azure.Response response) =>
        response.Headers.TryGetValue("Retry-After", out var text) && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) ? TimeSpan.FromSeconds(seconds) : null;

    /// <inheritdoc/>
    protected override bool ShouldRetry(HttpMessage message, Exception? exception) => !IsTooLong(message) && base.ShouldRetry(message, exception);

    /// <inheritdoc/>
    protected override async ValueTask<bool> ShouldRetryAsync(HttpMessage message, Exception? exception) => !IsTooLong(message) && await base.ShouldRetryAsync(message, exception);

    private static bool IsTooLong(HttpMessage message) => message.HasResponse && AskedBy(message.Response) > LongestWait;
}

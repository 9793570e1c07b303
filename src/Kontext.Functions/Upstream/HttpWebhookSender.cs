using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using Kontext.Domain;
using Kontext.Domain.Webhooks;

namespace Kontext.Functions.Upstream;

/// <summary>Posts webhook messages with the headers of the Standard Webhooks specification.</summary>
/// <param name="http">A guarded client.</param>
internal sealed class HttpWebhookSender(HttpClient http) : IWebhookSender
{
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(15);

    /// <inheritdoc/>
    public async Task<WebhookAnswer> SendAsync(Uri url, string messageId, DateTimeOffset at, string payload, IReadOnlyList<Secret> secrets, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(TimeLimit);
        using var request = new HttpRequestMessage(HttpMethod.Post, url)
        {
            Content = new ByteArrayContent(Encoding.UTF8.GetBytes(payload)) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
        };
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("Kontext-Webhooks", "1.0"));
        request.Headers.Add("webhook-id", messageId);
        request.Headers.Add("webhook-timestamp", at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        request.Headers.Add("webhook-signature", WebhookSignature.Of(messageId, at, payload, secrets));
        try
        {
            // The status says it all; what else the receiver writes is nobody's business.
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            return new WebhookAnswer((int)response.StatusCode, null);
        }
        catch (Exception unreachable) when (unreachable is HttpRequestException or IOException)
        {
            return new WebhookAnswer(null, unreachable is HttpRequestException { HttpRequestError: var error and not HttpRequestError.Unknown } ? $"The receiver could not be reached: {error}." : "The receiver could not be reached.");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new WebhookAnswer(null, $"The receiver did not answer within {TimeLimit.TotalSeconds:0} seconds.");
        }
    }
}

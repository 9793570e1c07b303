using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Azure.Core;
using Azure.Core.Pipeline;

namespace Kontext.Functions.Storage;

/// <summary>Signs each try of a request to the queue service with the account's key ("Authorize with Shared Key", version 2009-09-19 and later).</summary>
internal sealed class SharedKeyPolicy(string account, byte[] key, TimeProvider time) : HttpPipelineSynchronousPolicy
{
    /// <inheritdoc/>
    public override void OnSendingRequest(HttpMessage message)
    {
        var request = message.Request;
        request.Headers.SetValue("x-ms-date", time.GetUtcNow().ToString("R", CultureInfo.InvariantCulture));
        request.Headers.TryGetValue("Content-Type", out var contentType);
        // An empty body counts as no body; the lines in between are of headers we never send.
        var length = request.Content is { } content && content.TryComputeLength(out var bytes) && bytes > 0 ? bytes.ToString(CultureInfo.InvariantCulture) : "";
        var signed = new StringBuilder().Append(request.Method).Append("\n\n\n").Append(length).Append("\n\n").Append(contentType).Append("\n\n\n\n\n\n\n");
        foreach (var header in request.Headers.Where(header => header.Name.StartsWith("x-ms-", StringComparison.OrdinalIgnoreCase)).OrderBy(header => header.Name, StringComparer.Ordinal))
            signed.Append(header.Name.ToLowerInvariant()).Append(':').Append(header.Value).Append('\n');
        var address = request.Uri.ToUri();
        signed.Append('/').Append(account).Append(address.AbsolutePath);
        foreach (var parameter in address.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=', 2)).OrderBy(pair => pair[0], StringComparer.Ordinal))
            signed.Append('\n').Append(parameter[0]).Append(':').Append(Uri.UnescapeDataString(parameter[1]));
        var signature = Convert.ToBase64String(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(signed.ToString())));
        request.Headers.SetValue("Authorization", $"SharedKey {account}:{signature}");
    }
}

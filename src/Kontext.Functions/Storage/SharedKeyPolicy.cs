using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Azure.Core;
using Azure.Core.Pipeline;

namespace Kontext.Functions.Storage;

/// <summary>Signs each try of a request to the queue or blob service with the account's key ("Authorize with Shared Key", version 2009-09-19 and later).</summary>
internal sealed class SharedKeyPolicy(string account, byte[] key, TimeProvider time) : HttpPipelineSynchronousPolicy
{
    private static readonly string[] SignedHeaders = ["If-Modified-Since", "If-Match", "If-None-Match", "If-Unmodified-Since", "Range"];

    /// <inheritdoc/>
    public override void OnSendingRequest(HttpMessage message)
    {
        var request = message.Request;
        request.Headers.SetValue("x-ms-date", time.GetUtcNow().ToString("R", CultureInfo.InvariantCulture));
        // An empty body counts as no body.
        var length = request.Content is { } content && content.TryComputeLength(out var bytes) && bytes > 0 ? bytes.ToString(CultureInfo.InvariantCulture) : "";
        var text = new StringBuilder();
        // Content-Encoding, Content-Language, Content-MD5 and Date are never sent.
        text.Append(CultureInfo.InvariantCulture, $"{request.Method}\n\n\n{length}\n\n{Header(request, "Content-Type")}\n\n");
        foreach (var name in SignedHeaders)
            text.Append(Header(request, name)).Append('\n');
        foreach (var header in request.Headers.Where(header => header.Name.StartsWith("x-ms-", StringComparison.OrdinalIgnoreCase)).OrderBy(header => header.Name.ToLowerInvariant(), StringComparer.Ordinal))
            text.Append(CultureInfo.InvariantCulture, $"{header.Name.ToLowerInvariant()}:{header.Value}\n");
        text.Append(CultureInfo.InvariantCulture, $"/{account}{request.Uri.ToUri().AbsolutePath}");
        foreach (var parameter in request.Uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=', 2)).OrderBy(pair => pair[0], StringComparer.Ordinal))
            text.Append('\n').Append(parameter[0]).Append(':').Append(Uri.UnescapeDataString(parameter[1]));
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text.ToString()), hash);
        request.Headers.SetValue("Authorization", $"SharedKey {account}:{Convert.ToBase64String(hash)}");
    }

    private static string Header(Request request, string name) => request.Headers.TryGetValue(name, out var value) ? value! : "";
}

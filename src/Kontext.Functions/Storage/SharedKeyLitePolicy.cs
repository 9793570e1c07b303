using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Azure.Core;
using Azure.Core.Pipeline;

namespace Kontext.Functions.Storage;

/// <summary>Signs each try of a request with the account's key ("Authorize with Shared Key", Shared Key Lite for the Table service): a try after a long wait needs a date of its own.</summary>
internal sealed class SharedKeyLitePolicy(string account, byte[] key, TimeProvider time) : HttpPipelineSynchronousPolicy
{
    /// <inheritdoc/>
    public override void OnSendingRequest(HttpMessage message)
    {
        var date = time.GetUtcNow().ToString("R", CultureInfo.InvariantCulture);
        // The query takes no part, except comp, which we never send.
        var signed = $"{date}\n/{account}{message.Request.Uri.ToUri().AbsolutePath}";
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(signed), hash);
        message.Request.Headers.SetValue("x-ms-date", date);
        message.Request.Headers.SetValue("Authorization", $"SharedKeyLite {account}:{Convert.ToBase64String(hash)}");
    }
}

using System.IO.Compression;

namespace Kontext.Functions.Upstream;

/// <summary>Undoes the compression of answers in which a credential has to be looked for. Services are asked not to compress those, but stored content may be.</summary>
internal static class RestDecoding
{
    /// <summary>Can the credential be found in the answer?</summary>
    public static bool IsKnown(HttpResponseMessage response, InjectedCredential injected) =>
        injected == InjectedCredential.None || EncodingOf(response) is "" or "identity" or "gzip" or "x-gzip" or "br" or "deflate";

    /// <summary>Is the answer passed on in another encoding than it came in?</summary>
    public static bool Changes(HttpResponseMessage response, InjectedCredential injected) => injected != InjectedCredential.None && EncodingOf(response) is not ("" or "identity");

    /// <summary>The body as it is passed on.</summary>
    public static Stream Of(HttpResponseMessage response, Stream body) => EncodingOf(response) switch
    {
        "gzip" or "x-gzip" => new GZipStream(body, CompressionMode.Decompress),
        "br" => new BrotliStream(body, CompressionMode.Decompress),
        _ => new ZLibStream(body, CompressionMode.Decompress),
    };

    private static string EncodingOf(HttpResponseMessage response) => string.Join(',', response.Content.Headers.ContentEncoding).ToLowerInvariant();
}

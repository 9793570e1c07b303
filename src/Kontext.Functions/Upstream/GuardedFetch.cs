using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Kontext.Domain;

namespace Kontext.Functions.Upstream;

/// <summary>A JSON document from elsewhere.</summary>
/// <param name="Root">What it holds.</param>
/// <param name="FreshFor">How long its host lets it be kept; zero when not at all, null when it does not say.</param>
internal sealed record FetchedDocument(JsonElement Root, TimeSpan? FreshFor);

/// <summary>Fetches small JSON documents from addresses that strangers chose: https only, no redirects, bounded in size and time, never from special-use addresses.</summary>
/// <param name="http">A guarded client.</param>
internal sealed class GuardedFetch(HttpClient http)
{
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(5);

    /// <summary>May these documents be at the address? Loopback too, when we run there ourselves (draft-ietf-oauth-client-id-metadata-document-01 section 6.5).</summary>
    public static bool IsAllowed(IPAddress address, KontextSettings settings) =>
        GuardedHttp.IsPublic(address) || (settings.PublicUrl.IsLoopback && IPAddress.IsLoopback(address));

    /// <summary>The document; the failure says what was wrong with it and is for the person or the client's developer.</summary>
    public async Task<Result<FetchedDocument>> JsonAsync(Uri address, int maxBytes, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(TimeLimit);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            if (response.StatusCode != HttpStatusCode.OK)
                return Refused($"was answered with status {(int)response.StatusCode}, not 200");
            if (!IsJson(response.Content.Headers.ContentType?.MediaType))
                return Refused("is not served as application/json");
            if (await ReadAsync(response, maxBytes, limit.Token) is not { } body)
                return Refused($"is larger than {maxBytes} bytes");
            using var document = JsonText.Parse(body, new JsonDocumentOptions { MaxDepth = 16 });
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new FetchedDocument(document.RootElement.Clone(), FreshFor(response))
                : Refused("is not a JSON object");
        }
        catch (JsonException)
        {
            return Refused("is not valid JSON");
        }
        catch (Exception unreachable) when (unreachable is HttpRequestException or IOException)
        {
            // What exactly failed would let a stranger look into our network.
            return Refused("cannot be fetched") with { Detail = unreachable.GetType().Name };
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Refused($"did not come within {TimeLimit.TotalSeconds:0} seconds");
        }
    }

    private static async Task<byte[]?> ReadAsync(HttpResponseMessage response, int maxBytes, CancellationToken cancellationToken)
    {
        if (response.Content.Headers.ContentLength > maxBytes)
            return null;
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        var buffer = new byte[maxBytes + 1];
        var length = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
        return length > maxBytes ? null : buffer[..length];
    }

    private static TimeSpan? FreshFor(HttpResponseMessage response) => response.Headers.CacheControl switch
    {
        null => null,
        { NoStore: true } or { NoCache: true } => TimeSpan.Zero,
        { MaxAge: { } maxAge } => maxAge - (response.Headers.Age ?? TimeSpan.Zero),
        _ => null,
    };

    private static bool IsJson(string? mediaType) =>
        mediaType is not null && (mediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)
            || (mediaType.StartsWith("application/", StringComparison.OrdinalIgnoreCase) && mediaType.EndsWith("+json", StringComparison.OrdinalIgnoreCase)));

    private static Failure Refused(string what) => new(FailureCode.InvalidClient, what);
}

using System.Buffers;
using System.Text;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;

namespace Kontext.Functions.Upstream;

/// <summary>An API's answer as it arrives. One buffer of it is held, however long it is.</summary>
internal sealed class HttpRestAnswer : RestAnswer
{
    private readonly Integration integration;
    private readonly HttpResponseMessage response;
    private readonly RestPace pace;
    private readonly CredentialScrub scrub;
    private readonly bool decodes;
    private readonly byte[] buffer = ArrayPool<byte>.Shared.Rent(32 * 1024);
    private Stream? body;
    private long received;
    private bool ended;
    private bool disposed;

    /// <param name="integration">Whose answer it is.</param>
    /// <param name="response">The answer.</param>
    /// <param name="location">Where it leads, as the agent may know it; null for nowhere.</param>
    /// <param name="links">Puts addresses in <c>Link</c> headers into the agent's terms; null for those that stay as they are.</param>
    /// <param name="injected">What must not come back.</param>
    /// <param name="pace">Ends with the time the call may take, or the agent.</param>
    public HttpRestAnswer(Integration integration, HttpResponseMessage response, string? location, Func<string, string?> links, InjectedCredential injected, RestPace pace)
    {
        (this.integration, this.response, this.pace) = (integration, response, pace);
        scrub = new CredentialScrub(injected.Secrets);
        decodes = RestDecoding.Changes(response, injected) && HasBody;
        Headers = [.. HeadersOf(response, location, links)];
    }

    public override int Status => (int)response.StatusCode;

    public override IReadOnlyList<KeyValuePair<string, string>> Headers { get; }

    public override long? Length => decodes ? null : response.Content.Headers.ContentLength;

    public override bool HasBody => response.RequestMessage?.Method != HttpMethod.Head && Status is not (204 or 205 or 304);

    public override long BytesOut => received;

    public override async ValueTask<Result<ReadOnlyMemory<byte>>> NextAsync(CancellationToken cancellationToken)
    {
        try
        {
            body ??= await OpenAsync();
            while (!ended)
            {
                pace.Listen();
                var read = await body.ReadAsync(buffer, pace.Token);
                pace.Heard();
                received += read;
                ended = read == 0 || received == Length;
                var piece = scrub.Clean(buffer.AsMemory(0, read), last: ended);
                if (!piece.IsEmpty)
                    return piece;
            }
            return ReadOnlyMemory<byte>.Empty;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new Failure(FailureCode.Unavailable, $"{integration.Name} did not send the rest of its answer in time.");
        }
        catch (Exception broken) when (broken is IOException or InvalidDataException or HttpRequestException)
        {
            return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} broke off in the middle of its answer.", broken.GetType().Name);
        }
    }

    public override async ValueTask DisposeAsync()
    {
        if (disposed)
            return;
        disposed = true;
        if (body is not null)
            await body.DisposeAsync();
        response.Dispose();
        pace.Dispose();
        ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
    }

    private async ValueTask<Stream> OpenAsync()
    {
        var raw = await response.Content.ReadAsStreamAsync(pace.Token);
        return decodes ? RestDecoding.Of(response, raw) : raw;
    }

    private IEnumerable<KeyValuePair<string, string>> HeadersOf(HttpResponseMessage answer, string? location, Func<string, string?> links)
    {
        var all = answer.Headers.NonValidated.Concat(answer.Content.Headers.NonValidated).SelectMany(header => header.Value.Select(value => KeyValuePair.Create(header.Key, value))).ToList();
        foreach (var (name, value) in RestHeaders.ForAgent(all))
        {
            if ((decodes && name.Equals("Content-Encoding", StringComparison.OrdinalIgnoreCase)) || name.Equals("Cache-Control", StringComparison.OrdinalIgnoreCase) || value.Any(character => char.IsControl(character) && character != '\t'))
                continue;
            yield return KeyValuePair.Create(name, scrub.Clean(name.Equals("Link", StringComparison.OrdinalIgnoreCase) ? Linked(value, links) : value));
        }
        if (answer.Headers.NonValidated.Contains("Cache-Control"))
            yield return KeyValuePair.Create("Cache-Control", CachingOf(answer));
        if (location is not null)
            yield return KeyValuePair.Create("Location", scrub.Clean(location));
    }

    // Fetched with one person's credential, it is nobody else's, whatever the service says to whoever has it.
    private static string CachingOf(HttpResponseMessage answer)
    {
        if (answer.Headers.CacheControl is not { } caching)
            return "no-store";
        (caching.Public, caching.SharedMaxAge, caching.Private) = (false, null, true);
        return caching.ToString();
    }

    /// <summary>A <c>Link</c> header (RFC 8288) with what lies below the base address put into the agent's terms, so that pages can be followed.</summary>
    private static string Linked(string value, Func<string, string?> links)
    {
        var text = new StringBuilder(value.Length);
        var at = 0;
        while (value.IndexOf('<', at) is var open and >= 0 && value.IndexOf('>', open) is var close and >= 0)
        {
            var target = value[(open + 1)..close];
            text.Append(value, at, open + 1 - at).Append(links(target) ?? target).Append('>');
            at = close + 1;
        }
        return text.Append(value, at, value.Length - at).ToString();
    }
}

using System.Collections.Concurrent;

namespace Kontext.Domain.Vault;

/// <summary>Issuers' metadata, asked again every ten minutes.</summary>
public sealed class IssuerDirectory(IProviderClient client, TimeProvider time)
{
    private const int MaxKept = 1000;
    private static readonly TimeSpan Life = TimeSpan.FromMinutes(10);
    private readonly ConcurrentDictionary<string, (IssuerMetadata Metadata, DateTimeOffset Until)> kept = new(StringComparer.Ordinal);

    /// <summary>The metadata, at most ten minutes old unless the issuer does not answer.</summary>
    public async Task<Result<IssuerMetadata>> FindAsync(string issuer, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (kept.TryGetValue(issuer, out var known) && known.Until > now)
            return known.Metadata;
        if (!(await client.DiscoverAsync(issuer, cancellationToken)).TryGet(out var metadata, out var failure))
        {
            // Endpoints hardly ever move: what was known a moment ago serves better than an error.
            return failure.Code is FailureCode.Unavailable or FailureCode.UpstreamFailed && known.Metadata is { } stale ? stale : failure;
        }
        if (kept.Count >= MaxKept)
            kept.Clear();
        kept[issuer] = (metadata, now + Life);
        return metadata;
    }
}

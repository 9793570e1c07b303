namespace Kontext.Functions.Upstream;

/// <summary>A provider's answer, read whole within limits.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="ContentType">Media type; null when not said.</param>
/// <param name="Body">The bytes.</param>
/// <param name="RetryAfter">How long the provider asks to be left alone; null when it does not say.</param>
internal sealed record ProviderResponse(int Status, string? ContentType, byte[] Body, TimeSpan? RetryAfter)
{
    /// <summary>Far above any honest answer of these endpoints.</summary>
    public const int MaxBytes = 256 * 1024;

    /// <summary>The challenges (RFC 6750 section 3); empty for none.</summary>
    public string Challenge { get; init; } = "";

    /// <summary>Where a redirect leads; null for none.</summary>
    public Uri? Location { get; init; }

    /// <summary>A status of 200 to 299.</summary>
    public bool IsSuccess => Status is >= 200 and < 300;

    /// <summary>Reads the body; null when it is longer than <see cref="MaxBytes"/>.</summary>
    public static async Task<byte[]?> ReadBodyAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (response.Content.Headers.ContentLength > MaxBytes)
            return null;
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        using var body = new MemoryStream();
        var buffer = new byte[16 * 1024];
        int read;
        while ((read = await stream.ReadAsync(buffer, cancellationToken)) > 0)
        {
            if (body.Length + read > MaxBytes)
                return null;
            body.Write(buffer, 0, read);
        }
        return body.ToArray();
    }

    /// <summary>Retry-After, which is seconds or a date (RFC 9110 section 10.2.3). A date is by the provider's clock, which its answer tells.</summary>
    public static TimeSpan? RetryAfterOf(HttpResponseMessage response, DateTimeOffset now) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } when (response.Headers.Date ?? now) is var theirs => date > theirs ? date - theirs : TimeSpan.Zero,
        _ => null,
    };
}

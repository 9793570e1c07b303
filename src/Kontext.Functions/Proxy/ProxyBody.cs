using Kontext.Domain.Gateway;
using Microsoft.AspNetCore.Http.Features;

namespace Kontext.Functions.Proxy;

/// <summary>An agent's body: read ahead when it says that it is small, or is JSON and turns out to be, and passed on as it comes otherwise, with a bounded beginning kept in case it has to be sent again.</summary>
internal sealed class ProxyBody : RestBody
{
    /// <summary>How much of a body is kept, and how large one may be to be looked at by policy and people.</summary>
    public const int MaxKept = 64 * 1024;

    private const int Piece = 16 * 1024;
    private readonly Stream source;
    private byte[] kept;
    private int keptLength;
    private bool overflown;
    private bool ended;
    private long sent;
    private Exception? fault;

    private ProxyBody(Stream source, long? length, byte[] kept) => (this.source, Length, this.kept) = (source, length, kept);

    /// <inheritdoc/>
    public override long? Length { get; }

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte>? Seen => ended && Length <= MaxKept ? new ReadOnlyMemory<byte>(kept, 0, keptLength) : default(ReadOnlyMemory<byte>?);

    /// <inheritdoc/>
    public override bool MayRepeat => !overflown && fault is null;

    /// <inheritdoc/>
    public override long Sent => sent;

    /// <inheritdoc/>
    public override Exception? Fault => fault;

    /// <summary>The body of a request; null when it has none.</summary>
    public static async ValueTask<ProxyBody?> OpenAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (request.HttpContext.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false })
            return null;
        if (request.ContentLength is not { } length)
            return request.HasJsonContentType() ? await OpenUnannouncedAsync(request.Body, cancellationToken) : new ProxyBody(request.Body, length: null, []);
        if (length > MaxKept)
            return new ProxyBody(request.Body, length, []);
        var body = new ProxyBody(request.Body, length, new byte[length]) { ended = true, keptLength = (int)length };
        await request.Body.ReadExactlyAsync(body.kept, cancellationToken);
        return body;
    }

    // Some clients send every JSON body without its length, however small.
    private static async ValueTask<ProxyBody> OpenUnannouncedAsync(Stream source, CancellationToken cancellationToken)
    {
        var beginning = new byte[MaxKept + 1];
        var length = await source.ReadAtLeastAsync(beginning, beginning.Length, throwOnEndOfStream: false, cancellationToken);
        return length <= MaxKept
            ? new ProxyBody(source, length, beginning) { ended = true, keptLength = length }
            : new ProxyBody(source, length: null, beginning) { keptLength = length };
    }

    /// <inheritdoc/>
    public override async Task CopyToAsync(Stream target, Action progress, CancellationToken cancellationToken)
    {
        if (overflown)
            throw new InvalidOperationException("The beginning of the body is gone.");
        await target.WriteAsync(kept.AsMemory(0, keptLength), cancellationToken);
        sent = keptLength;
        var buffer = ended ? [] : new byte[Piece];
        while (!ended)
        {
            var read = await ReadAsync(buffer, cancellationToken);
            ended = read == 0;
            Keep(buffer.AsSpan(0, read));
            await target.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            // An agent that sends bit by bit wants the service to get it bit by bit.
            await target.FlushAsync(cancellationToken);
            sent += read;
            progress();
        }
    }

    private async ValueTask<int> ReadAsync(byte[] buffer, CancellationToken cancellationToken)
    {
        try
        {
            return await source.ReadAsync(buffer, cancellationToken);
        }
        catch (Exception broken) when (broken is not OperationCanceledException)
        {
            fault = broken;
            throw;
        }
    }

    private void Keep(ReadOnlySpan<byte> piece)
    {
        if (overflown || piece.IsEmpty)
            return;
        if (keptLength + piece.Length > MaxKept)
        {
            (overflown, kept, keptLength) = (true, [], 0);
            return;
        }
        if (keptLength + piece.Length > kept.Length)
            Array.Resize(ref kept, Math.Max(keptLength + piece.Length, Math.Min(MaxKept, kept.Length * 2)));
        piece.CopyTo(kept.AsSpan(keptLength));
        keptLength += piece.Length;
    }
}

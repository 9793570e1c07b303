using System.Net;
using Kontext.Domain.Gateway;

namespace Kontext.Functions.Upstream;

/// <summary>A proxied request's body on its way to the service.</summary>
internal sealed class RestContent(RestBody body) : HttpContent, IPacedContent
{
    /// <inheritdoc/>
    public Action Progress { private get; set; } = static () => { };

    /// <inheritdoc/>
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    /// <inheritdoc/>
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) =>
        body.CopyToAsync(stream, () => Progress(), cancellationToken);

    /// <inheritdoc/>
    protected override bool TryComputeLength(out long length)
    {
        length = body.Length ?? 0;
        return body.Length is not null;
    }
}

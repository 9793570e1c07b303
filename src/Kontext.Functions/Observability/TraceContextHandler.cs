using System.Diagnostics;

namespace Kontext.Functions.Observability;

/// <summary>Sends the current span's context along with each request. The framework's own way would put a span of its own in between, which nobody exports.</summary>
internal sealed class TraceContextHandler(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    /// <inheritdoc/>
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        TraceContextPropagator.Instance.Inject(Activity.Current, request, static (carrier, name, value) => ((HttpRequestMessage)carrier!).Headers.TryAddWithoutValidation(name, value));
        return base.SendAsync(request, cancellationToken);
    }
}

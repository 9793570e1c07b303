using Microsoft.AspNetCore.Routing.Template;

namespace Kontext.Functions;

/// <summary>Finds what an address takes when a request came with another method (RFC 9110 section 15.5.6), and whose words to say it in.</summary>
internal sealed class OtherMethods(EndpointDataSource endpoints)
{
    private readonly Lazy<IReadOnlyList<(TemplateMatcher Path, RouteEndpoint Endpoint)>> known = new(() =>
        [.. endpoints.Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.Metadata.GetMetadata<Surface>() is not null && endpoint.Metadata.GetMetadata<IHttpMethodMetadata>() is { HttpMethods.Count: > 0 })
            .Select(endpoint => (new TemplateMatcher(new RouteTemplate(endpoint.RoutePattern), []), endpoint))]);

    /// <summary>The surface of the address and the methods it takes; null when there is nothing at it, or when the method was not what was wrong (an id that is none).</summary>
    public (Surface Surface, string Allow)? Of(PathString path, string method)
    {
        var here = known.Value.Where(entry => entry.Path.TryMatch(path, [])).Select(entry => entry.Endpoint.Metadata).ToList();
        if (here.Count == 0)
            return null;
        var methods = here.SelectMany(metadata => metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods).Distinct().Order(StringComparer.Ordinal).ToList();
        return methods.Contains(method) ? null : (here[0].GetMetadata<Surface>()!, string.Join(", ", methods));
    }
}

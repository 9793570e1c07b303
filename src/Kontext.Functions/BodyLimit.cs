using Microsoft.AspNetCore.Http.Features;

namespace Kontext.Functions;

/// <summary>Bounds a request's body below the server's own limit, also when the client does not say how long it is.</summary>
internal static class BodyLimit
{
    /// <summary>To be called before the body is read; a longer one is then refused with 413.</summary>
    public static void Set(HttpContext context, long bytes)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = bytes;
    }
}

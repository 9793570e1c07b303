namespace Kontext.Functions.Mcp;

/// <summary>Which web pages may call the gateway: our own, and in Development those on this machine (protocols 1.2, 3.13). Programs send no Origin and are not concerned.</summary>
internal static class McpOrigin
{
    /// <summary>Whether the request's origin is one of them.</summary>
    public static bool IsAllowed(KontextSettings settings, HttpRequest request)
    {
        var origin = request.Headers.Origin.ToString();
        return origin == settings.PublicUrl.GetLeftPart(UriPartial.Authority)
            || (settings.Development && Uri.TryCreate(origin, UriKind.Absolute, out var url) && url is { IsLoopback: true, Scheme: "http" or "https" });
    }

    /// <summary>Lets such a page read the answer, refusals included.</summary>
    public static void Expose(KontextSettings settings, HttpContext context)
    {
        if (context.Request.Headers.Origin.Count == 0 || !IsAllowed(settings, context.Request))
            return;
        context.Response.Headers.AccessControlAllowOrigin = context.Request.Headers.Origin.ToString();
        context.Response.Headers.AccessControlExposeHeaders = "WWW-Authenticate, DPoP-Nonce, Mcp-Session-Id, MCP-Protocol-Version, X-Kontext-Policy";
        context.Response.Headers.Vary = "Origin";
    }

    /// <summary>Answers a browser that asks first.</summary>
    public static Task Preflight(KontextSettings settings, HttpContext context)
    {
        Expose(settings, context);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        if (context.Response.Headers.AccessControlAllowOrigin.Count > 0)
        {
            context.Response.Headers.AccessControlAllowMethods = "POST, GET, DELETE";
            // Mcp-Param-* are named by tools, so what is asked for is what is allowed.
            context.Response.Headers.AccessControlAllowHeaders = context.Request.Headers.AccessControlRequestHeaders;
        }
        return Task.CompletedTask;
    }
}

namespace Kontext.Functions.Pages;

/// <summary>What every page tells the browser to refuse.</summary>
internal static class PageHeaders
{
    /// <summary>Sets them. A page is never kept, framed, sniffed or named to others, loads nothing but our own files, and calls nobody but us.</summary>
    public static void Set(IHeaderDictionary headers, IReadOnlyList<Uri> formTargets)
    {
        headers.ContentSecurityPolicy =
            $"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action {FormAction(formTargets)}; frame-ancestors 'none'; base-uri 'none'";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=(), browsing-topics=()";
        headers.XContentTypeOptions = "nosniff";
        headers.CacheControl = "no-store";
    }

    private static string FormAction(IReadOnlyList<Uri> targets) =>
        string.Join(' ', targets.Select(Source).Prepend("'self'").Distinct(StringComparer.Ordinal));

    /// <summary>The narrowest source expression that matches the address (CSP 3 section 2.3.1).</summary>
    private static string Source(Uri target)
    {
        if (target.Scheme is not ("http" or "https"))
            return target.Scheme + ":";
        // The grammar has no IPv6 hosts, and no IPv4 host but 127.0.0.1 ever matches (CSP 3 section 6.7.2.9).
        var nameable = target.HostNameType is UriHostNameType.Dns || target.Host == "127.0.0.1";
        return nameable
            ? $"{target.Scheme}://{target.IdnHost}{(target.IsDefaultPort ? "" : $":{target.Port}")}"
            : target.Scheme + ":";
    }
}

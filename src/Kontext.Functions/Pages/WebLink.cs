namespace Kontext.Functions.Pages;

/// <summary>Decides which addresses that others gave us may become links.</summary>
internal static class WebLink
{
    /// <summary>The address when it is an absolute http or https one or a path of our own; null otherwise, so that no <c>javascript:</c> ends up in a link.</summary>
    public static string? Of(string? address)
    {
        if (address is null)
            return null;
        // Two slashes, or a slash and a backslash, are another host to a browser.
        if (address.StartsWith('/'))
            return address.Length > 1 && address[1] is ('/' or '\\') ? null : address;
        return Uri.TryCreate(address, UriKind.Absolute, out var url) && url.Scheme is ("http" or "https") ? url.AbsoluteUri : null;
    }

    /// <summary>The host for people to read, in ASCII so that no letter passes for another; the whole text when it is not an address.</summary>
    public static string HostOf(string address) =>
        Uri.TryCreate(address, UriKind.Absolute, out var url) && url.Host.Length > 0
            ? url.IsDefaultPort ? url.IdnHost : $"{url.IdnHost}:{url.Port}"
            : address;
}

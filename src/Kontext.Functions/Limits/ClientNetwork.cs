using System.Net;
using System.Net.Sockets;

namespace Kontext.Functions.Limits;

/// <summary>Where a request comes from, as far as that can be believed: one IPv4 address, or one IPv6 network of /64, which is what a single customer gets (RFC 6177).</summary>
internal static class ClientNetwork
{
    private const int NetworkBytes = 8;

    /// <summary>The network as text, for grouping and for people.</summary>
    public static string Of(HttpContext context, int trustedProxies) =>
        Grouped(Forwarded(context.Request.Headers["X-Forwarded-For"].ToString(), trustedProxies) ?? context.Connection.RemoteIpAddress);

    /// <summary>The address that the outermost trusted proxy was called from: each appends one, so it is counted from the end, and whatever the client wrote itself stands before it.
    /// Null when there are fewer entries: then the request did not come through all of the proxies.</summary>
    public static IPAddress? Forwarded(string header, int trustedProxies)
    {
        if (trustedProxies == 0)
            return null;
        var entries = header.Split(',', StringSplitOptions.TrimEntries);
        if (entries.Length < trustedProxies)
            return null;
        var entry = entries[^trustedProxies];
        // Azure's front end writes address:port.
        return IPAddress.TryParse(entry, out var address) ? address : IPEndPoint.TryParse(entry, out var endPoint) ? endPoint.Address : null;
    }

    /// <summary>Addresses that cannot be told apart by who owns them, as one.</summary>
    public static string Grouped(IPAddress? address)
    {
        if (address is null)
            return "unknown";
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return address.ToString();
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(NetworkBytes).Clear();
        return new IPAddress(bytes) + "/64";
    }
}

using System.Net;
using System.Net.Sockets;
using System.Text;
using Kontext.Functions.Observability;

namespace Kontext.Functions.Upstream;

/// <summary>Makes the HTTP clients that call addresses other people chose: no redirects, no cookies, no proxy, and no private address unless the installation allows it.
/// The check is made on the address that is connected to, so that neither DNS nor a rebinding in between leads elsewhere.</summary>
internal static class GuardedHttp
{
    /// <summary>A client without a total time-out of its own: callers bound each call with a token.</summary>
    public static HttpClient Create(bool allowPrivateAddresses) => Create(address => allowPrivateAddresses || IsPublic(address));

    /// <summary>The same, with a rule of one's own for the addresses that may be connected to.</summary>
    public static HttpClient Create(Func<IPAddress, bool> isAllowed) => new(new TraceContextHandler(Handler(isAllowed))) { Timeout = Timeout.InfiniteTimeSpan };

    /// <summary>What such a client sends through.</summary>
    public static SocketsHttpHandler Handler(Func<IPAddress, bool> isAllowed) => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        AutomaticDecompression = DecompressionMethods.None,
        ConnectTimeout = TimeSpan.FromSeconds(10),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        MaxConnectionsPerServer = 256,
        MaxResponseHeadersLength = 64,
        EnableMultipleHttp2Connections = true,
        // TraceContextHandler above this one sends trace context; nobody sends baggage.
        ActivityHeadersPropagator = null,
        RequestHeaderEncodingSelector = static (_, _) => Encoding.UTF8,
        ConnectCallback = (context, cancellationToken) => ConnectAsync(context.DnsEndPoint, isAllowed, cancellationToken),
    };

    /// <summary>Whether an address is one of the public internet (RFC 6890 and its IPv6 counterparts).</summary>
    public static bool IsPublic(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        if (IPAddress.IsLoopback(address))
            return false;
        if (address.AddressFamily == AddressFamily.InterNetworkV6)
        {
            // Only global unicast (2000::/3), without the ranges that carry or translate to IPv4 and documentation.
            Span<byte> bytes = stackalloc byte[16];
            address.TryWriteBytes(bytes, out _);
            return (bytes[0] & 0xe0) == 0x20
                && !(bytes[0] == 0x20 && bytes[1] == 0x02)
                && !(bytes[0] == 0x20 && bytes[1] == 0x01 && (bytes[2] == 0x00 || (bytes[2] == 0x0d && bytes[3] == 0xb8)));
        }
        Span<byte> v4 = stackalloc byte[4];
        address.TryWriteBytes(v4, out _);
        return v4 switch
        {
            [0 or 10 or 127 or >= 224, ..] => false,
            [100, >= 64 and <= 127, ..] => false,
            [169, 254, ..] => false,
            [172, >= 16 and <= 31, ..] => false,
            [192, 168, ..] or [192, 0, 0 or 2, _] or [192, 88, 99, _] => false,
            // Azure's own platform behind a public number: goal state and certificates of the machine.
            [168, 63, 129, 16] => false,
            [198, 18 or 19, ..] or [198, 51, 100, _] or [203, 0, 113, _] => false,
            _ => true,
        };
    }

    private static async ValueTask<Stream> ConnectAsync(DnsEndPoint endPoint, Func<IPAddress, bool> isAllowed, CancellationToken cancellationToken)
    {
        var addresses = IPAddress.TryParse(endPoint.Host, out var literal) ? [literal] : await Dns.GetHostAddressesAsync(endPoint.Host, cancellationToken);
        var allowed = addresses.Where(isAllowed).ToArray();
        if (allowed.Length == 0)
            throw new HttpRequestException(HttpRequestError.ConnectionError, "The address is not a public one.");
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, endPoint.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

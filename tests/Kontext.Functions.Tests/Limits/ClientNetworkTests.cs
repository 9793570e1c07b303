using System.Net;
using Kontext.Functions.Limits;
using Microsoft.AspNetCore.Http;

namespace Kontext.Functions.Tests.Limits;

/// <summary>Who is told apart from whom.</summary>
public sealed class ClientNetworkTests
{
    [Theory]
    [InlineData("203.0.113.7", "203.0.113.7")]
    [InlineData("::ffff:203.0.113.7", "203.0.113.7")]
    [InlineData("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64")]
    [InlineData("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64")]
    [InlineData("2001:db8:1:3::1", "2001:db8:1:3::/64")]
    public void An_IPv6_network_counts_as_one_address(string address, string network) => Assert.Equal(network, ClientNetwork.Grouped(IPAddress.Parse(address)));

    [Theory]
    [InlineData("203.0.113.7", 0, "192.0.2.1")]
    [InlineData("203.0.113.7", 1, "203.0.113.7")]
    [InlineData("203.0.113.7:50123", 1, "203.0.113.7")]
    [InlineData("[2001:db8::1]:443", 1, "2001:db8::/64")]
    [InlineData("2001:db8::1", 1, "2001:db8::/64")]
    [InlineData("1.1.1.1, 203.0.113.7", 1, "203.0.113.7")]
    [InlineData("1.1.1.1, 203.0.113.7, 10.0.0.1", 2, "203.0.113.7")]
    [InlineData("203.0.113.7", 2, "192.0.2.1")]
    [InlineData("unknown", 1, "192.0.2.1")]
    [InlineData("", 1, "192.0.2.1")]
    public void Only_what_trusted_proxies_wrote_is_believed(string header, int trustedProxies, string network)
    {
        var context = new DefaultHttpContext();
        context.Connection.RemoteIpAddress = IPAddress.Parse("192.0.2.1");
        context.Request.Headers["X-Forwarded-For"] = header;
        Assert.Equal(network, ClientNetwork.Of(context, trustedProxies));
    }

    [Fact]
    public void A_header_that_comes_in_several_lines_is_one_list()
    {
        var context = new DefaultHttpContext();
        context.Request.Headers["X-Forwarded-For"] = new(["1.1.1.1", "203.0.113.7"]);
        Assert.Equal("203.0.113.7", ClientNetwork.Of(context, 1));
    }
}

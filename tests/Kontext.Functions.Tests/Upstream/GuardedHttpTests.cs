using System.Net;
using Kontext.Functions.Upstream;

namespace Kontext.Functions.Tests.Upstream;

public sealed class GuardedHttpTests
{
    [Theory]
    [InlineData("8.8.8.8", true)]
    [InlineData("2606:4700::1111", true)]
    [InlineData("127.0.0.1", false)]
    [InlineData("10.1.2.3", false)]
    [InlineData("100.64.0.1", false)]
    [InlineData("169.254.169.254", false)]
    [InlineData("168.63.129.16", false)]
    [InlineData("168.63.129.17", true)]
    [InlineData("172.31.255.255", false)]
    [InlineData("192.168.1.1", false)]
    [InlineData("0.0.0.0", false)]
    [InlineData("::1", false)]
    [InlineData("::ffff:127.0.0.1", false)]
    [InlineData("fe80::1", false)]
    [InlineData("fd00::1", false)]
    [InlineData("2002:7f00:1::", false)]
    [InlineData("64:ff9b::7f00:1", false)]
    public void Only_addresses_of_the_public_internet_pass(string address, bool expected) =>
        Assert.Equal(expected, GuardedHttp.IsPublic(IPAddress.Parse(address)));

    [Fact]
    public async Task A_private_address_is_refused_when_connecting()
    {
        using var client = GuardedHttp.Create(allowPrivateAddresses: false);
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync(new Uri("http://localhost:9/")));
    }
}

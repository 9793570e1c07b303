using Kontext.Domain.OAuth;

namespace Kontext.Domain.Tests.OAuth;

public sealed class RedirectUriTests
{
    [Theory]
    [InlineData("https://agent.example/cb", "https://agent.example/cb", true)]
    [InlineData("https://agent.example/cb", "https://agent.example/cb/", false)]
    [InlineData("https://agent.example/cb", "https://agent.example/cb?x=1", false)]
    [InlineData("https://agent.example/cb", "https://AGENT.example/cb", false)]
    [InlineData("https://agent.example/cb", "https://agent.example:444/cb", false)]
    [InlineData("http://127.0.0.1/callback", "http://127.0.0.1:53123/callback", true)]
    [InlineData("http://127.0.0.1:8976/callback", "http://127.0.0.1:1/callback", true)]
    [InlineData("http://[::1]/callback", "http://[::1]:9/callback", true)]
    [InlineData("http://localhost:3333/callback", "http://localhost:3334/callback", true)]
    [InlineData("http://127.0.0.1/callback", "http://localhost:1/callback", false)]
    [InlineData("http://127.0.0.1/callback", "http://127.0.0.1:1/callback/../x", false)]
    [InlineData("http://127.0.0.1/callback", "http://127.0.0.1:1@evil.example/callback", false)]
    [InlineData("http://127.0.0.1/callback", "http://user@127.0.0.1:1/callback", false)]
    [InlineData("http://127.0.0.1/callback", "https://127.0.0.1:1/callback", false)]
    [InlineData("http://127.0.0.1/callback", "http://127.1:1/callback", false)]
    [InlineData("http://127.0.0.1/callback", "http://2130706433:1/callback", false)]
    [InlineData("http://127.0.0.1/callback", "http://127.0.0.1:1/callback\n", false)]
    [InlineData("http://127.0.0.1/callback", "http://127.0.0.1:1/callback#x", false)]
    [InlineData("http://127.0.0.1", "http://127.0.0.1:1", true)]
    [InlineData("http://127.0.0.1/callback", "http://127.0.0.1.evil.example/callback", false)]
    [InlineData("com.example.agent:/cb", "com.example.agent:/cb", true)]
    public void Matches_exactly_except_for_the_port_on_loopback(string registered, string presented, bool expected) =>
        Assert.Equal(expected, RedirectUri.Matches(registered, presented));

    [Theory]
    [InlineData("https://agent.example/cb", true)]
    [InlineData("http://localhost:3000/cb", true)]
    [InlineData("com.example.agent:/cb", true)]
    [InlineData("http://agent.example/cb", false)]
    [InlineData("https://agent.example/cb#fragment", false)]
    [InlineData("https://user:secret@agent.example/cb", false)]
    [InlineData("javascript:alert(1)", false)]
    [InlineData("data:text/html,x", false)]
    [InlineData("/cb", false)]
    [InlineData("", false)]
    public void Can_be_registered_when_it_is_https_loopback_or_a_private_use_scheme(string uri, bool expected) =>
        Assert.Equal(expected, RedirectUri.IsRegistrable(uri));

    [Fact]
    public void An_existing_query_is_kept() =>
        Assert.Equal("https://a.example/cb?x=1&code=a%20b", RedirectUri.With("https://a.example/cb?x=1", [new("code", "a b")]));
}

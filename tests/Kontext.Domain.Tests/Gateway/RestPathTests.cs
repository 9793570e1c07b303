using Kontext.Domain.Gateway;

namespace Kontext.Domain.Tests.Gateway;

public sealed class RestPathTests
{
    [Theory]
    [InlineData("", "", "/")]
    [InlineData("/", "/", "/")]
    [InlineData("/repos/acme", "/repos/acme", "/repos/acme")]
    [InlineData("/repos/acme/", "/repos/acme/", "/repos/acme")]
    [InlineData("/%72epos/%7euser", "/repos/~user", "/repos/~user")]
    [InlineData("/a%c3%bcb", "/a%C3%BCb", "/aüb")]
    [InlineData("/my%20file", "/my%20file", "/my file")]
    [InlineData("/@evil.example/x", "/@evil.example/x", "/@evil.example/x")]
    [InlineData("/v1:batch", "/v1:batch", "/v1:batch")]
    [InlineData("/a;v=1/b", "/a;v=1/b", "/a;v=1/b")]
    [InlineData("/100%25", "/100%25", "/100%")]
    [InlineData("/a%3Fb", "/a%3Fb", "/a?b")]
    [InlineData("/a{b}|c", "/a%7Bb%7D%7Cc", "/a{b}|c")]
    public void A_path_has_one_form_and_policy_sees_what_is_sent(string raw, string encoded, string text)
    {
        Assert.True(RestPath.Parse(raw).TryGet(out var path, out _));
        Assert.Equal((encoded, text), (path.Encoded, path.Text));
    }

    [Theory]
    [InlineData("/..")]
    [InlineData("/../admin")]
    [InlineData("/a/./b")]
    [InlineData("/a/%2e%2E/b")]
    [InlineData("/a/.%2e/b")]
    [InlineData("/a/..;x=1/b")]
    [InlineData("/a/..%3b/b")]
    [InlineData("/a%2fb")]
    [InlineData("/a%2Fb")]
    [InlineData("/a%5cb")]
    [InlineData("/a\\b")]
    [InlineData("/a%252fb")]
    [InlineData("/a%252e%252e/b")]
    [InlineData("//evil.example/x")]
    [InlineData("/a//b")]
    [InlineData("a/b")]
    [InlineData("@evil.example/x")]
    [InlineData("/a%")]
    [InlineData("/a%4")]
    [InlineData("/a%zz")]
    [InlineData("/a#b")]
    [InlineData("/a b")]
    [InlineData("/a%00")]
    [InlineData("/a%0d%0ab")]
    [InlineData("/a%ff")]
    [InlineData("/a%e2%80%ae")]
    public void What_servers_read_in_different_ways_is_refused(string raw)
    {
        Assert.False(RestPath.Parse(raw).TryGet(out _, out var failure));
        Assert.Equal(FailureCode.InvalidRequest, failure.Code);
    }
}

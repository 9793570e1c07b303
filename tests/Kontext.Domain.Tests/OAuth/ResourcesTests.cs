using Kontext.Domain.OAuth;

namespace Kontext.Domain.Tests.OAuth;

public sealed class ResourcesTests
{
    private readonly Resources resources = new("https://kontext.example");

    [Theory]
    [InlineData("https://kontext.example/mcp", "https://kontext.example/mcp")]
    [InlineData("https://kontext.example/mcp/", "https://kontext.example/mcp")]
    [InlineData("https://kontext.example/", "https://kontext.example/mcp")]
    [InlineData("mcp-gateway", "https://kontext.example/mcp")]
    [InlineData("https://kontext.example/mcp/github", "https://kontext.example/mcp/github")]
    [InlineData("https://kontext.example/api/v1", "https://kontext.example/api/v1")]
    [InlineData("https://kontext.example/mcp#x", null)]
    [InlineData("https://kontext.example/mcp/a/b", null)]
    [InlineData("https://kontext.example/mcp/a?b=c", null)]
    [InlineData("https://kontext.example.evil.example/mcp", null)]
    [InlineData("https://kontext.example/other", null)]
    [InlineData("mcp", null)]
    public void Only_resources_of_ours_have_a_canonical_form(string resource, string? expected) => Assert.Equal(expected, resources.Canonical(resource));

    [Fact]
    public void A_resource_can_be_one_integration_of_the_gateway() =>
        Assert.Equal("my tool", resources.IntegrationOf("https://kontext.example/mcp/my%20tool"));
}

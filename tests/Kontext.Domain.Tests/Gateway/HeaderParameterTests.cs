using System.Text.Json;
using Kontext.Domain.Gateway;

namespace Kontext.Domain.Tests.Gateway;

public sealed class HeaderParameterTests
{
    [Fact]
    public void Declared_arguments_are_found_at_any_depth_and_become_headers()
    {
        using var schema = JsonDocument.Parse("""{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},"page":{"type":"object","properties":{"size":{"type":"integer","x-mcp-header":"Size"},"all":{"type":"boolean","x-mcp-header":"All"}}}}}""");
        using var arguments = JsonDocument.Parse("""{"region":"Köln","page":{"size":7}}""");

        Assert.True(HeaderParameter.TryScan(schema.RootElement, out var found));

        Assert.Equal(
            [new("Mcp-Param-Region", "=?base64?S8O2bG4=?="), new("Mcp-Param-Size", "7")],
            HeaderParameter.Of(found, arguments.RootElement));
    }

    [Theory]
    [InlineData("""{"type":"string","x-mcp-header":"Root"}""")]
    [InlineData("""{"properties":{"a":{"type":"number","x-mcp-header":"A"}}}""")]
    [InlineData("""{"properties":{"a":{"type":"string","x-mcp-header":"A B"}}}""")]
    [InlineData("""{"properties":{"a":{"type":"string","x-mcp-header":""}}}""")]
    [InlineData("""{"properties":{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}}""")]
    [InlineData("""{"properties":{"a":{"type":"array","items":{"type":"string","x-mcp-header":"A"}}}}""")]
    [InlineData("""{"anyOf":[{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}]}""")]
    [InlineData("""{"$defs":{"a":{"type":"string","x-mcp-header":"A"}}}""")]
    public void A_declaration_that_breaks_the_rules_makes_the_tool_unusable(string text)
    {
        using var schema = JsonDocument.Parse(text);
        Assert.False(HeaderParameter.TryScan(schema.RootElement, out _));
    }

    [Theory]
    [InlineData("plain text", "plain text")]
    [InlineData(" padded", "=?base64?IHBhZGRlZA==?=")]
    [InlineData("=?base64?x?=", "=?base64?PT9iYXNlNjQ/eD89?=")]
    public void Values_survive_the_way_through_a_header(string value, string header)
    {
        Assert.Equal(header, HeaderText.Encode(value));
        Assert.Equal(value, HeaderText.Decode(header));
    }

    [Theory]
    [InlineData("=?base64?!!?=")]
    [InlineData("=?base64?/w==?=")]
    public void A_broken_encoding_is_no_value(string header) => Assert.Null(HeaderText.Decode(header));

    [Theory]
    [InlineData("""{"owner":"acme","repo":"frontend","path":"x"}""", "acme/frontend")]
    [InlineData("""{"repository":"acme/frontend"}""", "acme/frontend")]
    [InlineData("""{"channel":"#general"}""", "#general")]
    [InlineData("""{"path":7}""", null)]
    [InlineData("""{"text":"hello"}""", null)]
    public void The_target_is_guessed_from_common_arguments(string text, string? target)
    {
        using var arguments = JsonDocument.Parse(text);
        Assert.Equal(target, CallTarget.Of(arguments.RootElement));
    }
}

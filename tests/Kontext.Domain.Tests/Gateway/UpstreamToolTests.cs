using System.Text;
using System.Text.Json;
using Kontext.Domain.Gateway;

namespace Kontext.Domain.Tests.Gateway;

/// <summary>Which tools clients can read, and what they are told of them.</summary>
public sealed class UpstreamToolTests
{
    [Theory]
    [InlineData("""{"name":"t"}""")]
    [InlineData("""{"name":"t","inputSchema":null}""")]
    [InlineData("""{"name":"t","inputSchema":true}""")]
    [InlineData("""{"name":"t","inputSchema":{}}""")]
    [InlineData("""{"name":"t","inputSchema":{"type":"array"}}""")]
    [InlineData("""{"name":"t","inputSchema":{"type":["object"]}}""")]
    [InlineData("""{"name":"t","inputSchema":{"type":"object","properties":[]}}""")]
    [InlineData("""{"name":"t","inputSchema":{"type":"object","required":[1]}}""")]
    [InlineData("""{"name":"t","inputSchema":{"type":"object","properties":{"n":{"type":"number","x-mcp-header":"N"}}}}""")]
    [InlineData("""{"name":"t","inputSchema":{"type":"object"},"title":{}}""")]
    [InlineData("""{"name":"t","inputSchema":{"type":"object"},"description":["text"]}""")]
    [InlineData("""{"name":"t","inputSchema":{"type":"object"},"outputSchema":"object"}""")]
    [InlineData("""{"name":"t","inputSchema":{"type":"object"},"annotations":[]}""")]
    [InlineData("""{"name":"t","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":"yes"}}""")]
    [InlineData("""{"name":"t","inputSchema":{"type":"object"},"icons":[{"mimeType":"image/png"}]}""")]
    [InlineData("""{"name":"t","inputSchema":{"type":"object"},"execution":{"taskSupport":"maybe"}}""")]
    [InlineData("""{"name":"t","inputSchema":{"type":"object"},"_meta":1}""")]
    public void A_tool_that_is_not_as_MCP_demands_does_not_fit(string tool) => Assert.False(Read(tool)!.Fits);

    [Theory]
    [InlineData("""{"name":"t","inputSchema":{"type":"object"}}""")]
    [InlineData("""{"name":"t","inputSchema":{"type":"object","properties":{"a":{}},"required":["a"],"x-unknown":[1]},"title":"T","description":"D","annotations":{"title":"T","readOnlyHint":true,"more":1},"icons":[{"src":"data:,","sizes":["any"],"theme":"dark"}],"execution":{"taskSupport":"optional"},"_meta":{"a":1},"more":[]}""")]
    public void One_that_is_reaches_all_clients_as_it_is(string tool)
    {
        var read = Read(tool)!;
        Assert.True(read.Fits);
        Assert.Equal(tool, "{\"name\":\"t\"," + Encoding.UTF8.GetString(read.Told.Span) + "}");
        Assert.True(read.Told.Equals(read.ToldOlder!.Value));
    }

    [Fact]
    public void Members_that_say_nothing_are_not_told()
    {
        var read = Read("""{"name":"t","title":null,"inputSchema":{"type":"object"},"annotations":null,"outputSchema":null}""")!;
        Assert.True(read.Fits);
        Assert.Equal("""
            "inputSchema":{"type":"object"}
            """, Encoding.UTF8.GetString(read.Told.Span));
    }

    [Theory]
    [InlineData("""{"type":"array"}""")]
    [InlineData("""{"anyOf":[{"type":"object"}]}""")]
    [InlineData("""{"type":"object","properties":{"a":true}}""")]
    public void Clients_of_the_older_revisions_are_told_no_schema_of_results_that_they_do_not_know(string schema)
    {
        var read = Read($$"""{"name":"t","inputSchema":{"type":"object"},"outputSchema":{{schema}}}""")!;
        Assert.Equal($$"""
            "inputSchema":{"type":"object"},"outputSchema":{{schema}}
            """, Encoding.UTF8.GetString(read.Told.Span));
        Assert.Equal("""
            "inputSchema":{"type":"object"}
            """, Encoding.UTF8.GetString(read.ToldOlder!.Value.Span));
    }

    [Fact]
    public void A_schema_in_place_of_an_argument_that_only_the_newest_clients_know_is_for_those_alone()
    {
        var read = Read("""{"name":"t","inputSchema":{"type":"object","properties":{"a":true}}}""")!;
        Assert.True(read.Fits);
        Assert.Null(read.ToldOlder);
    }

    [Theory]
    [InlineData("""{"inputSchema":{"type":"object"}}""")]
    [InlineData("""{"name":"","inputSchema":{"type":"object"}}""")]
    [InlineData("""["t"]""")]
    public void Without_a_name_it_is_no_tool(string tool) => Assert.Null(Read(tool));

    private static UpstreamTool? Read(string tool)
    {
        using var document = JsonDocument.Parse(tool);
        return UpstreamTool.Read(document.RootElement);
    }
}

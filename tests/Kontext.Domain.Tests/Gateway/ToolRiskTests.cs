using Kontext.Domain.Gateway;

namespace Kontext.Domain.Tests.Gateway;

public sealed class ToolRiskTests
{
    [Theory]
    [InlineData("list_issues", ToolRisk.Reads)]
    [InlineData("getIssue", ToolRisk.Reads)]
    [InlineData("get_merge_request", ToolRisk.Reads)]
    [InlineData("create_issue", ToolRisk.Writes)]
    [InlineData("create_merge_request", ToolRisk.Writes)]
    [InlineData("frobnicate", ToolRisk.Writes)]
    [InlineData("delete_repo", ToolRisk.Destroys)]
    [InlineData("merge_pull_request", ToolRisk.Destroys)]
    [InlineData("items.bulkDelete", ToolRisk.Destroys)]
    [InlineData("get_and_delete", ToolRisk.Destroys)]
    public void A_name_says_what_a_tool_does_to_what_is_there(string name, ToolRisk risk) =>
        Assert.Equal(risk, ToolRisks.Of(name, definition: null));

    [Theory]
    [InlineData("frobnicate", """{"annotations":{"readOnlyHint":true}}""", ToolRisk.Reads)]
    [InlineData("frobnicate", """{"annotations":{"readOnlyHint":false,"destructiveHint":false}}""", ToolRisk.Writes)]
    [InlineData("frobnicate", """{"annotations":{"readOnlyHint":false}}""", ToolRisk.Destroys)]
    [InlineData("list_issues", """{"annotations":{"destructiveHint":true}}""", ToolRisk.Destroys)]
    [InlineData("list_issues", """{"annotations":{"title":"Issues"}}""", ToolRisk.Reads)]
    [InlineData("list_issues", """{"annotations":"none"}""", ToolRisk.Reads)]
    public void The_servers_hints_come_before_the_name(string name, string definition, ToolRisk risk) =>
        Assert.Equal(risk, ToolRisks.Of(name, definition));

    [Fact]
    public void No_hint_makes_a_tool_harmless_whose_name_says_that_it_destroys() =>
        Assert.Equal(ToolRisk.Destroys, ToolRisks.Of("delete_repo", """{"annotations":{"readOnlyHint":true,"destructiveHint":false}}"""));
}

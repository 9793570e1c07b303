using FsCheck;
using FsCheck.Fluent;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;

namespace Kontext.Domain.Tests.Gateway;

public sealed class ToolIdTests
{
    [Theory]
    [InlineData("github", "github")]
    [InlineData("google-calendar", "google-calendar")]
    [InlineData("My Slack", "My-Slack")]
    [InlineData("a__b", "a_-b")]
    [InlineData("trailing_", "trailing-")]
    [InlineData("größe", "gr--e")]
    public void An_integration_name_becomes_a_handle_of_allowed_characters(string name, string handle) =>
        Assert.Equal(handle, ToolId.HandleOf(name));

    [Fact]
    public void Any_names_give_an_allowed_flat_name_whose_boundary_is_the_first_separator() =>
        Check.QuickThrowOnFailure(Prop.ForAll((NonEmptyString integration, NonEmptyString tool) =>
        {
            var handle = ToolId.HandleOf(integration.Get);
            var flat = ToolId.Format(handle, tool.Get);
            return flat.Length is >= 1 and <= 128
                && flat.All(character => char.IsAsciiLetterOrDigit(character) || character is '_' or '.' or '-')
                && flat.IndexOf(ToolId.Separator, StringComparison.Ordinal) == handle.Length;
        }));

    [Fact]
    public void Tools_that_differ_only_in_characters_that_are_not_allowed_stay_two()
    {
        Assert.NotEqual(ToolId.Format("x", "a/b"), ToolId.Format("x", "a-b"));
        Assert.NotEqual(ToolId.Format("x", "a/b"), ToolId.Format("x", "a?b"));
        Assert.NotEqual(ToolId.Format("x", new string('a', 200)), ToolId.Format("x", new string('a', 201)));
        Assert.True(ToolId.MayBeMarked(ToolId.Format("x", "a/b")[3..]));
        Assert.False(ToolId.MayBeMarked("list_issues"));
    }

    [Fact]
    public void Integrations_that_come_to_the_same_handle_are_told_apart_and_the_exact_one_keeps_it()
    {
        var plain = Named("my-slack");
        var spaced = Named("my slack");
        var handles = new IntegrationHandles([spaced, plain]);

        Assert.Equal("my-slack", handles.HandleOf(plain));
        Assert.True(handles.TryResolve(ToolId.Format(handles.HandleOf(spaced), "post"), out var found, out var tool));
        Assert.Equal((spaced.Id, "post"), (found.Id, tool));
        Assert.Equal(handles.HandleOf(spaced), new IntegrationHandles([plain, spaced]).HandleOf(spaced));
    }

    [Theory]
    [InlineData("github__list_issues", "github", "list_issues")]
    [InlineData("GitHub:list_issues", "github", "list_issues")]
    [InlineData("github___x", "github", "_x")]
    [InlineData("github__a__b", "github", "a__b")]
    [InlineData("a:b:c", "a:b", "c")]
    [InlineData("a:d", "a", "d")]
    public void Ids_in_both_spellings_are_taken_apart(string id, string integration, string tool)
    {
        var handles = new IntegrationHandles([Named("github"), Named("a"), Named("a:b")]);
        Assert.True(handles.TryResolve(id, out var found, out var operation));
        Assert.Equal((integration, tool), (found.Name, operation));
    }

    [Theory]
    [InlineData("")]
    [InlineData("github")]
    [InlineData("github__")]
    [InlineData("github:")]
    [InlineData("__tool")]
    [InlineData("slack__post")]
    public void Anything_else_is_no_tool_of_this_agent(string id) =>
        Assert.False(new IntegrationHandles([Named("github")]).TryResolve(id, out _, out _));

    private static Integration Named(string name) => new()
    {
        Id = Ids.Named<IntegrationId>(name), Name = name, Url = "https://example.com/mcp", CreatedAt = DateTimeOffset.UnixEpoch, UpdatedAt = DateTimeOffset.UnixEpoch,
    };
}

using Kontext.Domain;

namespace Kontext.Domain.Tests;

public sealed class IdsTests
{
    [Fact]
    public void An_application_id_is_understood_with_and_without_its_client_prefix()
    {
        var id = AppId.From(Guid.Parse("a4fb6d20-e937-450f-aa19-db585405aa92"));
        Assert.Equal("app_a4fb6d20-e937-450f-aa19-db585405aa92", id.ClientId);
        Assert.Equal(id, AppId.Parse(id.ClientId, null));
        Assert.Equal(id, AppId.Parse(id.ToString(), null));
    }

    [Theory]
    [InlineData("")]
    [InlineData("app_")]
    [InlineData("sa_a4fb6d20-e937-450f-aa19-db585405aa92")]
    [InlineData("{a4fb6d20-e937-450f-aa19-db585405aa92}")]
    public void Anything_else_is_no_application_id(string text) => Assert.False(AppId.TryParse(text, null, out _));

    [Fact]
    public void The_same_name_gives_the_same_id() =>
        Assert.Equal(Ids.Named<UserId>("org\nissuer\nalice"), Ids.Named<UserId>("org\nissuer\nalice"));
}

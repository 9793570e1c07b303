namespace Kontext.Domain.Tests;

public sealed class OrgHandleTests
{
    private readonly OrgId org = new(Guid.Parse("0198c5a0-0000-7000-8000-000000000001"));

    [Fact]
    public void A_handle_names_its_organization()
    {
        Assert.True(OrgHandle.TryRead(OrgHandle.New(org, "kac"), "kac", out var read));
        Assert.Equal(org, read);
    }

    [Fact]
    public void A_handle_of_another_kind_is_none() => Assert.False(OrgHandle.TryRead(OrgHandle.New(org, "kac"), "kbs", out _));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("kac_x.y")]
    [InlineData("kac_0198c5a0-0000-7000-8000-000000000001.abcdefghijkl")]
    public void Anything_else_is_none(string? handle) => Assert.False(OrgHandle.TryRead(handle, "kac", out _));
}

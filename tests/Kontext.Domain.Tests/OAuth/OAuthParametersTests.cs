using Kontext.Domain.OAuth;

namespace Kontext.Domain.Tests.OAuth;

public sealed class OAuthParametersTests
{
    [Fact]
    public void An_empty_parameter_counts_as_absent() => Assert.Null(new OAuthParameters([new("scope", "")])["scope"]);

    [Fact]
    public void A_repeated_parameter_is_refused_by_name()
    {
        var repeated = new OAuthParameters([new("state", "a"), new("state", "b")]).Repeated;
        Assert.Equal(FailureCode.InvalidRequest, repeated?.Code);
        Assert.Contains("state", repeated?.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Resource_may_be_repeated()
    {
        var parameters = new OAuthParameters([new("resource", "a"), new("resource", "b")]);
        Assert.Null(parameters.Repeated);
        Assert.Equal(["a", "b"], parameters.All("resource"));
    }

    [Fact]
    public void A_hostile_name_is_not_echoed() =>
        Assert.DoesNotContain("<script>", new OAuthParameters([new("<script>", "a"), new("<script>", "b")]).Repeated!.Message, StringComparison.Ordinal);
}

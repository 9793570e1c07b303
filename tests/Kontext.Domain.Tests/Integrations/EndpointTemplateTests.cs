using Kontext.Domain.Integrations;

namespace Kontext.Domain.Tests.Integrations;

public sealed class EndpointTemplateTests
{
    [Theory]
    [InlineData("https://provider.test/token")]
    [InlineData("https://provider.test/token?type=refresh")]
    [InlineData("https://{shop}.shops.test/oauth/token")]
    [InlineData("https://login.test/{tenant}/token")]
    [InlineData("https://api.test/applications/{client_id}/token")]
    public void An_address_with_places_in_their_places_is_read(string text)
    {
        Assert.True(EndpointTemplate.TryParse(text, out var template));
        Assert.Equal(text, template.Text);
    }

    [Theory]
    [InlineData("provider.test/token")]
    [InlineData("https://provider.test/token\n")]
    [InlineData("ftp://provider.test/token")]
    [InlineData("https://{host}/token")]
    [InlineData("https://{host}.test/token")]
    [InlineData("https://{client_id}.shops.test/token")]
    [InlineData("https://api.{shop}.shops.test/token")]
    [InlineData("https://{a}{b}.shops.test/token")]
    [InlineData("https://shops.test:{port}/token")]
    [InlineData("https://{user}@shops.test/token")]
    [InlineData("https://shops.test/token-{shop}")]
    [InlineData("https://shops.test/token?shop={shop}")]
    [InlineData("https://shops.test/token#{shop}")]
    [InlineData("https://shops.test/{shop/token")]
    [InlineData("https://shops.test/shop}/token")]
    [InlineData("https://shops.test/{}/token")]
    [InlineData("https://shops.test/{SHOP}/token")]
    public void A_place_where_a_value_could_lead_elsewhere_is_refused(string text) => Assert.False(EndpointTemplate.TryParse(text, out _));

    [Theory]
    [InlineData("acme")]
    [InlineData("Acme-2")]
    [InlineData("acme.my")]
    [InlineData("acme--uat.sandbox.my")]
    public void A_name_is_filled_in(string value)
    {
        Assert.Equal($"https://{value.ToLowerInvariant()}.shops.test/x", Resolve("https://{shop}.shops.test/x", value)?.AbsoluteUri);
        Assert.Equal($"https://shops.test/{value}/x", Resolve("https://shops.test/{shop}/x", value)?.AbsoluteUri);
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("acme.")]
    [InlineData(".acme")]
    [InlineData("a..b")]
    [InlineData("-acme")]
    [InlineData("acme-")]
    [InlineData("evil.test/")]
    [InlineData("evil.test#")]
    [InlineData("evil.test?")]
    [InlineData("evil.test:443")]
    [InlineData("evil.test\\")]
    [InlineData("user@evil.test")]
    [InlineData("evil%2etest")]
    [InlineData("a b")]
    [InlineData("a\nb")]
    [InlineData("{client_id}")]
    [InlineData("аcme")]
    [InlineData("acme。evil")]
    public void A_value_that_could_lead_elsewhere_is_never_filled_in(string value)
    {
        Assert.False(new CatalogParameter("shop", "The shop.", "acme", Dots: true).Accepts(value));
        Assert.Null(Resolve("https://{shop}.shops.test/x", value));
        Assert.Null(Resolve("https://shops.test/{shop}/x", value));
    }

    [Fact]
    public void A_value_too_long_for_a_host_is_refused()
    {
        var parameter = new CatalogParameter("shop", "The shop.", "acme", Dots: true);
        Assert.True(parameter.Accepts(new string('a', 63)));
        Assert.False(parameter.Accepts(new string('a', 64)));
        Assert.False(parameter.Accepts(string.Join('.', Enumerable.Repeat(new string('a', 60), 3))));
    }

    [Fact]
    public void Dots_are_taken_only_where_the_provider_has_them() => Assert.False(new CatalogParameter("shop", "The shop.", "acme").Accepts("acme.my"));

    [Fact]
    public void A_missing_value_leaves_no_address()
    {
        Assert.True(EndpointTemplate.TryParse("https://{shop}.shops.test/x", out var template));
        Assert.Null(template.Resolve(new Dictionary<string, string>(), "client"));
    }

    [Theory]
    [InlineData("Iv1.abc", "https://api.test/Iv1.abc/token")]
    [InlineData("a/../b?c", "https://api.test/a%2F..%2Fb%3Fc/token")]
    [InlineData("..", null)]
    public void The_client_id_stays_in_its_segment(string clientId, string? expected)
    {
        Assert.True(EndpointTemplate.TryParse("https://api.test/{client_id}/token", out var template));
        Assert.Equal(expected, template.Resolve(new Dictionary<string, string>(), clientId)?.AbsoluteUri);
    }

    private static Uri? Resolve(string template, string value)
    {
        Assert.True(EndpointTemplate.TryParse(template, out var parsed));
        return parsed.Resolve(new Dictionary<string, string> { ["shop"] = value }, "client");
    }
}

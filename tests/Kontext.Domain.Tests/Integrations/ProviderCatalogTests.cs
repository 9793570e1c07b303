using System.Text;
using System.Text.Json.Nodes;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;

namespace Kontext.Domain.Tests.Integrations;

public sealed class ProviderCatalogTests
{
    private static readonly ProviderCatalog Catalog = ProviderCatalog.Load();

    private static readonly string[] Secretive = ["token", "secret", "key", "password", "code", "access_token", "client_secret", "refresh_token"];

    public static TheoryData<string> Keys => [.. Catalog.All.Select(provider => provider.Key)];

    [Fact]
    public void The_catalog_knows_these_providers() => Assert.Superset(
        new HashSet<string>
        {
            "airtable", "asana", "atlassian", "bitbucket", "box", "discord", "dropbox", "figma", "github", "gitlab", "google", "google-calendar", "google-drive", "google-gmail",
            "hubspot", "intercom", "linear", "microsoft-365", "notion", "salesforce", "sentry", "shopify", "slack", "stripe", "zendesk", "zoom",
        },
        Catalog.All.Select(provider => provider.Key).ToHashSet());

    [Fact]
    public void There_are_more_than_seventy() => Assert.InRange(Catalog.All.Count(), 70, int.MaxValue);

    [Theory]
    [MemberData(nameof(Keys))]
    public void Every_entry_is_complete_and_consistent(string key)
    {
        var provider = Find(key);
        Assert.True(provider.Issuer is not null || (provider.AuthorizationEndpoint is not null && provider.TokenEndpoint is not null));
        Assert.Equal("https", provider.Documentation.Scheme);
        Assert.Equal(provider.Scopes.Length, provider.Scopes.DistinctBy(scope => scope.Name).Count());
        Assert.All(provider.Scopes, scope => Assert.InRange(scope.Explanation.Length, 2, 120));
        Assert.All(provider.DefaultScopes, scope => Assert.Contains(provider.Scopes, known => known.Name == scope));
        Assert.True(provider.OfflineScope is null || provider.Scopes.Any(known => known.Name == provider.OfflineScope));
        Assert.All(provider.ScopeAliases.Values, scope => Assert.Contains(provider.Scopes, known => known.Name == scope));
        Assert.DoesNotContain(provider.Scopes, scope => scope.Name.Contains(provider.ScopeSeparator, StringComparison.Ordinal));
        Assert.False(provider.Account is { Paths.IsDefaultOrEmpty: true });
        if (provider.Account?.Body is { } body)
            Assert.Null(Record.Exception(() => JsonNode.Parse(body)));
        Assert.True(provider.PlatformApp is null || Catalog.TryFind(provider.PlatformApp, out _));
    }

    [Theory]
    [MemberData(nameof(Keys))]
    public void Every_address_is_https_and_carries_no_secret(string key) => Assert.All(AddressesOf(Find(key)), address =>
    {
        Assert.StartsWith("https://", address.Text, StringComparison.Ordinal);
        var query = System.Web.HttpUtility.ParseQueryString(address.Text.Contains('?') ? address.Text[(address.Text.IndexOf('?') + 1)..] : "");
        Assert.Empty(query.AllKeys.Intersect(Secretive, StringComparer.OrdinalIgnoreCase));
    });

    [Theory]
    [MemberData(nameof(Keys))]
    public void Every_place_in_an_address_is_a_declared_parameter_and_every_parameter_has_a_place(string key)
    {
        var provider = Find(key);
        var places = AddressesOf(provider).SelectMany(address => address.Places).Where(place => place != EndpointTemplate.ClientIdPlace).ToHashSet();
        Assert.Equal(places.Order(), provider.Parameters.Select(parameter => parameter.Name).Order());
        Assert.All(provider.Parameters, parameter => Assert.True(parameter.Accepts(parameter.Example), parameter.Example));
        Assert.All(provider.Parameters, parameter => Assert.True(parameter.Default is null || parameter.Accepts(parameter.Default)));
    }

    [Fact]
    public void Keys_and_aliases_are_unique()
    {
        var names = Catalog.All.SelectMany(provider => provider.Aliases.Append(provider.Key)).ToList();
        Assert.Equal(names.Count, names.Distinct(StringComparer.OrdinalIgnoreCase).Count());
    }

    [Theory]
    [InlineData("GitHub", "github")]
    [InlineData("google-workspace", "google")]
    [InlineData("gmail", "google-gmail")]
    [InlineData("google_calendar", "google-calendar")]
    [InlineData("google_drive", "google-drive")]
    [InlineData("jira", "atlassian-jira")]
    public void An_entry_is_found_by_key_and_alias_in_any_case(string name, string key) => Assert.Equal(key, Find(name).Key);

    [Theory]
    [InlineData("github", "github")]
    [InlineData("microsoft-365", "microsoft_365")]
    [InlineData("google-gmail", "google")]
    [InlineData("microsoft-teams", "microsoft_365")]
    public void Settings_have_names_that_app_settings_on_Linux_may_have(string key, string settings) => Assert.Equal(settings, Find(key).SettingsKey);

    [Fact]
    public void What_a_file_leaves_out_has_its_documented_default()
    {
        var provider = Read("""{"$schema":"./provider.schema.json","key":"x","name":"X","description":"X.","documentation":"https://x.test/"}""")!;
        Assert.True(provider.Pkce);
        Assert.Equal("S256", provider.PkceMethod);
        Assert.True(provider.RevokesSingly);
        Assert.Equal(" ", provider.ScopeSeparator);
        Assert.Equal("scope", provider.ScopeParameter);
        Assert.Equal(ClientAuthentication.Basic, provider.ClientAuthentication);
        Assert.Equal(TokenRequestFormat.Form, provider.TokenRequestFormat);
        Assert.Null(provider.Revocation);
        Assert.Empty(provider.DefaultScopes);
        Assert.Empty(provider.Parameters);
        Assert.Empty(provider.Aliases);
        Assert.Empty(provider.AuthorizeParameters);
        Assert.Empty(provider.CodeParameters);
        var style = Read("""{"key":"x","name":"X","description":"X.","documentation":"https://x.test/","revocation":{"tokenName":"t"}}""")!.Revocation!;
        Assert.Equal(RevocationStyle.Standard with { TokenName = "t" }, style);
        Assert.Equal(new RevocationStyle(), Read("""{"key":"x","name":"X","description":"X.","documentation":"https://x.test/","revocation":{}}""")!.Revocation);
    }

    [Theory]
    [InlineData("""{"key":"x","name":"X","description":"X.","documentation":"https://x.test/","tokenEndpiont":"https://x.test/"}""")]
    [InlineData("""{"key":"x","name":"X","description":"X.","documentation":"https://x.test/","tokenEndpoint":"https://{host}/"}""")]
    [InlineData("""{"key":"x","name":"X","description":"X.","documentation":"https://x.test/","clientAuthentication":"jwt"}""")]
    public void A_misspelt_member_or_value_is_an_error(string entry) => Assert.Throws<System.Text.Json.JsonException>(() => Read(entry));

    private static CatalogProvider Find(string key) =>
        Catalog.TryFind(key, out var provider) ? provider : throw new Xunit.Sdk.XunitException($"{key} is not in the catalog.");

    private static IEnumerable<EndpointTemplate> AddressesOf(CatalogProvider provider) => new[]
    {
        provider.Issuer, provider.AuthorizationEndpoint, provider.TokenEndpoint, provider.RefreshEndpoint, provider.RevocationEndpoint, provider.McpEndpoint, provider.Account?.Url,
    }.OfType<EndpointTemplate>();

    private static CatalogProvider? Read(string json) => ProviderCatalog.Read(new MemoryStream(Encoding.UTF8.GetBytes(json)));
}

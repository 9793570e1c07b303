using System.Text;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;

namespace Kontext.Domain.Tests.Integrations;

public sealed class ProviderCatalogTests
{
    private static readonly ProviderCatalog Catalog = ProviderCatalog.Load();

    public static TheoryData<string> Keys => [.. Catalog.All.Select(provider => provider.Key)];

    [Fact]
    public void The_catalog_knows_these_providers() =>
        Assert.Superset(new HashSet<string> { "github", "google", "slack", "linear", "notion", "atlassian", "figma", "gitlab" }, Catalog.All.Select(provider => provider.Key).ToHashSet());

    [Theory]
    [MemberData(nameof(Keys))]
    public void Every_entry_is_complete_and_consistent(string key)
    {
        Assert.True(Catalog.TryFind(key.ToUpperInvariant(), out var provider));
        Assert.Matches("^[a-z0-9-]+$", provider.Key);
        Assert.NotEmpty(provider.Name);
        Assert.EndsWith(".", provider.Description, StringComparison.Ordinal);
        Assert.True(provider.Issuer is not null || (provider.AuthorizationEndpoint is not null && provider.TokenEndpoint is not null));
        foreach (var address in new[] { provider.Documentation, provider.AuthorizationEndpoint, provider.TokenEndpoint, provider.RefreshEndpoint, provider.RevocationEndpoint, provider.McpEndpoint, provider.Account?.Url })
            Assert.True(address is null || (address.IsAbsoluteUri && address.Scheme == "https"), address?.ToString());
        Assert.Equal(provider.Scopes.Length, provider.Scopes.DistinctBy(scope => scope.Name).Count());
        Assert.All(provider.Scopes, scope => Assert.EndsWith(".", scope.Explanation, StringComparison.Ordinal));
        Assert.All(provider.DefaultScopes, scope => Assert.Contains(provider.Scopes, known => known.Name == scope));
        Assert.False(provider.Account is { Paths.IsDefaultOrEmpty: true });
    }

    [Fact]
    public void What_a_file_leaves_out_has_its_documented_default()
    {
        var provider = Read("""{"key":"x","name":"X","description":"X.","documentation":"https://x.test/"}""")!;
        Assert.True(provider.Pkce);
        Assert.True(provider.RevokesSingly);
        Assert.Equal(" ", provider.ScopeSeparator);
        Assert.Equal("scope", provider.ScopeParameter);
        Assert.Equal(ClientAuthentication.Basic, provider.ClientAuthentication);
        Assert.Empty(provider.DefaultScopes);
        Assert.Empty(provider.AuthorizeParameters);
    }

    [Fact]
    public void A_misspelt_member_is_an_error() =>
        Assert.Throws<System.Text.Json.JsonException>(() => Read("""{"key":"x","name":"X","description":"X.","documentation":"https://x.test/","tokenEndpiont":"https://x.test/"}"""));

    private static CatalogProvider? Read(string json) => ProviderCatalog.Read(new MemoryStream(Encoding.UTF8.GetBytes(json)));
}

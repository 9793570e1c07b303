using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;
using Kontext.Testing.Connections;

namespace Kontext.Domain.Tests.Vault;

public sealed class ProviderDirectoryTests
{
    private readonly ConnectionWorld world;

    public ProviderDirectoryTests()
    {
        var clock = new Testing.ManualTime(ConnectionWorld.Noon);
        world = new ConnectionWorld(new ScriptedProvider(clock), clock);
    }

    [Fact]
    public async Task A_catalog_provider_needs_nothing_but_the_platforms_app()
    {
        world.PlatformApps["github"] = ("platform-id", new Secret("platform-secret"));
        var app = Found(await ResolveAsync(new IntegrationOAuth { Provider = "github" }));
        Assert.Equal("https://github.com/login/oauth/access_token", app.TokenEndpoint.AbsoluteUri);
        Assert.Equal("platform-id", app.ClientId);
        Assert.Equal(ClientAuthentication.Post, app.Authentication);
        Assert.Equal(["repo", "read:user"], app.Scopes);
    }

    [Fact]
    public async Task The_integrations_own_app_goes_before_the_platforms()
    {
        world.PlatformApps["github"] = ("platform-id", new Secret("platform-secret"));
        var version = await world.Vault.PutAsync(world.Org, CredentialName.ClientSecret(world.Integration.Id), new Secret("own-secret"), default);
        var app = Found(await ResolveAsync(new IntegrationOAuth { Provider = "github", ClientId = "own-id", ClientSecretVersion = version, Scopes = ["gist"] }));
        Assert.Equal("own-id", app.ClientId);
        Assert.Equal("own-secret", app.ClientSecret!.Reveal());
        Assert.Equal(["gist"], app.Scopes);
    }

    [Fact]
    public async Task A_missing_app_is_said_with_the_name_of_the_setting()
    {
        Assert.Contains("Providers__github__ClientId", Missing(await ResolveAsync(new IntegrationOAuth { Provider = "github" })), StringComparison.Ordinal);
        world.PlatformApps["github"] = ("platform-id", null);
        Assert.Contains("Providers__github__ClientSecret", Missing(await ResolveAsync(new IntegrationOAuth { Provider = "github" })), StringComparison.Ordinal);
        Assert.Contains("oauth.clientSecret", Missing(await ResolveAsync(new IntegrationOAuth { Provider = "github", ClientId = "own-id" })), StringComparison.Ordinal);
        Assert.Contains("oauth.clientId", Missing(await ResolveAsync(new IntegrationOAuth { Issuer = "https://id.test" })), StringComparison.Ordinal);
        Assert.Contains("nonesuch", Missing(await ResolveAsync(new IntegrationOAuth { Provider = "nonesuch" })), StringComparison.Ordinal);
        Assert.Contains("oauth.authorizationUrl", Missing(await ResolveAsync(new IntegrationOAuth { ClientId = "x" })), StringComparison.Ordinal);
        world.Integration = world.Integration with { OAuth = null };
        Assert.Contains("oauth.provider", Missing(await world.NewInstance().Directory.ResolveAsync(world.Org, world.Integration, default)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explicit_addresses_go_before_the_catalog_and_take_none_of_its_other_endpoints()
    {
        world.PlatformApps["google"] = ("id", new Secret("secret"));
        var app = Found(await ResolveAsync(new IntegrationOAuth { Provider = "google", AuthorizationUrl = "https://own.test/authorize", TokenUrl = "https://own.test/token" }));
        Assert.Equal("own.test", app.TokenEndpoint.Host);
        Assert.Equal("own.test", app.RefreshEndpoint.Host);
        Assert.Null(app.RevocationEndpoint);
        Assert.Null(app.Account);
        Assert.Equal("offline", app.AuthorizeParameters["access_type"]);
    }

    [Fact]
    public async Task A_discovered_issuer_gets_the_resource_named_that_the_token_is_for()
    {
        world.Integration = world.Integration with { Category = IntegrationCategory.GatewayRemoteMcp };
        var app = Found(await ResolveAsync(new IntegrationOAuth { Issuer = "https://id.test", ClientId = "x" }));
        Assert.Equal("https://id.test", app.Issuer);
        Assert.True(app.SendsIssuer);
        Assert.Equal(world.Integration.Url, app.Resource);
        Assert.Equal(ClientAuthentication.None, app.Authentication);
    }

    [Fact]
    public async Task Parameters_are_filled_into_every_address()
    {
        world.UseProvider(Shop, ("shop", "acme"));
        var app = Found(await world.NewInstance().Directory.ResolveAsync(world.Org, world.Integration, default));
        Assert.Equal("https://acme.shops.test/authorize", app.AuthorizationEndpoint.AbsoluteUri);
        Assert.Equal("https://acme.shops.test/token", app.TokenEndpoint.AbsoluteUri);
        Assert.Equal("https://acme.shops.test/refresh", app.RefreshEndpoint.AbsoluteUri);
        Assert.Equal("https://api.shops.test/our-client/revoke", app.RevocationEndpoint?.AbsoluteUri);
        Assert.Equal("https://api.shops.test/eu/me", app.Account?.Url.AbsoluteUri);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("evil.test/")]
    [InlineData("two.labels")]
    public async Task A_missing_or_harmful_parameter_stops_the_flow_and_is_named(string? shop)
    {
        world.UseProvider(Shop, shop is null ? [] : [("shop", shop)]);
        var message = Missing(await world.NewInstance().Directory.ResolveAsync(world.Org, world.Integration, default));
        Assert.Contains("oauth.parameters.shop", message, StringComparison.Ordinal);
        Assert.Contains("The shop's name.", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explicit_addresses_need_no_parameters()
    {
        world.UseProvider(Shop);
        world.Integration = world.Integration with { OAuth = world.Integration.OAuth! with { AuthorizationUrl = "https://own.test/authorize", TokenUrl = "https://own.test/token" } };
        Assert.Null(Found(await world.NewInstance().Directory.ResolveAsync(world.Org, world.Integration, default)).RevocationEndpoint);
    }

    [Fact]
    public async Task A_product_uses_the_app_of_its_suite_and_is_said_so_when_it_is_missing()
    {
        Assert.Contains("Providers__google__ClientId", Missing(await ResolveAsync(new IntegrationOAuth { Provider = "gmail" })), StringComparison.Ordinal);
        Assert.Contains("Providers__microsoft_365__ClientId", Missing(await ResolveAsync(new IntegrationOAuth { Provider = "microsoft-teams" })), StringComparison.Ordinal);
        world.PlatformApps["google"] = ("google-id", new Secret("google-secret"));
        Assert.Equal("google-id", Found(await ResolveAsync(new IntegrationOAuth { Provider = "gmail" })).ClientId);
    }

    private const string Shop = """
        {
          "key": "shop", "name": "Shop", "description": "Shops.", "documentation": "https://shops.test/docs",
          "parameters": [
            { "name": "shop", "description": "The shop's name.", "example": "acme" },
            { "name": "region", "description": "Where it is.", "example": "us", "default": "eu" }
          ],
          "authorizationEndpoint": "https://{shop}.shops.test/authorize", "tokenEndpoint": "https://{shop}.shops.test/token",
          "refreshEndpoint": "https://{shop}.shops.test/refresh", "revocationEndpoint": "https://api.shops.test/{client_id}/revoke",
          "account": { "url": "https://api.shops.test/{region}/me", "paths": ["name"] }
        }
        """;

    private Task<Result<ProviderApp>> ResolveAsync(IntegrationOAuth oauth) =>
        world.NewInstance().Directory.ResolveAsync(world.Org, world.Integration = world.Integration with { OAuth = oauth }, default);

    private static ProviderApp Found(Result<ProviderApp> result) =>
        result.TryGet(out var app, out var failure) ? app : throw new Xunit.Sdk.XunitException(failure.ToString());

    private static string Missing(Result<ProviderApp> result)
    {
        Assert.False(result.TryGet(out _, out var failure));
        Assert.Equal(FailureCode.Misconfigured, failure.Code);
        return failure.Message;
    }
}

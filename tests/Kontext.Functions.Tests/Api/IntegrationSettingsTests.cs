using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;
using Kontext.Functions.Api;
using Kontext.Testing;
using Kontext.Testing.Connections;

namespace Kontext.Functions.Tests.Api;

/// <summary>What becomes of connections when an integration's OAuth settings change.</summary>
public sealed class IntegrationSettingsTests
{
    private readonly ConnectionWorld world = new(new ScriptedProvider(TimeProvider.System), new ManualTime(ConnectionWorld.Noon));

    [Fact]
    public async Task Tokens_of_one_shop_are_void_once_the_integration_belongs_to_another()
    {
        var first = await ApplyAsync(world.Integration with { OAuth = null }, new IntegrationOAuthInput { Provider = "shopify", Parameters = Shop("acme") });
        Assert.Equal(0, first.ConnectionEpoch);
        var same = await ApplyAsync(first, new IntegrationOAuthInput { Parameters = Shop("acme"), Scopes = ["read_orders"] });
        Assert.Equal(0, same.ConnectionEpoch);
        var other = await ApplyAsync(same, new IntegrationOAuthInput { Parameters = Shop("other") });
        Assert.Equal(1, other.ConnectionEpoch);
        var elsewhere = await ApplyAsync(other, new IntegrationOAuthInput { Provider = "github" });
        Assert.Equal(2, elsewhere.ConnectionEpoch);
        Assert.Empty(elsewhere.OAuth!.Parameters!);
    }

    [Fact]
    public async Task An_integration_from_before_there_were_parameters_keeps_its_connections()
    {
        var old = world.Integration with { OAuth = new IntegrationOAuth { Provider = "github", Parameters = null } };
        Assert.Equal(0, (await ApplyAsync(old, new IntegrationOAuthInput { Scopes = ["gist"] })).ConnectionEpoch);
    }

    private Task<Integration> ApplyAsync(Integration integration, IntegrationOAuthInput input)
    {
        var settings = new KontextSettings
        {
            PublicUrl = new Uri("http://localhost:7071"), Storage = "memory", KeyDirectory = "unused", Organization = "dev", Development = true, AllowPrivateUpstreams = true,
        };
        var (catalog, integrations) = (ProviderCatalog.Load(), new OneIntegration(world));
        return new IntegrationSettings(world.Vault, new PlainSealer(), catalog, integrations, new ConnectionSources(integrations, world.Connections, catalog, world.Time), settings, world.Time).WithOAuthAsync(world.Org, integration, input, default);
    }

    private static Dictionary<string, string> Shop(string name) => new() { ["shop"] = name };
}

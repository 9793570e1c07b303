using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;
using Kontext.Functions.Upstream;
using Kontext.Testing;
using Kontext.Testing.Connections;
using Microsoft.Extensions.Configuration;

namespace Kontext.Functions.Tests.Upstream;

/// <summary>Whose OAuth app is used: the integration's own, else the operator's, else none.</summary>
public sealed class PlatformProviderAppsTests
{
    private readonly ConnectionWorld world = new(new ScriptedProvider(TimeProvider.System), new ManualTime(ConnectionWorld.Noon));

    [Fact]
    public async Task The_integrations_own_app_goes_first_then_the_operators_then_the_missing_setting_is_named()
    {
        (string, string?)[] configured = [("Providers__github__ClientId", "platform-id"), ("Providers__github__ClientSecret", "platform-secret")];
        var version = await world.Vault.PutAsync(world.Org, CredentialName.ClientSecret(world.Integration.Id), new Secret("own-secret"), default);

        var own = Found(await ResolveAsync(new IntegrationOAuth { Provider = "github", ClientId = "own-id", ClientSecretVersion = version }, configured));
        Assert.Equal(("own-id", "own-secret"), (own.ClientId, own.ClientSecret!.Reveal()));

        var platform = Found(await ResolveAsync(new IntegrationOAuth { Provider = "github" }, configured));
        Assert.Equal(("platform-id", "platform-secret"), (platform.ClientId, platform.ClientSecret!.Reveal()));

        var none = Stopped(await ResolveAsync(new IntegrationOAuth { Provider = "github" }));
        Assert.Contains("the operator has to set Providers__github__ClientId and Providers__github__ClientSecret", none, StringComparison.Ordinal);
        Assert.Contains("oauth.clientId and oauth.clientSecret on the integration", none, StringComparison.Ordinal);

        var secretless = Stopped(await ResolveAsync(new IntegrationOAuth { Provider = "github" }, ("Providers__github__ClientId", "platform-id")));
        Assert.Contains("Providers__github__ClientSecret", secretless, StringComparison.Ordinal);
        Assert.DoesNotContain("Providers__github__ClientId", secretless, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("google", "Providers__google__Client")]
    [InlineData("gmail", "Providers__google__Client")]
    [InlineData("microsoft-365", "Providers__microsoft_365__Client")]
    [InlineData("microsoft-teams", "Providers__microsoft_365__Client")]
    [InlineData("jira", "Providers__atlassian__Client")]
    public async Task The_setting_of_each_entry_is_found_under_the_name_the_documentation_gives(string key, string setting) =>
        Assert.Equal("platform-id", Found(await ResolveAsync(new IntegrationOAuth { Provider = key }, (setting + "Id", "platform-id"), (setting + "Secret", "s"))).ClientId);

    private async Task<Result<ProviderApp>> ResolveAsync(IntegrationOAuth oauth, params (string Name, string? Value)[] settings)
    {
        // As environment variables are read: two underscores stand for the colon.
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(settings.ToDictionary(setting => setting.Name.Replace("__", ":", StringComparison.Ordinal), setting => setting.Value)).Build();
        var instance = world.NewInstance();
        var directory = new ProviderDirectory(ProviderCatalog.Load(), new PlatformProviderApps(configuration), instance.Issuers, instance.AuthorizationServers, instance.Grants);
        return await directory.ResolveAsync(world.Org, world.Integration with { OAuth = oauth }, default);
    }

    private static ProviderApp Found(Result<ProviderApp> result) =>
        result.TryGet(out var app, out var failure) ? app : throw new Xunit.Sdk.XunitException(failure.ToString());

    private static string Stopped(Result<ProviderApp> result)
    {
        Assert.False(result.TryGet(out _, out var failure));
        Assert.Equal(FailureCode.Misconfigured, failure.Code);
        return failure.Message;
    }
}

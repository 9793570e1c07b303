using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Functions.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Kontext.Functions.Tests.Storage;

/// <summary>The container gives every port of storage.</summary>
public sealed class StorageRegistrationTests
{
    [Theory]
    [InlineData("memory")]
    [InlineData("UseDevelopmentStorage=true")]
    [InlineData("https://acme.table.core.windows.net")]
    public async Task Every_port_is_registered_for_every_form_of_storage(string storage)
    {
        var services = new ServiceCollection().AddLogging();
        services.AddKontextStorage(Settings(storage));
        await using var provider = services.BuildServiceProvider(new ServiceProviderOptions { ValidateOnBuild = true, ValidateScopes = true });
        foreach (var port in new[]
        {
            typeof(IOrganizationStore), typeof(IUserStore), typeof(IApplicationStore), typeof(ISessionStore), typeof(IServiceAccountStore),
            typeof(IIntegrationStore), typeof(IPolicyStore), typeof(IConnectionStore), typeof(ITableSource), typeof(FreshCache),
        })
            Assert.Same(provider.GetRequiredService(port), provider.GetRequiredService(port));
        Assert.Same(provider.GetRequiredService<EpochFeed>(), Assert.Single(provider.GetServices<IHostedService>()));
    }

    [Fact]
    public void A_setting_that_is_no_storage_stops_the_start() =>
        Assert.Throws<InvalidSettingException>(() => new ServiceCollection().AddKontextStorage(Settings("Memory, please")));

    private static KontextSettings Settings(string storage) => new()
    {
        PublicUrl = new Uri("https://kontext.example.com"), Storage = storage, KeyDirectory = "/nowhere", Organization = "dev", Development = false, AllowPrivateUpstreams = false,
    };
}

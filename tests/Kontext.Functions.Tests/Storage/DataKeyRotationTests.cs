using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Functions.Cloud;
using Kontext.Functions.Commands;
using Kontext.Functions.OAuth;
using Kontext.Functions.Storage;
using Kontext.Functions.Tests.Cloud;
using Microsoft.Extensions.DependencyInjection;

namespace Kontext.Functions.Tests.Storage;

/// <summary>Rotation of data keys over two instances that share tables, key vault and clock.</summary>
public sealed class DataKeyRotationTests : IAsyncLifetime
{
    private static readonly CredentialName Name = KeyVaultWorld.Name;
    private static readonly UserId User = Ids.New<UserId>(DateTimeOffset.UnixEpoch);

    private KeyVaultWorld world = null!;
    private ServiceProvider first = null!;
    private ServiceProvider second = null!;
    private OrgId org;

    public async ValueTask InitializeAsync()
    {
        world = await KeyVaultWorld.StartAsync();
        org = world.Org;
        (first, second) = (Instance(), Instance());
        await first.GetRequiredService<IOrganizationStore>().InsertAsync(
            new Organization { Id = org, Slug = "dev", Name = "dev", DynamicRegistration = false, CreatedAt = DateTimeOffset.UnixEpoch }, default);
    }

    public async ValueTask DisposeAsync()
    {
        await second.DisposeAsync();
        await first.DisposeAsync();
        await world.DisposeAsync();
    }

    [Fact]
    public async Task Everything_lasting_is_under_the_new_key_after_a_sweep_and_opens_before_and_after()
    {
        var version = await Vault(first).PutAsync(org, Name, new Secret("refresh token"), default);
        var signing = await Vault(first).PutAsync(SigningKeyStore.Issuer, CredentialName.SigningKey("k1"), new Secret("private key"), default);
        var integration = await AddIntegrationAsync();
        var old = await KeyOfRowAsync(org, Name);

        await Rotation(first).RotateAsync(org, org, null, default);
        await Rotation(first).RotateAsync(SigningKeyStore.Issuer, org, null, default);
        var current = await Keys(first).CurrentVersionAsync(org, default);
        Assert.NotEqual(old, current);
        await AssertOpensAsync(integration, version, signing);
        Assert.Equal(old, Sealer.KeyOf((await ConnectionAsync(integration)).SealedAccessToken!));

        await Sweep(first).RunAsync(default);
        Assert.Equal(current, await KeyOfRowAsync(org, Name));
        Assert.Equal(await Keys(first).CurrentVersionAsync(SigningKeyStore.Issuer, default), await KeyOfRowAsync(SigningKeyStore.Issuer, CredentialName.SigningKey("k1")));
        Assert.Equal(current, Sealer.KeyOf((await ConnectionAsync(integration)).SealedAccessToken!));
        Assert.Equal(current, Sealer.KeyOf((await IntegrationAsync(integration)).SealedServerToken!));
        await AssertOpensAsync(integration, version, signing);

        // Nothing lasting needs the old key any more.
        world.StandIn[KeyVaultWorld.Vault].Secrets[$"data-key-{org.Value:N}"].Versions[0].Enabled = false;
        await using var third = Instance();
        Assert.Equal("refresh token", (await Vault(third).GetAsync(org, Name, version, default))?.Reveal());
    }

    [Fact]
    public async Task What_another_instance_encrypts_under_the_old_key_meanwhile_is_found_before_the_rotation_is_over()
    {
        await Vault(second).PutAsync(org, Name, new Secret("before"), default);
        var old = await KeyOfRowAsync(org, Name);
        await Rotation(first).RotateAsync(org, org, null, default);
        await Sweep(first).RunAsync(default);
        Assert.Null((await Rotation(first).FindAsync(org, default))!.Value.ResealedAt);

        world.Time.Advance(TimeSpan.FromMinutes(59));
        var late = await Vault(second).PutAsync(org, new CredentialName("late"), new Secret("late"), default);
        Assert.Equal(old, await KeyOfRowAsync(org, new CredentialName("late")));
        await Sweep(first).RunAsync(default);
        Assert.Null((await Rotation(first).FindAsync(org, default))!.Value.ResealedAt);

        world.Time.Advance(TimeSpan.FromMinutes(7));
        await Sweep(first).RunAsync(default);
        Assert.Equal(world.Time.GetUtcNow(), (await Rotation(first).FindAsync(org, default))!.Value.ResealedAt);
        Assert.NotEqual(old, await KeyOfRowAsync(org, new CredentialName("late")));
        Assert.Equal("late", (await Vault(second).GetAsync(org, new CredentialName("late"), late, default))?.Reveal());
        var trail = (await first.GetRequiredService<IAuditLog>().LatestAsync(org, AuditTime.From(DateTimeOffset.MinValue.AddDays(1)), 10, _ => true, default)).Entries;
        Assert.Equal(["data_key.resealed", "data_key.rotated"], trail.Select(entry => entry.Event.Capability).Order());
    }

    [Fact]
    public async Task A_row_is_encrypted_anew_when_it_is_read_and_an_instance_that_lags_behind_does_not_undo_that()
    {
        var version = await Vault(second).PutAsync(org, Name, new Secret("value"), default);
        await Rotation(first).RotateAsync(org, org, null, default);
        var current = await Keys(first).CurrentVersionAsync(org, default);
        Assert.Equal("value", (await Vault(first).GetAsync(org, Name, version, default))?.Reveal());
        Assert.Equal(current, await KeyOfRowAsync(org, Name));
        Assert.Equal("value", (await Vault(second).GetAsync(org, Name, version, default))?.Reveal());
        Assert.Equal(current, await KeyOfRowAsync(org, Name));
        await Vault(second).PutAsync(org, Name, new Secret("next"), default);
        Assert.Equal(current, await KeyOfRowAsync(org, Name));
    }

    [Fact]
    public async Task A_row_that_cannot_be_written_at_the_moment_is_read_all_the_same()
    {
        var version = await Vault(first).PutAsync(org, Name, new Secret("value"), default);
        await Rotation(first).RotateAsync(org, org, null, default);
        world.Tables[VaultRows.Table].FailWrite(1);
        Assert.Equal("value", (await Vault(first).GetAsync(org, Name, version, default))?.Reveal());
    }

    [Fact]
    public async Task A_sweep_cut_off_by_storage_goes_on_with_the_next_run()
    {
        foreach (var number in Enumerable.Range(0, 5))
            await Vault(first).PutAsync(org, new CredentialName($"c-{number}"), new Secret("value"), default);
        await Rotation(first).RotateAsync(org, org, null, default);
        world.Time.Advance(TimeSpan.FromHours(2));
        world.Tables[VaultRows.Table].FailWrite(3);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => Sweep(first).RunAsync(default));
        Assert.Null((await Rotation(first).FindAsync(org, default))!.Value.ResealedAt);
        await Sweep(second).RunAsync(default);
        Assert.NotNull((await Rotation(first).FindAsync(org, default))!.Value.ResealedAt);
        var current = await Keys(first).CurrentVersionAsync(org, default);
        foreach (var number in Enumerable.Range(0, 5))
            Assert.Equal(current, await KeyOfRowAsync(org, new CredentialName($"c-{number}")));
    }

    private static ICredentialVault Vault(ServiceProvider instance) => instance.GetRequiredService<ICredentialVault>();

    private static IDataKeys Keys(ServiceProvider instance) => instance.GetRequiredService<IDataKeys>();

    private static DataKeyRotation Rotation(ServiceProvider instance) => instance.GetRequiredService<DataKeyRotation>();

    private static ResealSweep Sweep(ServiceProvider instance) => instance.GetRequiredService<ResealSweep>();

    private ServiceProvider Instance()
    {
        var settings = new KontextSettings
        {
            PublicUrl = new Uri("https://kontext.example.com"), Storage = "memory", KeyDirectory = null, Organization = "dev", Development = false, AllowPrivateUpstreams = false,
            KeyVault = new KeyVaultSettings([new Uri("https://acme-kv.vault.azure.net")], CredentialForm.Envelope),
        };
        return VaultMoveCommand.Services(settings).AddSingleton<TimeProvider>(world.Time).AddSingleton<ITableSource>(world.Tables).AddSingleton(world.StandIn.Open(KeyVaultWorld.Vault))
            .AddSingleton<DataKeyRotation>().AddSingleton<ResealSweep>().BuildServiceProvider();
    }

    private async Task<string> KeyOfRowAsync(OrgId owner, CredentialName name) => EnvelopeVault.KeyOf((await VaultRows.NewestAsync(world.Rows, owner, name, default))!);

    /// <summary>An integration with a shared token, and a person connected to it.</summary>
    private async Task<IntegrationId> AddIntegrationAsync()
    {
        var id = Ids.New<IntegrationId>(world.Time.GetUtcNow());
        var sealer = first.GetRequiredService<ISealer>();
        Assert.True(await first.GetRequiredService<IIntegrationStore>().InsertAsync(org, new Integration
        {
            Id = id, Name = "tracker", Url = "https://mcp.example.com/mcp", CreatedAt = world.Time.GetUtcNow(), UpdatedAt = world.Time.GetUtcNow(),
            ServerTokenVersion = "1", SealedServerToken = await sealer.SealAsync(org, ConnectionCredentials.ServerTokenContext(id, "1"), new Secret("server token"), default),
        }, default));
        var connection = new Connection { Id = Ids.New<ConnectionId>(world.Time.GetUtcNow()), User = User, Integration = id, ConnectedAt = world.Time.GetUtcNow(), CredentialVersion = "1" };
        connection = connection with { SealedAccessToken = await sealer.SealAsync(org, ConnectionCredentials.ContextOf(connection), new Secret("access token"), default) };
        Assert.NotNull(await first.GetRequiredService<IConnectionStore>().InsertAsync(org, connection, default));
        return id;
    }

    private async Task<Connection> ConnectionAsync(IntegrationId integration) => (await first.GetRequiredService<IConnectionStore>().FindAsync(org, User, integration, default))!.Value;

    private async Task<Integration> IntegrationAsync(IntegrationId integration) => (await first.GetRequiredService<IIntegrationStore>().FindAsync(org, integration, default))!.Value;

    private async Task AssertOpensAsync(IntegrationId integration, string version, string signing)
    {
        var row = await VaultRows.NewestAsync(world.Rows, org, Name, default);
        Assert.Equal(version, VaultRows.VersionOf(row!));
        foreach (var instance in new[] { first, second })
        {
            var (envelope, sealer) = (instance.GetRequiredService<EnvelopeVault>(), instance.GetRequiredService<ISealer>());
            Assert.Equal("refresh token", (await envelope.OpenAsync(org, Name, row!, default)).Reveal());
            Assert.Equal("private key", (await envelope.OpenAsync(SigningKeyStore.Issuer, CredentialName.SigningKey("k1"), (await VaultRows.NewestAsync(world.Rows, SigningKeyStore.Issuer, CredentialName.SigningKey("k1"), default))!, default)).Reveal());
            Assert.Equal(signing, VaultRows.VersionOf((await VaultRows.NewestAsync(world.Rows, SigningKeyStore.Issuer, CredentialName.SigningKey("k1"), default))!));
            var connection = await ConnectionAsync(integration);
            Assert.Equal("access token", (await sealer.OpenAsync(org, ConnectionCredentials.ContextOf(connection), connection.SealedAccessToken!, default))?.Reveal());
            Assert.Equal("server token", (await sealer.OpenAsync(org, ConnectionCredentials.ServerTokenContext(integration, "1"), (await IntegrationAsync(integration)).SealedServerToken!, default))?.Reveal());
        }
    }
}

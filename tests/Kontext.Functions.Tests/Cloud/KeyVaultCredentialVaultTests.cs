using Kontext.Domain;
using Kontext.Domain.Vault;
using Kontext.Functions.Cloud;
using Kontext.Functions.Storage;
using Kontext.Functions.Tests.Storage;
using Kontext.Testing;
using Kontext.Testing.KeyVaultApi;

namespace Kontext.Functions.Tests.Cloud;

/// <summary>The contract, with a secret of Key Vault per credential.</summary>
public sealed class KeyVaultContractTests : CredentialVaultContract, IAsyncLifetime
{
    private KeyVaultWorld world = null!;

    public async ValueTask InitializeAsync() => world = await KeyVaultWorld.StartAsync(Time);

    public ValueTask DisposeAsync() => world.DisposeAsync();

    protected override ICredentialVault Open(TimeProvider time) => world.Credentials(time: time);
}

/// <summary>The contract, with rows under data keys in Key Vault.</summary>
public sealed class EnvelopeOverKeyVaultContractTests : CredentialVaultContract, IAsyncLifetime
{
    private KeyVaultWorld world = null!;

    public async ValueTask InitializeAsync() => world = await KeyVaultWorld.StartAsync(Time);

    public ValueTask DisposeAsync() => world.DisposeAsync();

    protected override ICredentialVault Open(TimeProvider time) => world.Credentials(CredentialForm.Envelope, time);
}

/// <summary>What only Key Vault does to credentials.</summary>
public sealed class KeyVaultCredentialVaultTests : IAsyncLifetime
{
    private static readonly CredentialName Name = KeyVaultWorld.Name;

    private KeyVaultWorld world = null!;
    private OrgId org;

    public async ValueTask InitializeAsync()
    {
        world = await KeyVaultWorld.StartAsync();
        org = world.Org;
    }

    public ValueTask DisposeAsync() => world.DisposeAsync();

    [Fact]
    public async Task One_secret_holds_every_version_of_a_credential()
    {
        var vault = world.Credentials();
        for (var number = 0; number < 3; number++)
            await vault.PutAsync(org, Name, new Secret($"value {number}"), default);
        var (_, secret) = Assert.Single(world.CredentialSecrets());
        Assert.Equal(["value 0", "value 1", "value 2"], secret.Versions.Select(version => version.Value));
        Assert.All(secret.Versions, version => Assert.Equal((org.ToString(), Name.Name), (version.Tags["kontext-organization"], version.Tags["kontext-credential"])));
    }

    [Fact]
    public async Task No_row_holds_the_credential_or_a_data_key()
    {
        await world.Credentials().PutAsync(org, Name, new Secret("canary-canary"), default);
        var row = Assert.Single(await VaultRows.AllAsync(world.Rows, org, Name, default));
        Assert.False(EnvelopeVault.Holds(row));
        Assert.DoesNotContain(row.Properties.Values, value => value.ToString()!.Contains("canary", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_value_too_large_for_a_secret_is_kept_as_an_encrypted_row()
    {
        var value = new string('x', 25_001);
        var vault = world.Credentials();
        var version = await vault.PutAsync(org, Name, new Secret(value), default);
        Assert.Empty(world.CredentialSecrets());
        Assert.Equal(value, (await vault.GetAsync(org, Name, version, default))?.Reveal());
        var next = await vault.PutAsync(org, Name, new Secret(new string('y', 25_000)), default);
        Assert.Single(world.CredentialSecrets());
        Assert.Equal(next, (await vault.GetLatestAsync(org, Name, default))?.Version);
    }

    [Fact]
    public async Task Trimmed_versions_are_disabled_and_those_kept_are_not()
    {
        var vault = world.Credentials();
        var versions = new List<string>();
        for (var number = 0; number < 4; number++)
            versions.Add(await vault.PutAsync(org, Name, new Secret($"{number}"), default));
        await vault.TrimAsync(org, Name, versions[2], default);
        Assert.Equal([false, false, true, true], Assert.Single(world.CredentialSecrets()).Secret.Versions.Select(version => version.Enabled));
    }

    [Fact]
    public async Task Without_purge_protection_a_deleted_credential_is_gone_for_good()
    {
        var vault = world.Credentials();
        await vault.PutAsync(org, Name, new Secret("value"), default);
        Assert.Null(await vault.DeleteAsync(org, Name, default));
        Assert.Empty(world.CredentialSecrets());
    }

    [Fact]
    public async Task With_purge_protection_deleting_tells_until_when_it_can_be_recovered()
    {
        world.StandIn[KeyVaultWorld.Vault].PurgeProtection = true;
        var vault = world.Credentials();
        await vault.PutAsync(org, Name, new Secret("value"), default);
        Assert.Equal(StandInVault.PurgedAt, await vault.DeleteAsync(org, Name, default));
        Assert.Null(await vault.GetLatestAsync(org, Name, default));
        Assert.Equal(StandInState.Deleted, Assert.Single(world.CredentialSecrets()).Secret.State);
    }

    [Fact]
    public async Task Whoever_connects_again_gets_a_new_secret_and_what_was_deleted_stays_deleted()
    {
        world.StandIn[KeyVaultWorld.Vault].PurgeProtection = true;
        var vault = world.Credentials();
        await vault.PutAsync(org, Name, new Secret("old"), default);
        await vault.DeleteAsync(org, Name, default);
        await vault.PutAsync(org, Name, new Secret("new"), default);
        Assert.Equal("new", (await vault.GetLatestAsync(org, Name, default))?.Value.Reveal());
        Assert.Equal("old", Assert.Single(world.CredentialSecrets(), secret => secret.Secret.State == StandInState.Deleted).Secret.Versions[^1].Value);
        Assert.Equal("new", Assert.Single(world.CredentialSecrets(), secret => secret.Secret.State == StandInState.Active).Secret.Versions[^1].Value);
        Assert.Equal(0, world.StandIn.Count("POST /deletedsecrets/"));
    }

    [Fact]
    public async Task A_secret_that_an_operator_deleted_is_recovered_by_the_next_version()
    {
        world.StandIn[KeyVaultWorld.Vault].Slowness = 2;
        var vault = world.Credentials();
        var first = await vault.PutAsync(org, Name, new Secret("old"), default);
        var (name, _) = Assert.Single(world.CredentialSecrets());
        world.StandIn[KeyVaultWorld.Vault].Delete(name);
        Assert.Null(await vault.GetAsync(org, Name, first, default));
        Assert.Null(await vault.GetLatestAsync(org, Name, default));
        await vault.PutAsync(org, Name, new Secret("new"), default);
        Assert.Equal("new", (await vault.GetLatestAsync(org, Name, default))?.Value.Reveal());
        Assert.Equal("old", (await vault.GetAsync(org, Name, first, default))?.Reveal());
        Assert.Single(world.CredentialSecrets());
    }

    [Fact]
    public async Task A_version_that_an_operator_disabled_is_not_given_out_nor_is_an_older_one()
    {
        var vault = world.Credentials();
        await vault.PutAsync(org, Name, new Secret("old"), default);
        await vault.PutAsync(org, Name, new Secret("new"), default);
        Assert.Single(world.CredentialSecrets()).Secret.Versions[1].Enabled = false;
        Assert.Null(await vault.GetLatestAsync(org, Name, default));
    }

    [Fact]
    public async Task A_writer_cut_off_after_key_vault_took_the_value_loses_nothing()
    {
        world.StandIn[KeyVaultWorld.Vault].PageSize = 2;
        var vault = world.Credentials();
        for (var number = 0; number < 5; number++)
            await vault.PutAsync(org, Name, new Secret($"old {number}"), default);
        world.Tables[VaultRows.Table].FailWrite(2);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => vault.PutAsync(org, Name, new Secret("refreshed"), default));
        var latest = await world.Credentials().GetLatestAsync(org, Name, default);
        Assert.Equal("refreshed", latest?.Value.Reveal());
        Assert.Equal("refreshed", (await world.Credentials().GetAsync(org, Name, latest!.Value.Version, default))?.Reveal());
    }

    [Fact]
    public async Task A_writer_cut_off_before_key_vault_took_the_value_hides_nothing()
    {
        var vault = world.Credentials();
        await vault.PutAsync(org, Name, new Secret("old"), default);
        world.StandIn.Fail(StandInFault.Forbidden);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => vault.PutAsync(org, Name, new Secret("never"), default));
        Assert.Equal("old", (await vault.GetLatestAsync(org, Name, default))?.Value.Reveal());
        var version = await vault.PutAsync(org, Name, new Secret("new"), default);
        await vault.TrimAsync(org, Name, version, default);
        Assert.Single(await VaultRows.AllAsync(world.Rows, org, Name, default));
    }

    [Fact]
    public async Task A_first_version_that_was_cut_off_is_deleted_with_its_connection()
    {
        world.Tables[VaultRows.Table].FailWrite(2);
        var vault = world.Credentials();
        await Assert.ThrowsAsync<StorageUnavailableException>(() => vault.PutAsync(org, Name, new Secret("value"), default));
        Assert.Single(world.CredentialSecrets());
        await vault.DeleteAsync(org, Name, default);
        Assert.Empty(world.CredentialSecrets());
        Assert.Empty(await VaultRows.AllAsync(world.Rows, org, Name, default));
    }

    [Fact]
    public async Task A_version_whose_answer_was_lost_is_written_again_and_read()
    {
        var vault = world.Credentials();
        world.StandIn.Fail(StandInFault.LostAnswer);
        var version = await vault.PutAsync(org, Name, new Secret("value"), default);
        Assert.Equal("value", (await vault.GetAsync(org, Name, version, default))?.Reveal());
        Assert.Equal(2, Assert.Single(world.CredentialSecrets()).Secret.Versions.Count);
    }

    [Fact]
    public async Task A_deletion_that_failed_halfway_is_finished_by_the_next()
    {
        var vault = world.Credentials();
        await vault.PutAsync(org, Name, new Secret("value"), default);
        world.Tables[VaultRows.Table].FailWrite(1);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => vault.DeleteAsync(org, Name, default));
        Assert.Null(await vault.DeleteAsync(org, Name, default));
        Assert.Empty(await VaultRows.AllAsync(world.Rows, org, Name, default));
    }

    [Fact]
    public async Task After_four_hundred_versions_a_new_secret_is_begun_and_the_old_one_goes_as_a_whole()
    {
        var vault = world.Credentials();
        await vault.PutAsync(org, Name, new Secret("last of the old"), default);
        var row = Assert.Single(await VaultRows.AllAsync(world.Rows, org, Name, default));
        var place = KeyVaultReference.Of(row)!;
        await world.Rows.ReplaceAsync(row with { Properties = (place with { Number = 400 }).ToProperties() }, default);
        var version = await vault.PutAsync(org, Name, new Secret("first of the new"), default);
        Assert.Equal(2, world.CredentialSecrets().Count);
        await vault.TrimAsync(org, Name, version, default);
        Assert.Equal("first of the new", Assert.Single(world.CredentialSecrets()).Secret.Versions[^1].Value);
    }

    [Fact]
    public async Task Credentials_are_spread_over_the_vaults_and_a_further_vault_moves_none()
    {
        var names = Enumerable.Range(0, 40).Select(number => new CredentialName($"connection-{number}")).ToList();
        var two = world.Credentials(vaults: ["acme-kv", "acme-kv2"]);
        var versions = new Dictionary<CredentialName, string>();
        foreach (var name in names)
            versions[name] = await two.PutAsync(org, name, new Secret(name.Name), default);
        var (first, second) = (world.CredentialSecrets("acme-kv").Count, world.CredentialSecrets("acme-kv2").Count);
        Assert.Equal(40, first + second);
        Assert.InRange(first, 8, 32);

        var three = world.Credentials(vaults: ["acme-kv", "acme-kv2", "acme-kv3"]);
        foreach (var name in names)
        {
            Assert.Equal(name.Name, (await three.GetAsync(org, name, versions[name], default))?.Reveal());
            await three.PutAsync(org, name, new Secret("refreshed"), default);
        }
        Assert.Equal((first, second), (world.CredentialSecrets("acme-kv").Count, world.CredentialSecrets("acme-kv2").Count));
        Assert.Empty(world.CredentialSecrets("acme-kv3"));
        foreach (var number in Enumerable.Range(100, 20))
            await three.PutAsync(org, new CredentialName($"connection-{number}"), new Secret("later"), default);
        Assert.NotEmpty(world.CredentialSecrets("acme-kv3"));
    }

    [Fact]
    public async Task A_vault_that_is_missing_in_the_settings_is_named()
    {
        var version = await world.Credentials().PutAsync(org, Name, new Secret("value"), default);
        var refused = await Assert.ThrowsAsync<StorageUnavailableException>(() => world.Credentials(vaults: ["other-kv"]).GetAsync(org, Name, version, default));
        Assert.Contains("acme-kv", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_key_vault_in_the_settings_a_credential_that_is_in_one_is_neither_opened_nor_forgotten()
    {
        await world.Credentials().PutAsync(org, Name, new Secret("value"), default);
        var alone = world.Envelope();
        await Assert.ThrowsAsync<InvalidDataException>(() => alone.GetLatestAsync(org, Name, default));
        await Assert.ThrowsAsync<InvalidDataException>(() => alone.DeleteAsync(org, Name, default));
        Assert.Single(await VaultRows.AllAsync(world.Rows, org, Name, default));
    }
}

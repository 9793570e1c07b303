using Kontext.Domain;
using Kontext.Domain.Vault;
using Kontext.Functions.Cloud;
using Kontext.Functions.Local;
using Kontext.Functions.Storage;
using Kontext.Functions.Tests.Local;
using Kontext.Testing.KeyVaultApi;

namespace Kontext.Functions.Tests.Cloud;

/// <summary>Data keys as versioned secrets of Key Vault.</summary>
public sealed class KeyVaultDataKeysTests : IAsyncLifetime
{
    private KeyVaultWorld world = null!;
    private OrgId org;

    public async ValueTask InitializeAsync()
    {
        world = await KeyVaultWorld.StartAsync();
        org = world.Org;
    }

    public ValueTask DisposeAsync() => world.DisposeAsync();

    [Fact]
    public async Task Instances_that_ask_for_a_first_key_at_once_agree_on_one()
    {
        var keys = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            var instance = world.Keys();
            using var current = await instance.CurrentAsync(org, default);
            using var derivation = await instance.DerivationAsync(org, default);
            return (current.Version, Current: Convert.ToHexString(current.Bytes), Derivation: Convert.ToHexString(derivation.Bytes));
        })));
        Assert.Single(keys.Distinct());
    }

    [Fact]
    public async Task Every_organization_has_its_own_keys()
    {
        var keys = world.Keys();
        using var ours = await keys.CurrentAsync(org, default);
        using var theirs = await keys.CurrentAsync(Ids.New<OrgId>(DateTimeOffset.UnixEpoch), default);
        using var derivation = await keys.DerivationAsync(org, default);
        Assert.Equal(3, new[] { ours, theirs, derivation }.Select(key => Convert.ToHexString(key.Bytes)).Distinct().Count());
        Assert.Null(await keys.FindAsync(org, theirs.Version, default));
        Assert.Null(await keys.FindAsync(org, derivation.Version, default));
    }

    [Theory]
    [InlineData("")]
    [InlineData("000001")]
    [InlineData("acme-kv~0123")]
    [InlineData("acme-kv~0123456789abcdef0123456789abcdef")]
    [InlineData("elsewhere~0123456789abcdef0123456789abcdef")]
    [InlineData("acme-kv~../../deletedsecrets/xxxxxxxxxx")]
    public async Task A_version_that_anybody_made_up_is_none(string version)
    {
        var keys = world.Keys();
        (await keys.CurrentAsync(org, default)).Dispose();
        Assert.Null(await keys.FindAsync(org, version, default));
    }

    [Fact]
    public async Task Within_an_hour_key_vault_is_asked_once()
    {
        var keys = world.Keys();
        (await keys.CurrentAsync(org, default)).Dispose();
        var asked = world.StandIn.Requests.Count;
        await Task.WhenAll(Enumerable.Range(0, 50).Select(async _ => (await keys.CurrentAsync(org, default)).Dispose()));
        Assert.Equal(asked, world.StandIn.Requests.Count);
        world.Time.Advance(TimeSpan.FromHours(1));
        await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(async () => (await keys.CurrentAsync(org, default)).Dispose())));
        Assert.Equal(asked + 1, world.StandIn.Requests.Count);
    }

    [Fact]
    public async Task After_a_rotation_new_things_take_the_new_key_and_old_ones_still_open_everywhere()
    {
        var (first, second) = (world.Keys(), world.Keys());
        var sealer = new Sealer(first);
        var before = await sealer.SealAsync(org, "c", new Secret("old"), default);
        var handle = await sealer.DeriveAsync(org, "p", "t", default);
        (await second.CurrentAsync(org, default)).Dispose();

        var version = await first.RotateAsync(org, default);
        var after = await sealer.SealAsync(org, "c", new Secret("new"), default);
        Assert.Contains(version, after, StringComparison.Ordinal);
        var late = await new Sealer(second).SealAsync(org, "c", new Secret("late"), default);
        Assert.DoesNotContain(version, late, StringComparison.Ordinal);
        foreach (var instance in new[] { first, second, world.Keys() })
        {
            Assert.Equal("old", (await new Sealer(instance).OpenAsync(org, "c", before, default))?.Reveal());
            Assert.Equal("new", (await new Sealer(instance).OpenAsync(org, "c", after, default))?.Reveal());
            Assert.Equal("late", (await new Sealer(instance).OpenAsync(org, "c", late, default))?.Reveal());
            Assert.Equal(handle, await new Sealer(instance).DeriveAsync(org, "p", "t", default));
        }
        world.Time.Advance(TimeSpan.FromHours(1));
        using var current = await second.CurrentAsync(org, default);
        Assert.Equal(version, current.Version);
    }

    [Fact]
    public async Task Instances_that_rotate_at_once_make_one_new_key()
    {
        (await world.Keys().CurrentAsync(org, default)).Dispose();
        var versions = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () => await world.Keys().RotateAsync(org, default))));
        using var current = await world.Keys().CurrentAsync(org, default);
        Assert.Contains(current.Version, versions);
        var secret = world.StandIn[KeyVaultWorld.Vault].Secrets[$"data-key-{org.Value:N}"];
        Assert.True(secret.Versions.Single(version => current.Version.EndsWith(version.Id, StringComparison.Ordinal)).Enabled);
        foreach (var version in versions)
            Assert.NotNull(await world.Keys().FindAsync(org, version, default));
    }

    [Fact]
    public async Task A_key_that_an_operator_deleted_stays_deleted_until_an_operator_recovers_it()
    {
        (await world.Keys().CurrentAsync(org, default)).Dispose();
        var vault = world.StandIn[KeyVaultWorld.Vault];
        vault.Delete($"data-key-{org.Value:N}");
        var refused = await Assert.ThrowsAsync<StorageUnavailableException>(async () => await world.Keys().CurrentAsync(org, default));
        Assert.Contains($"data-key-{org.Value:N}", refused.Message, StringComparison.Ordinal);
        Assert.Equal(StandInState.Deleted, vault.Secrets[$"data-key-{org.Value:N}"].State);
        vault.Recover($"data-key-{org.Value:N}");
        Assert.NotNull(await world.Keys().CurrentAsync(org, default));
    }

    [Fact]
    public async Task Keys_in_files_from_before_still_open_what_they_sealed_and_handles_stay_the_same()
    {
        using var folder = new KeyFolder();
        using var files = new LocalKeys(folder.Path, world.Time);
        var before = await new Sealer(files).SealAsync(org, "c", new Secret("old"), default);
        var handle = await new Sealer(files).DeriveAsync(org, "p", "t", default);

        var keys = world.Keys(files);
        Assert.Equal("old", (await new Sealer(keys).OpenAsync(org, "c", before, default))?.Reveal());
        Assert.Equal(handle, await new Sealer(keys).DeriveAsync(org, "p", "t", default));
        var after = await new Sealer(keys).SealAsync(org, "c", new Secret("new"), default);
        Assert.Contains(KeyVaultWorld.Vault, after, StringComparison.Ordinal);
        Assert.Equal(handle, await new Sealer(world.Keys()).DeriveAsync(org, "p", "t", default));
    }

    [Fact]
    public async Task The_keys_stay_in_their_vault_when_another_is_added()
    {
        using var current = await world.Keys().CurrentAsync(org, default);
        var more = world.Keys("a-kv", KeyVaultWorld.Vault, "b-kv", "c-kv", "d-kv");
        using var same = await more.CurrentAsync(org, default);
        Assert.Equal(current.Version, same.Version);
        Assert.StartsWith(KeyVaultWorld.Vault + "~", await more.RotateAsync(org, default), StringComparison.Ordinal);
    }
}

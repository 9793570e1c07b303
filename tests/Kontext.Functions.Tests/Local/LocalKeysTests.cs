using Kontext.Domain;
using Kontext.Domain.Vault;
using Kontext.Functions.Local;
using Kontext.Functions.Storage;
using Kontext.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Kontext.Functions.Tests.Local;

public sealed class LocalKeysTests : IDisposable
{
    private readonly OrgId org = Ids.New<OrgId>(DateTimeOffset.UnixEpoch);
    private readonly ManualTime time = new(DateTimeOffset.UnixEpoch);
    private readonly KeyFolder folder = new();

    private string FirstFile => Path.Combine(folder.Path, org.ToString(), "000001.key");

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_restart_finds_the_same_keys()
    {
        var (first, derivation) = (await CurrentAsync(), await DerivationAsync());
        Assert.Equal(first, await CurrentAsync());
        Assert.Equal(derivation, await DerivationAsync());
        Assert.NotEqual(first, derivation);
        Assert.Equal(32, Convert.FromHexString(first).Length);
    }

    [Fact]
    public async Task Organizations_have_different_keys()
    {
        using var keys = new LocalKeys(folder.Path, time);
        using var ours = await keys.CurrentAsync(org, default);
        using var theirs = await keys.CurrentAsync(Ids.New<OrgId>(DateTimeOffset.UnixEpoch), default);
        Assert.NotEqual(Hex(ours), Hex(theirs));
    }

    [Fact]
    public async Task Key_files_and_folders_are_the_owners_alone()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Unix permissions");
        await CurrentAsync();
        await DerivationAsync();
        Assert.Equal("700", Mode(folder.Path));
        Assert.Equal("700", Mode(Path.GetDirectoryName(FirstFile)!));
        Assert.Equal(["600", "600"], Directory.GetFiles(Path.GetDirectoryName(FirstFile)!).Select(Mode));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.OtherWrite)]
    public async Task A_key_file_open_to_others_stops_the_start_and_is_not_used(UnixFileMode added)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Unix permissions");
        using var started = new LocalKeys(folder.Path, time);
        await CurrentAsync();
        Open(FirstFile, added);
        var refused = Assert.Throws<InvalidSettingException>(() => new LocalKeys(folder.Path, time));
        Assert.Contains("KeyDirectory", refused.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<InvalidSettingException>(async () => await started.CurrentAsync(org, default));
    }

    [Fact]
    public async Task A_folder_others_can_write_to_stops_the_start()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Unix permissions");
        await CurrentAsync();
        Open(Path.GetDirectoryName(FirstFile)!, UnixFileMode.GroupWrite);
        Assert.Throws<InvalidSettingException>(() => new LocalKeys(folder.Path, time));
    }

    [Fact]
    public async Task Processes_that_create_keys_at_once_agree()
    {
        for (var round = 0; round < 20; round++)
        {
            var organization = Ids.New<OrgId>(DateTimeOffset.UnixEpoch);
            var found = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
            {
                using var keys = new LocalKeys(folder.Path, time);
                using var current = await keys.CurrentAsync(organization, default);
                using var derivation = await keys.DerivationAsync(organization, default);
                return (current.Version, Hex(current), Hex(derivation));
            })));
            Assert.Single(found.Distinct());
            Assert.Equal(["000001.key", "derivation.key"], Directory.GetFiles(Path.Combine(folder.Path, organization.ToString())).Select(Path.GetFileName).Order());
        }
    }

    [Fact]
    public async Task A_key_that_was_cut_short_is_not_used()
    {
        await CurrentAsync();
        await File.WriteAllBytesAsync(FirstFile, new byte[16]);
        await Assert.ThrowsAsync<InvalidDataException>(CurrentAsync);
    }

    [Fact]
    public async Task A_rotation_reaches_other_processes_within_the_hour_and_its_key_at_once()
    {
        using var here = new LocalKeys(folder.Path, time);
        using var there = new LocalKeys(folder.Path, time);
        using var old = await there.CurrentAsync(org, default);
        var version = await here.RotateAsync(org, default);
        using var rotated = await here.CurrentAsync(org, default);
        Assert.Equal(version, rotated.Version);
        using var found = await there.FindAsync(org, version, default);
        Assert.Equal(Hex(rotated), Hex(found!));
        using var still = await there.CurrentAsync(org, default);
        Assert.Equal(old.Version, still.Version);
        time.Advance(TimeSpan.FromHours(1));
        using var now = await there.CurrentAsync(org, default);
        Assert.Equal(version, now.Version);
    }

    [Fact]
    public async Task An_unknown_version_is_not_there_and_leaves_no_folder()
    {
        using var keys = new LocalKeys(folder.Path, time);
        Assert.Null(await keys.FindAsync(org, "000001", default));
        Assert.Null(await keys.FindAsync(org, "../x", default));
        Assert.Null(await keys.FindAsync(org, "derivation", default));
        Assert.False(Directory.Exists(Path.Combine(folder.Path, org.ToString())));
    }

    [Fact]
    public void A_cached_key_is_a_copy_and_is_gone_after_an_hour()
    {
        using var cache = new DataKeyCache(time);
        using (var key = new DataKey("000001", Enumerable.Repeat((byte)7, 32).ToArray()))
            cache.Keep(org, "current", key);
        using var found = cache.Find(org, "current");
        time.Advance(TimeSpan.FromHours(1));
        Assert.Null(cache.Find(org, "current"));
        cache.DropExpired();
        Assert.Equal(7, found!.Bytes[31]);
    }

    [Fact]
    public void A_disposed_key_is_zeroed()
    {
        var key = new DataKey("000001", Enumerable.Repeat((byte)7, 32).ToArray());
        key.Dispose();
        Assert.True(key.Bytes.IndexOfAnyExcept((byte)0) < 0);
    }

    [Fact]
    public async Task The_registration_gives_a_vault_and_a_sealer_over_the_configured_folder()
    {
        var settings = new KontextSettings
        {
            PublicUrl = new Uri("http://localhost:7071"),
            Storage = "memory",
            KeyDirectory = folder.Path,
            Organization = "dev",
            Development = true,
            AllowPrivateUpstreams = true,
        };
        await using var services = new ServiceCollection().AddSingleton<ITableSource, MemoryTables>().AddKontextVault(settings).AddKontextAudit()
            .BuildServiceProvider(new ServiceProviderOptions { ValidateOnBuild = true });
        await services.GetRequiredService<ICredentialVault>().PutAsync(org, new CredentialName("n"), new Secret("x"), default);
        Assert.NotNull(await services.GetRequiredService<ISealer>().SealAsync(org, "c", new Secret("x"), default));
        Assert.Same(services.GetRequiredService<Kontext.Domain.Audit.IAuditLog>(), services.GetRequiredService<Kontext.Domain.Audit.IAuditExport>());
        Assert.True(File.Exists(FirstFile));
    }

    private async Task<string> CurrentAsync()
    {
        using var keys = new LocalKeys(folder.Path, time);
        using var key = await keys.CurrentAsync(org, default);
        return Hex(key);
    }

    private async Task<string> DerivationAsync()
    {
        using var keys = new LocalKeys(folder.Path, time);
        using var key = await keys.DerivationAsync(org, default);
        return Hex(key);
    }

    private static string Hex(DataKey key) => Convert.ToHexString(key.Bytes);

    private static string Mode(string path) => OperatingSystem.IsWindows() ? "" : Convert.ToString((int)File.GetUnixFileMode(path), 8);

    private static void Open(string path, UnixFileMode added)
    {
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, File.GetUnixFileMode(path) | added);
    }
}

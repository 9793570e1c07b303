using Kontext.Domain;
using Kontext.Domain.Vault;
using Kontext.Functions.Local;
using Kontext.Functions.Storage;
using Kontext.Functions.Tests.Local;

namespace Kontext.Functions.Tests.Storage;

public sealed class EnvelopeVaultTests : CredentialVaultContract, IDisposable
{
    private static readonly CredentialName Name = new("connection-1");
    private readonly OrgId org = Ids.New<OrgId>(DateTimeOffset.UnixEpoch);
    private readonly MemoryTables tables = new();
    private readonly KeyFolder folder = new();
    private readonly LocalKeys keys;
    private readonly EnvelopeVault vault;

    public EnvelopeVaultTests()
    {
        keys = new LocalKeys(folder.Path, Time);
        vault = new EnvelopeVault(tables, keys, Time);
    }

    protected override ICredentialVault Open(TimeProvider time) => new EnvelopeVault(tables, keys, time);

    public void Dispose()
    {
        keys.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task No_row_shows_the_credential()
    {
        await vault.PutAsync(org, Name, new Secret("canary-canary-canary"), default);
        var row = await RowAsync(org, Name);
        Assert.DoesNotContain(row.Properties.Values, value => value.ToString()!.Contains("canary", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(256 * 1024)]
    public async Task Values_up_to_256_KB_are_kept(int length)
    {
        var value = new string('x', length);
        var version = await vault.PutAsync(org, Name, new Secret(value), default);
        Assert.Equal(value, (await vault.GetAsync(org, Name, version, default))?.Reveal());
    }

    [Fact]
    public async Task A_bigger_value_is_refused() =>
        await Assert.ThrowsAsync<ArgumentException>(() => vault.PutAsync(org, Name, new Secret(new string('x', 256 * 1024 + 1)), default));

    [Fact]
    public async Task A_row_copied_to_another_organization_does_not_open()
    {
        var stranger = Ids.New<OrgId>(DateTimeOffset.UnixEpoch);
        await vault.PutAsync(org, Name, new Secret("ours"), default);
        await vault.PutAsync(stranger, Name, new Secret("theirs"), default);
        await CopyAsync(await RowAsync(org, Name), await RowAsync(stranger, Name));
        await Assert.ThrowsAsync<InvalidDataException>(() => vault.GetLatestAsync(stranger, Name, default));
    }

    [Fact]
    public async Task A_row_copied_to_another_name_does_not_open()
    {
        var other = new CredentialName("connection-2");
        await vault.PutAsync(org, Name, new Secret("one"), default);
        await vault.PutAsync(org, other, new Secret("two"), default);
        await CopyAsync(await RowAsync(org, Name), await RowAsync(org, other));
        await Assert.ThrowsAsync<InvalidDataException>(() => vault.GetLatestAsync(org, other, default));
    }

    [Fact]
    public async Task An_old_version_put_in_the_place_of_the_newest_does_not_open()
    {
        await vault.PutAsync(org, Name, new Secret("old"), default);
        var old = await RowAsync(org, Name);
        var version = await vault.PutAsync(org, Name, new Secret("new"), default);
        await CopyAsync(old, await RowAsync(org, Name));
        await Assert.ThrowsAsync<InvalidDataException>(() => vault.GetLatestAsync(org, Name, default));
        await Assert.ThrowsAsync<InvalidDataException>(() => vault.GetAsync(org, Name, version, default));
    }

    [Fact]
    public async Task A_flipped_bit_does_not_open()
    {
        await vault.PutAsync(org, Name, new Secret("value"), default);
        var row = await RowAsync(org, Name);
        var data = System.Buffers.Text.Base64Url.DecodeFromChars((string)row.Properties["data0"]);
        for (var bit = 0; bit < data.Length * 8; bit++)
        {
            data[bit / 8] ^= (byte)(1 << (bit % 8));
            var properties = row.Properties.ToDictionary();
            properties["data0"] = System.Buffers.Text.Base64Url.EncodeToString(data);
            await tables.Open("vault").UpsertAsync(row with { Properties = properties }, default);
            await Assert.ThrowsAsync<InvalidDataException>(() => vault.GetLatestAsync(org, Name, default));
            data[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public async Task A_row_cannot_name_another_key()
    {
        await vault.PutAsync(org, Name, new Secret("value"), default);
        await keys.RotateAsync(org, default);
        var row = await RowAsync(org, Name);
        foreach (var version in new[] { "000002", "999999", "../../000001", "" })
        {
            var properties = row.Properties.ToDictionary();
            properties["key"] = version;
            await tables.Open("vault").UpsertAsync(row with { Properties = properties }, default);
            await Assert.ThrowsAsync<InvalidDataException>(() => vault.GetLatestAsync(org, Name, default));
        }
    }

    [Fact]
    public async Task After_a_rotation_new_values_use_the_new_key_and_old_ones_still_open()
    {
        var before = await vault.PutAsync(org, Name, new Secret("before"), default);
        Assert.Equal("000002", await keys.RotateAsync(org, default));
        var after = await vault.PutAsync(org, Name, new Secret("after"), default);
        Assert.Equal("000002", (await RowAsync(org, Name)).Properties["key"]);
        Assert.Equal("before", (await vault.GetAsync(org, Name, before, default))?.Reveal());
        Assert.Equal("after", (await vault.GetAsync(org, Name, after, default))?.Reveal());
    }

    [Theory]
    [InlineData("")]
    [InlineData("a~b")]
    [InlineData("a/b")]
    [InlineData("a b")]
    public async Task A_name_that_could_reach_into_anothers_keys_is_refused(string name) =>
        await Assert.ThrowsAsync<ArgumentException>(() => vault.PutAsync(org, new CredentialName(name), new Secret("x"), default));

    private async Task<TableRow> RowAsync(OrgId organization, CredentialName name)
    {
        var hash = System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(name.Name));
        var page = await tables.Open("vault").RangeAsync($"{organization}~{hash[0]:x2}", $"{organization}~{name.Name}~", $"{organization}~{name.Name}~~", 1, null, default);
        return Assert.Single(page.Rows);
    }

    private Task<Write> CopyAsync(TableRow from, TableRow to) => tables.Open("vault").UpsertAsync(new TableRow(to.PartitionKey, to.RowKey, from.Properties), default);
}

using Kontext.Domain;
using Kontext.Domain.Vault;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Storage;

/// <summary>What every credential vault promises. A class derived from this one runs it against an implementation.</summary>
public abstract class CredentialVaultContract
{
    private static readonly CredentialName Name = CredentialName.Of(ConnectionId.From(Guid.Parse("0199a000-0000-7000-8000-00000000000c")));
    private static readonly CredentialName OtherName = new("connection-other");
    private readonly OrgId org = Ids.New<OrgId>(DateTimeOffset.UnixEpoch);
    private readonly OrgId otherOrg = Ids.New<OrgId>(DateTimeOffset.UnixEpoch);

    /// <summary>A vault over the same store each time within one test, with a clock of its own: another process, when called again.</summary>
    protected abstract ICredentialVault Open(TimeProvider time);

    /// <summary>The clock of most tests.</summary>
    protected ManualTime Time { get; } = new(new DateTimeOffset(2026, 3, 4, 12, 0, 0, TimeSpan.Zero));

    [Fact]
    public async Task What_was_put_is_there_by_version_and_as_the_latest()
    {
        var vault = Open(Time);
        var version = await vault.PutAsync(org, Name, new Secret("gho_1 é 😀"), default);
        Assert.Equal("gho_1 é 😀", (await vault.GetAsync(org, Name, version, default))?.Reveal());
        var latest = await Open(Time).GetLatestAsync(org, Name, default);
        Assert.Equal((version, "gho_1 é 😀"), (latest?.Version, latest?.Value.Reveal()));
    }

    [Fact]
    public async Task What_was_never_put_is_not_there()
    {
        var vault = Open(Time);
        var version = await vault.PutAsync(org, Name, new Secret("x"), default);
        Assert.Null(await vault.GetLatestAsync(org, OtherName, default));
        Assert.Null(await vault.GetLatestAsync(otherOrg, Name, default));
        Assert.Null(await vault.GetAsync(org, OtherName, version, default));
        Assert.Null(await vault.GetAsync(otherOrg, Name, version, default));
        Assert.Null(await vault.GetAsync(org, Name, "../000001", default));
    }

    [Fact]
    public async Task A_later_put_is_the_latest_and_sorts_after_every_one_before()
    {
        var vault = Open(Time);
        var versions = new List<string>();
        for (var number = 0; number < 30; number++)
        {
            versions.Add(await vault.PutAsync(org, Name, new Secret($"{number}"), default));
            if (number % 3 == 0)
                Time.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.Equal(versions.Order(StringComparer.Ordinal), versions);
        Assert.Equal("29", (await vault.GetLatestAsync(org, Name, default))?.Value.Reveal());
        for (var number = 0; number < 30; number++)
            Assert.Equal($"{number}", (await vault.GetAsync(org, Name, versions[number], default))?.Reveal());
    }

    [Fact]
    public async Task A_process_whose_clock_is_slow_still_writes_the_latest()
    {
        var first = await Open(Time).PutAsync(org, Name, new Secret("old"), default);
        var second = await Open(new ManualTime(Time.GetUtcNow().AddHours(-1))).PutAsync(org, Name, new Secret("new"), default);
        Assert.True(string.CompareOrdinal(second, first) > 0);
        Assert.Equal("new", (await Open(Time).GetLatestAsync(org, Name, default))?.Value.Reveal());
    }

    [Fact]
    public async Task Puts_at_the_same_time_all_keep_their_value()
    {
        var puts = await Task.WhenAll(Enumerable.Range(0, 20).Select(number => Task.Run(async () => (number, version: await Open(Time).PutAsync(org, Name, new Secret($"{number}"), default)))));
        Assert.Equal(20, puts.Select(put => put.version).Distinct().Count());
        foreach (var (number, version) in puts)
            Assert.Equal($"{number}", (await Open(Time).GetAsync(org, Name, version, default))?.Reveal());
    }

    [Fact]
    public async Task A_name_that_begins_like_another_has_its_own_versions()
    {
        var vault = Open(Time);
        await vault.PutAsync(org, new CredentialName("signing-key-a"), new Secret("a"), default);
        await vault.PutAsync(org, new CredentialName("signing-key-a-b"), new Secret("b"), default);
        await vault.PutAsync(org, new CredentialName("signing-key-a_b"), new Secret("c"), default);
        Assert.Equal("a", (await vault.GetLatestAsync(org, new CredentialName("signing-key-a"), default))?.Value.Reveal());
        await vault.DeleteAsync(org, new CredentialName("signing-key-a"), default);
        Assert.Equal("b", (await vault.GetLatestAsync(org, new CredentialName("signing-key-a-b"), default))?.Value.Reveal());
        Assert.Equal("c", (await vault.GetLatestAsync(org, new CredentialName("signing-key-a_b"), default))?.Value.Reveal());
    }

    [Fact]
    public async Task Trimming_deletes_the_versions_before_the_one_named_and_no_other()
    {
        var vault = Open(Time);
        var versions = new List<string>();
        for (var number = 0; number < 12; number++)
            versions.Add(await vault.PutAsync(org, Name, new Secret($"{number}"), default));
        await vault.PutAsync(org, OtherName, new Secret("other"), default);
        await vault.TrimAsync(org, Name, versions[9], default);
        for (var number = 0; number < 12; number++)
            Assert.Equal(number >= 9, await vault.GetAsync(org, Name, versions[number], default) is not null);
        Assert.NotNull(await vault.GetLatestAsync(org, OtherName, default));
    }

    [Fact]
    public async Task Deleting_removes_every_version_and_can_be_repeated()
    {
        var vault = Open(Time);
        var versions = new List<string>();
        for (var number = 0; number < 12; number++)
            versions.Add(await vault.PutAsync(org, Name, new Secret($"{number}"), default));
        await vault.PutAsync(otherOrg, Name, new Secret("theirs"), default);
        await vault.DeleteAsync(org, Name, default);
        await vault.DeleteAsync(org, Name, default);
        Assert.Null(await vault.GetLatestAsync(org, Name, default));
        Assert.Null(await vault.GetAsync(org, Name, versions[3], default));
        Assert.NotNull(await vault.GetLatestAsync(otherOrg, Name, default));
    }
}

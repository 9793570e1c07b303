using Kontext.Domain;
using Kontext.Functions.Local;
using Kontext.Functions.Storage;
using Kontext.Functions.Tests.Local;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Storage;

public sealed class SealerTests : IDisposable
{
    private readonly OrgId org = Ids.New<OrgId>(DateTimeOffset.UnixEpoch);
    private readonly OrgId stranger = Ids.New<OrgId>(DateTimeOffset.UnixEpoch);
    private readonly KeyFolder folder = new();
    private readonly LocalKeys keys;
    private readonly Sealer sealer;

    public SealerTests()
    {
        keys = new LocalKeys(folder.Path, new ManualTime(DateTimeOffset.UnixEpoch));
        sealer = new Sealer(keys);
    }

    public void Dispose()
    {
        keys.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task What_was_sealed_opens_for_the_same_organization_and_context_only()
    {
        var text = await sealer.SealAsync(org, "access:1", new Secret("gho_é"), default);
        Assert.DoesNotContain("gho", text, StringComparison.Ordinal);
        Assert.Equal("gho_é", (await sealer.OpenAsync(org, "access:1", text, default))?.Reveal());
        Assert.Null(await sealer.OpenAsync(org, "access:2", text, default));
        await sealer.SealAsync(stranger, "access:1", new Secret("x"), default);
        Assert.Null(await sealer.OpenAsync(stranger, "access:1", text, default));
    }

    [Fact]
    public async Task The_same_value_never_gives_the_same_text() =>
        Assert.NotEqual(await sealer.SealAsync(org, "c", new Secret("x"), default), await sealer.SealAsync(org, "c", new Secret("x"), default));

    [Fact]
    public async Task Any_changed_character_keeps_it_shut()
    {
        // 29 bytes with nonce and tag are 57: the last character of the base64url has no spare bits.
        var text = await sealer.SealAsync(org, "c", new Secret(new string('v', 29)), default);
        for (var place = 0; place < text.Length; place++)
        {
            var changed = text[..place] + (text[place] == 'A' ? 'B' : 'A') + text[(place + 1)..];
            Assert.Null(await sealer.OpenAsync(org, "c", changed, default));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("s1")]
    [InlineData("s1.000001.")]
    [InlineData("s1.000001.AAAA")]
    [InlineData("s1.000001.!!!!")]
    [InlineData("s1.000009.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("s1.derivation.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("s1.../000001.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("s2.000001.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public async Task Anything_else_is_not_authentic(string text)
    {
        await sealer.SealAsync(org, "c", new Secret("x"), default);
        Assert.Null(await sealer.OpenAsync(org, "c", text, default));
    }

    [Fact]
    public async Task A_text_sealed_before_a_rotation_still_opens()
    {
        var before = await sealer.SealAsync(org, "c", new Secret("x"), default);
        await keys.RotateAsync(org, default);
        Assert.StartsWith("s1.000002.", await sealer.SealAsync(org, "c", new Secret("x"), default), StringComparison.Ordinal);
        Assert.Equal("x", (await sealer.OpenAsync(org, "c", before, default))?.Reveal());
    }

    [Fact]
    public async Task Derived_handles_survive_rotation_and_restart_and_differ_by_organization_purpose_and_text()
    {
        var derived = await sealer.DeriveAsync(org, "refresh", "family/1", default);
        await keys.RotateAsync(org, default);
        using var restarted = new LocalKeys(folder.Path, new ManualTime(DateTimeOffset.UnixEpoch));
        Assert.Equal(32, derived.Length);
        Assert.Equal(derived, await new Sealer(restarted).DeriveAsync(org, "refresh", "family/1", default));
        Assert.NotEqual(derived, await sealer.DeriveAsync(stranger, "refresh", "family/1", default));
        Assert.NotEqual(derived, await sealer.DeriveAsync(org, "code", "family/1", default));
        Assert.NotEqual(derived, await sealer.DeriveAsync(org, "refresh", "family/2", default));
    }
}

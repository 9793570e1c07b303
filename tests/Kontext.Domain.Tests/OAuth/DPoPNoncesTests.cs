using System.Security.Cryptography;
using System.Text;
using Kontext.Domain.OAuth;
using Kontext.Domain.Vault;
using Kontext.Testing;

namespace Kontext.Domain.Tests.OAuth;

/// <summary>Nonces that nobody stores.</summary>
public sealed class DPoPNoncesTests
{
    private readonly ManualTime time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    [Fact]
    public async Task Every_instance_knows_every_others_nonces()
    {
        var (one, other) = (new DPoPNonces(new Keyed("key"), time), new DPoPNonces(new Keyed("key"), time));
        Assert.True(await other.IsValidAsync(await one.CurrentAsync(default), default));
    }

    [Fact]
    public async Task A_nonce_is_good_until_the_second_step_after_its_own()
    {
        var nonces = new DPoPNonces(new Keyed("key"), time);
        var nonce = await nonces.CurrentAsync(default);
        time.Advance(DPoPNonces.Step);
        Assert.NotEqual(nonce, await nonces.CurrentAsync(default));
        Assert.True(await nonces.IsValidAsync(nonce, default));
        time.Advance(DPoPNonces.Step);
        Assert.False(await nonces.IsValidAsync(nonce, default));
    }

    [Fact]
    public async Task A_nonce_made_without_the_key_is_refused()
    {
        var nonces = new DPoPNonces(new Keyed("key"), time);
        Assert.False(await nonces.IsValidAsync(await new DPoPNonces(new Keyed("another key"), time).CurrentAsync(default), default));
        Assert.False(await nonces.IsValidAsync("", default));
    }

    private sealed class Keyed(string key) : ISealer
    {
        public ValueTask<string> SealAsync(OrgId org, string context, Secret value, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<Secret?> OpenAsync(OrgId org, string context, string sealedText, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<byte[]> DeriveAsync(OrgId org, string purpose, string text, CancellationToken cancellationToken) =>
            ValueTask.FromResult(HMACSHA256.HashData(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes($"{org}{purpose}{text}")));
    }
}

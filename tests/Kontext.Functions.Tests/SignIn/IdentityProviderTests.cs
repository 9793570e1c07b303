using Kontext.Functions.SignIn;
using Kontext.Functions.Upstream;
using Kontext.Testing;

namespace Kontext.Functions.Tests.SignIn;

/// <summary>What is remembered of a provider: keys that rotate, documents that cannot be read again.</summary>
public sealed class IdentityProviderTests : IAsyncLifetime
{
    private readonly ManualTime time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly HttpClient http = GuardedHttp.Create(allowPrivateAddresses: true);
    private UpstreamIdp idp = null!;
    private IdentityProvider provider = null!;
    private SignInSettings settings = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        idp = await UpstreamIdp.StartAsync();
        provider = new IdentityProvider(new GuardedFetch(http), time);
        settings = new SignInSettings { Issuer = idp.Issuer, ClientId = "vault-client" };
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await idp.DisposeAsync();
    }

    [Fact]
    public async Task A_new_key_is_found_at_once_and_one_nobody_has_is_searched_for_once_a_minute()
    {
        var old = (await KeysAsync(null))[0].KeyId;
        await idp.RotateKeysAsync();
        Assert.Empty(await KeysAsync("unknown"));
        var fresh = (await KeysAsync(null))[0].KeyId;
        Assert.NotEqual(old, fresh);
        Assert.Single(await KeysAsync(fresh));
        for (var i = 0; i < 5; i++)
            Assert.Empty(await KeysAsync("unknown"));
        Assert.Equal(2, await AskedAsync("GET /jwks"));

        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Empty(await KeysAsync("unknown"));
        Assert.Equal(3, await AskedAsync("GET /jwks"));
    }

    [Fact]
    public async Task People_who_come_while_a_new_key_is_searched_for_wait_for_it()
    {
        await KeysAsync(null);
        await idp.RotateKeysAsync();
        var fresh = (await new Sibling(http, time).KeysAsync(settings))[0].KeyId;
        await idp.FaultAsync("jwks", "slow", more: ("delayMs", 200));
        var found = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => KeysAsync(fresh)));
        Assert.All(found, keys => Assert.Single(keys));
    }

    [Fact]
    public async Task A_withdrawn_key_is_forgotten_within_the_hour()
    {
        var old = (await KeysAsync(null))[0].KeyId;
        await idp.RotateKeysAsync();
        Assert.Single(await KeysAsync(old));
        time.Advance(TimeSpan.FromHours(1));
        Assert.Empty(await KeysAsync(old));
    }

    [Fact]
    public async Task Metadata_that_cannot_be_read_again_stays_good_and_is_asked_for_again_later()
    {
        await MetadataAsync();
        time.Advance(TimeSpan.FromHours(1));
        await idp.FaultAsync("metadata", "unavailable");
        Assert.Equal(idp.Issuer, (await MetadataAsync()).Issuer);
        await MetadataAsync();
        Assert.Equal(2, await AskedAsync("GET /.well-known/openid-configuration"));
        time.Advance(TimeSpan.FromMinutes(1));
        await MetadataAsync();
        await MetadataAsync();
        Assert.Equal(3, await AskedAsync("GET /.well-known/openid-configuration"));
    }

    private async Task<IdentityProviderMetadata> MetadataAsync()
    {
        Assert.True((await provider.DiscoverAsync(settings, Cancel)).TryGet(out var metadata, out _));
        return metadata;
    }

    private async Task<IReadOnlyList<IdentityProviderKey>> KeysAsync(string? keyId)
    {
        Assert.True((await provider.KeysAsync(await MetadataAsync(), keyId, Cancel)).TryGet(out var keys, out _));
        return keys;
    }

    private async Task<int> AskedAsync(string what) => (await idp.StateAsync())["counters"]!["requests"]![what]!.GetValue<int>();

    /// <summary>Another instance, to see what is published now without the first one learning of it.</summary>
    private sealed class Sibling(HttpClient http, TimeProvider time)
    {
        private readonly IdentityProvider provider = new(new GuardedFetch(http), time);

        public async Task<IReadOnlyList<IdentityProviderKey>> KeysAsync(SignInSettings settings)
        {
            Assert.True((await provider.DiscoverAsync(settings, Cancel)).TryGet(out var metadata, out _));
            Assert.True((await provider.KeysAsync(metadata, null, Cancel)).TryGet(out var keys, out _));
            return keys;
        }
    }
}

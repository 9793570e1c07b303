using Kontext.Domain;
using Kontext.Domain.Vault;
using Kontext.Functions.Storage;
using Kontext.Testing.KeyVaultApi;

namespace Kontext.Functions.Tests.Cloud;

/// <summary>A key vault that is slow, refuses or is not there.</summary>
public sealed class KeyVaultTroubleTests : IAsyncLifetime
{
    private static readonly CredentialName Name = KeyVaultWorld.Name;

    private KeyVaultWorld world = null!;

    public async ValueTask InitializeAsync() => world = await KeyVaultWorld.StartAsync();

    public ValueTask DisposeAsync() => world.DisposeAsync();

    [Fact]
    public async Task Throttling_is_waited_out_as_the_vault_says()
    {
        world.StandIn.Fail(StandInFault.Throttled(retryAfterSeconds: 1), times: 2);
        var version = await world.Credentials().PutAsync(world.Org, Name, new Secret("value"), default);
        Assert.Equal("value", (await world.Credentials().GetAsync(world.Org, Name, version, default))?.Reveal());
        Assert.Equal([429, 429, 200], Statuses("PUT"));
    }

    [Fact]
    public async Task Throttling_for_longer_than_a_caller_can_wait_is_told_at_once_with_the_time()
    {
        world.StandIn.Fail(StandInFault.Throttled(retryAfterSeconds: 30));
        var refused = await Assert.ThrowsAsync<StorageUnavailableException>(() => world.Credentials().PutAsync(world.Org, Name, new Secret("value"), default));
        Assert.Equal(TimeSpan.FromSeconds(30), refused.RetryAfter);
        Assert.Equal([429], Statuses("PUT"));
    }

    [Fact]
    public async Task A_passing_failure_is_tried_again_and_a_lasting_one_is_a_failure_that_may_pass()
    {
        world.StandIn.Fail(StandInFault.Broken);
        await world.Credentials().PutAsync(world.Org, Name, new Secret("value"), default);
        Assert.Equal([500, 200], Statuses("PUT"));
        world.StandIn.Fail(StandInFault.Broken, times: 4);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => world.Credentials().PutAsync(world.Org, Name, new Secret("value"), default));
    }

    [Fact]
    public async Task A_missing_role_is_named_and_nothing_of_the_secret_is()
    {
        world.StandIn.Fail(StandInFault.Forbidden);
        var refused = await Assert.ThrowsAsync<StorageUnavailableException>(() => world.Credentials().PutAsync(world.Org, Name, new Secret("canary-canary"), default));
        Assert.Contains("ForbiddenByRbac", refused.ToString(), StringComparison.Ordinal);
        Assert.Contains("Key Vault Secrets Officer", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("canary", refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_probe_is_content_with_a_vault_that_lets_us_read_and_with_no_other()
    {
        await world.StandIn.Open([KeyVaultWorld.Vault]).ProbeAsync(default);
        world.StandIn.Fail(StandInFault.Forbidden);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => world.StandIn.Open([KeyVaultWorld.Vault]).ProbeAsync(default));
    }

    [Fact]
    public async Task A_vault_that_does_not_answer_is_a_failure_that_may_pass()
    {
        var vault = world.Credentials();
        await vault.PutAsync(world.Org, Name, new Secret("value"), default);
        await world.StandIn.StopAsync();
        await Assert.ThrowsAsync<StorageUnavailableException>(() => vault.GetLatestAsync(world.Org, Name, default));
    }

    [Fact]
    public async Task Keys_in_memory_outlast_a_vault_that_is_away_for_less_than_an_hour()
    {
        var vault = world.Envelope();
        var version = await vault.PutAsync(world.Org, Name, new Secret("value"), default);
        await world.StandIn.StopAsync();
        world.Time.Advance(TimeSpan.FromMinutes(59));
        Assert.Equal("value", (await vault.GetAsync(world.Org, Name, version, default))?.Reveal());
        world.Time.Advance(TimeSpan.FromMinutes(2));
        await Assert.ThrowsAsync<StorageUnavailableException>(() => vault.GetAsync(world.Org, Name, version, default));
    }

    private IEnumerable<int> Statuses(string method) => world.StandIn.Requests.Where(request => request.StartsWith(method + " /secrets/credential-", StringComparison.Ordinal))
        .Select(request => int.Parse(request[^3..], System.Globalization.CultureInfo.InvariantCulture)).Where(status => status != 401);
}

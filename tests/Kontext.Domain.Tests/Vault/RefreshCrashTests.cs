using Kontext.Domain;
using Kontext.Domain.Vault;
using Kontext.Testing.Connections;

namespace Kontext.Domain.Tests.Vault;

/// <summary>A refresher that dies at each step; a fresh instance finds only what storage holds.</summary>
public sealed class RefreshCrashTests
{
    private const int ForEver = 1000;
    private readonly ScriptedProvider provider;
    private readonly ConnectionWorld world;

    public RefreshCrashTests()
    {
        var clock = new Testing.ManualTime(ConnectionWorld.Noon);
        provider = new ScriptedProvider(clock);
        world = new ConnectionWorld(provider, clock);
    }

    [Theory]
    [InlineData("lease")]
    [InlineData("get")]
    [InlineData("row")]
    public async Task A_crash_before_or_after_the_provider_was_called_is_repaired(string step)
    {
        await world.ConnectAsync();
        world.Advance(TimeSpan.FromHours(2));
        world.Breakage.Break(step, ForEver);
        await Assert.ThrowsAsync<IOException>(() => world.NewInstance().RefreshAsync());
        world.Breakage.Break(step, 0);
        world.Advance(CredentialRefresh.LeaseLife + TimeSpan.FromSeconds(1));

        Assert.Equal("at-2", CredentialRefreshTests.TokenOf(await world.NewInstance().RefreshAsync()));
        Assert.Equal(1, provider.Refreshes);
        Assert.False(provider.Dead);
        Assert.Null((await world.RowAsync()).RefreshIntentAt);
    }

    [Fact]
    public async Task A_crash_between_vault_and_row_is_repaired_even_when_the_adopted_token_is_expired_by_then()
    {
        await world.ConnectAsync();
        world.Advance(TimeSpan.FromHours(2));
        world.Breakage.Break("row", ForEver);
        await Assert.ThrowsAsync<IOException>(() => world.NewInstance().RefreshAsync());
        world.Breakage.Break("row", 0);
        world.Advance(TimeSpan.FromHours(5));

        Assert.Equal("at-3", CredentialRefreshTests.TokenOf(await world.NewInstance().RefreshAsync()));
        Assert.False(provider.Dead);
    }

    [Fact]
    public async Task A_crash_after_the_provider_rotated_and_before_anything_was_written_is_detected_and_said()
    {
        await world.ConnectAsync();
        world.Advance(TimeSpan.FromHours(2));
        provider.OnRefresh = _ => throw new InvalidOperationException("The process died here.");
        await Assert.ThrowsAsync<InvalidOperationException>(() => world.NewInstance().RefreshAsync());
        provider.OnRefresh = null;
        world.Advance(CredentialRefresh.LeaseLife + TimeSpan.FromSeconds(1));

        Assert.Equal(FailureCode.NotConnected, CredentialRefreshTests.FailureOf(await world.NewInstance().RefreshAsync()).Code);
        Assert.Contains("interrupted", (await world.RowAsync()).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_grant_that_was_left_in_the_vault_and_is_refused_is_not_presented_again()
    {
        await world.ConnectAsync();
        world.Advance(TimeSpan.FromHours(2));
        world.Breakage.Break("row", ForEver);
        await Assert.ThrowsAsync<IOException>(() => world.NewInstance().RefreshAsync());
        world.Breakage.Break("row", 0);
        world.Advance(TimeSpan.FromHours(5));
        provider.Dead = true;

        Assert.Equal(FailureCode.NotConnected, CredentialRefreshTests.FailureOf(await world.NewInstance().RefreshAsync()).Code);
        Assert.Equal(2, provider.Refreshes);
        Assert.Contains("interrupted", (await world.RowAsync()).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_grant_that_arrives_in_the_vault_while_the_one_before_is_refused_is_gone_on_with_though_its_access_token_is_over()
    {
        await world.ConnectAsync();
        world.Advance(TimeSpan.FromHours(2));
        var version = (await world.RowAsync()).CredentialVersion;
        var successor = world.NewInstance();
        provider.OnRefresh = async answer =>
        {
            // The answer to another refresher, whose write was on its way for long.
            await successor.Grants.PutAsync(world.Org, (await world.RowAsync()).Id, new StoredGrant
            {
                AccessToken = answer.AccessToken!, RefreshToken = answer.RefreshToken, ExpiresAt = world.Time.GetUtcNow().AddSeconds(-1), RefreshedFrom = version,
            }.ToSecret(), default);
            return new Failure(FailureCode.InvalidGrant, "The provider no longer accepts the grant.");
        };
        Assert.Equal(FailureCode.Unavailable, CredentialRefreshTests.FailureOf(await successor.RefreshAsync()).Code);
        provider.OnRefresh = null;
        world.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal("at-3", CredentialRefreshTests.TokenOf(await world.NewInstance().RefreshAsync()));
        Assert.False(provider.Dead);
    }

    [Fact]
    public async Task A_lost_answer_is_said_to_be_an_interruption_too()
    {
        await world.ConnectAsync();
        world.Advance(TimeSpan.FromHours(2));
        provider.OnRefresh = _ => Task.FromResult<Result<TokenAnswer>>(new Failure(FailureCode.UpstreamFailed, "Example broke off before its answer was complete."));
        Assert.Equal(FailureCode.Unavailable, CredentialRefreshTests.FailureOf(await world.NewInstance().RefreshAsync()).Code);
        world.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal(FailureCode.NotConnected, CredentialRefreshTests.FailureOf(await world.NewInstance().RefreshAsync()).Code);
        Assert.Contains("interrupted", (await world.RowAsync()).Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("put", 3)]
    [InlineData("after-put", 2)]
    [InlineData("row", 2)]
    [InlineData("trim", 1)]
    public async Task Storage_that_fails_for_a_moment_during_a_refresh_costs_nothing(string step, int times)
    {
        await world.ConnectAsync();
        world.Advance(TimeSpan.FromHours(2));
        world.Breakage.Break(step, times);

        Assert.Equal("at-2", CredentialRefreshTests.TokenOf(await world.NewInstance().RefreshAsync()));
        Assert.Equal(1, provider.Refreshes);
        Assert.Equal("rt-2", (await world.NewInstance().Grants.ReadAsync(world.Org, await world.RowAsync(), default))!.RefreshToken!.Reveal());
    }

    [Fact]
    public async Task A_refresher_whose_lease_ran_out_before_it_asked_leaves_the_refresh_token_to_its_successor()
    {
        await world.ConnectAsync();
        world.Advance(TimeSpan.FromHours(2));
        var (taken, resume) = (new TaskCompletionSource(), new TaskCompletionSource());
        world.Connections.AfterWrite = async connection =>
        {
            if (taken.TrySetResult())
                await resume.Task;
        };
        // It is held right after it took its lease, for longer than the lease.
        var slow = world.NewInstance().RefreshAsync();
        await taken.Task;
        world.Advance(CredentialRefresh.LeaseLife + TimeSpan.FromSeconds(1));
        var asked = new TaskCompletionSource();
        var answer = new TaskCompletionSource();
        provider.OnRefresh = async tokens =>
        {
            asked.SetResult();
            await answer.Task;
            return tokens;
        };
        var successor = world.NewInstance().RefreshAsync();
        await asked.Task;
        resume.SetResult();

        Assert.Equal(FailureCode.Unavailable, CredentialRefreshTests.FailureOf(await slow).Code);
        answer.SetResult();
        Assert.Equal("at-2", CredentialRefreshTests.TokenOf(await successor));
        Assert.Equal(1, provider.Refreshes);
    }

    [Fact]
    public async Task Storage_that_fails_is_no_reason_to_refuse_a_token_that_lives()
    {
        await world.ConnectAsync();
        world.Advance(TimeSpan.FromMinutes(59.8));
        world.Breakage.Break("get", ForEver);

        Assert.Equal("at-1", CredentialRefreshTests.TokenOf(await world.NewInstance().RefreshAsync()));
    }

    [Fact]
    public async Task A_grant_stored_by_a_refresher_that_outlived_its_lease_is_found_before_the_connection_is_given_up()
    {
        await world.ConnectAsync();
        world.Advance(TimeSpan.FromHours(2));
        world.Connections.AfterWrite = null;
        var second = new TaskCompletionSource<Result<OpenedCredential>>();
        var first = true;
        provider.OnRefresh = async answer =>
        {
            if (!first)
                return answer;
            first = false;
            // The first one stalls past its lease; meanwhile another takes over and is told that the token is spent.
            world.Advance(CredentialRefresh.LeaseLife + TimeSpan.FromSeconds(1));
            await StoreLateAsync(answer);
            second.SetResult(await world.NewInstance().RefreshAsync());
            return answer;
        };

        await world.NewInstance().RefreshAsync();

        Assert.Equal("at-2", CredentialRefreshTests.TokenOf(await second.Task));
        Assert.Equal(ConnectionStatus.Connected, (await world.RowAsync()).Status);
    }

    private async Task StoreLateAsync(TokenAnswer answer)
    {
        var row = await world.RowAsync();
        await world.NewInstance().Grants.PutAsync(world.Org, row.Id, new StoredGrant
        {
            AccessToken = answer.AccessToken!, RefreshToken = answer.RefreshToken, ExpiresAt = answer.ExpiresAt, RefreshedFrom = row.CredentialVersion,
        }.ToSecret(), default);
    }
}

using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Vault;
using Kontext.Testing.Connections;

namespace Kontext.Domain.Tests.Vault;

public sealed class CredentialRefreshTests
{
    private readonly ScriptedProvider provider;
    private readonly ConnectionWorld world;

    public CredentialRefreshTests()
    {
        var clock = new Testing.ManualTime(ConnectionWorld.Noon);
        provider = new ScriptedProvider(clock);
        world = new ConnectionWorld(provider, clock);
    }

    [Fact]
    public async Task An_expired_token_is_replaced_and_the_new_refresh_token_kept()
    {
        await world.ConnectAsync();
        world.Advance(TimeSpan.FromHours(2));

        Assert.Equal("at-2", TokenOf(await world.NewInstance().RefreshAsync()));

        var row = await world.RowAsync();
        Assert.Null(row.LeaseUntil);
        Assert.Null(row.RefreshIntentAt);
        Assert.Equal(world.Time.GetUtcNow(), row.RefreshedAt);
        Assert.Equal("rt-2", (await world.NewInstance().Grants.ReadAsync(world.Org, row, default))!.RefreshToken!.Reveal());
        Assert.Equal(1, world.Vault.CountOf(world.Org, CredentialName.Of(row.Id)));
        Assert.Equal([AuditTypes.Connected, AuditTypes.Refreshed], world.Audit.Types);
    }

    [Fact]
    public async Task Many_readers_on_many_instances_cause_one_refresh()
    {
        await world.ConnectAsync();
        world.Advance(TimeSpan.FromHours(2));
        var instances = Enumerable.Range(0, 4).Select(_ => world.NewInstance()).ToList();

        var results = await Task.WhenAll(Enumerable.Range(0, 64).Select(reader => Task.Run(() => instances[reader % 4].RefreshAsync())));

        Assert.All(results, result => Assert.Equal("at-2", TokenOf(result)));
        Assert.Equal(1, provider.Refreshes);
    }

    [Fact]
    public async Task Whoever_comes_during_a_refresh_is_served_the_old_token_while_it_lives()
    {
        await world.ConnectAsync();
        world.Advance(TimeSpan.FromMinutes(59.8));
        var arrived = new TaskCompletionSource();
        var finish = new TaskCompletionSource();
        provider.OnRefresh = async answer =>
        {
            arrived.SetResult();
            await finish.Task;
            return answer;
        };

        var winner = world.NewInstance().RefreshAsync();
        await arrived.Task;
        Assert.Equal("at-1", TokenOf(await world.NewInstance().RefreshAsync()));
        finish.SetResult();

        Assert.Equal("at-2", TokenOf(await winner));
        Assert.Equal(1, provider.Refreshes);
    }

    [Fact]
    public async Task A_token_the_integration_rejected_is_refreshed_once_for_everybody_who_was_rejected()
    {
        await world.ConnectAsync();

        var results = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() => world.NewInstance().RefreshAsync(rejected: "at-1"))));

        Assert.All(results, result => Assert.Equal("at-2", TokenOf(result)));
        Assert.Equal(1, provider.Refreshes);
    }

    [Fact]
    public async Task A_token_refused_right_after_its_refresh_does_not_cost_another_refresh()
    {
        await world.ConnectAsync();
        await world.NewInstance().RefreshAsync(rejected: "at-1");

        Assert.Equal(FailureCode.UpstreamFailed, FailureOf(await world.NewInstance().RefreshAsync(rejected: "at-2")).Code);
        Assert.Equal(1, provider.Refreshes);
    }

    [Fact]
    public async Task A_refresher_that_lost_its_lease_overwrites_nothing()
    {
        await world.ConnectAsync();
        world.Advance(TimeSpan.FromHours(2));
        var stalled = new TaskCompletionSource<Connection>();
        provider.OnRefresh = async answer =>
        {
            provider.OnRefresh = null;
            // While the first one stalls past its lease, the person connects again.
            world.Advance(TimeSpan.FromSeconds(31));
            stalled.SetResult(await world.ConnectAsync("at-new", "rt-new"));
            return answer;
        };

        Assert.Equal("at-new", TokenOf(await world.NewInstance().RefreshAsync()));

        var row = await world.RowAsync();
        Assert.Equal((await stalled.Task).CredentialVersion, row.CredentialVersion);
        Assert.Equal("rt-new", (await world.NewInstance().Grants.ReadAsync(world.Org, row, default))!.RefreshToken!.Reveal());
    }

    [Fact]
    public async Task A_disconnect_during_a_refresh_wins_and_the_fresh_grant_is_revoked_and_deleted()
    {
        var connection = await world.ConnectAsync();
        world.UseIssuer();
        world.Advance(TimeSpan.FromHours(2));
        provider.OnRefresh = async answer =>
        {
            await world.NewInstance().Disconnection.RunAsync(world.Org, world.User.Id, world.Integration, DisconnectReason.ByPerson, actor: null, default);
            return answer;
        };

        Assert.Equal(FailureCode.NotConnected, FailureOf(await world.NewInstance().RefreshAsync()).Code);

        var row = await world.RowAsync();
        Assert.Equal(ConnectionStatus.Disconnected, row.Status);
        Assert.Null(row.SealedAccessToken);
        Assert.Null(row.CredentialVersion);
        Assert.Contains("rt-2", provider.Revoked);
        Assert.Equal(0, world.Vault.CountOf(world.Org, CredentialName.Of(connection.Id)));
    }

    [Fact]
    public async Task A_connection_that_ended_is_told_of_again_when_it_is_ended_again()
    {
        await world.ConnectAsync();
        var instance = world.NewInstance();
        await instance.Disconnection.RunAsync(world.Org, world.User.Id, world.Integration, DisconnectReason.ByAdministrator, actor: null, default);
        var told = world.Connections.CutOffs;
        await instance.Disconnection.RunAsync(world.Org, world.User.Id, world.Integration, DisconnectReason.ByAdministrator, actor: null, default);
        Assert.Equal(told + 1, world.Connections.CutOffs);
    }

    [Fact]
    public async Task A_dead_grant_disconnects_with_the_reason_in_words()
    {
        await world.ConnectAsync();
        world.Advance(TimeSpan.FromHours(2));
        provider.Dead = true;

        var failure = FailureOf(await world.NewInstance().RefreshAsync());

        Assert.Equal(FailureCode.NotConnected, failure.Code);
        Assert.Equal(world.Integration.Id, failure.Integration?.Id);
        var row = await world.RowAsync();
        Assert.Equal(ConnectionStatus.Disconnected, row.Status);
        Assert.Contains("the provider ended the grant", row.Reason, StringComparison.Ordinal);
        Assert.Equal(1, world.Connections.CutOffs);
        Assert.Equal(AuditTypes.Disconnected, world.Audit.Last.Type);

        await world.NewInstance().Refresh.RunAsync(world.Org, world.Integration, row, null, default);
        Assert.Equal(1, provider.Refreshes);
    }

    [Theory]
    [InlineData(FailureCode.Unavailable)]
    [InlineData(FailureCode.UpstreamFailed)]
    public async Task A_transient_failure_serves_the_old_token_and_leaves_the_provider_alone_for_as_long_as_it_asked(FailureCode code)
    {
        await world.ConnectAsync();
        world.Advance(TimeSpan.FromMinutes(59.8));
        provider.Refusal = new Failure(code, "Example has trouble.") { RetryAfter = TimeSpan.FromSeconds(40) };

        Assert.Equal("at-1", TokenOf(await world.NewInstance().RefreshAsync()));
        Assert.Equal("at-1", TokenOf(await world.NewInstance().RefreshAsync()));
        Assert.Equal(1, provider.Refreshes);
        Assert.Equal(["connection.connected", "connection.failing"], world.Audit.Types);

        world.Advance(TimeSpan.FromSeconds(20));
        var failure = FailureOf(await world.NewInstance().RefreshAsync());
        Assert.Equal(FailureCode.Unavailable, failure.Code);
        Assert.InRange(failure.RetryAfter!.Value, TimeSpan.FromSeconds(19), TimeSpan.FromSeconds(21));
        Assert.Contains("Example has trouble", failure.Message, StringComparison.Ordinal);
        Assert.Equal(ConnectionStatus.Connected, (await world.RowAsync()).Status);

        world.Advance(TimeSpan.FromSeconds(25));
        provider.Refusal = null;
        Assert.Equal("at-2", TokenOf(await world.NewInstance().RefreshAsync()));
        Assert.Equal(0, (await world.RowAsync()).Failures);
        Assert.Equal("connection.recovered", world.Audit.Last.Type);
    }

    [Fact]
    public async Task A_misconfigured_app_is_said_to_be_so_and_works_as_soon_as_it_is_corrected()
    {
        await world.ConnectAsync();
        world.Advance(TimeSpan.FromHours(2));
        var configured = world.Integration;
        world.Integration = configured with { OAuth = configured.OAuth! with { ClientId = null } };

        var failure = FailureOf(await world.NewInstance().RefreshAsync());
        Assert.Equal(FailureCode.Misconfigured, failure.Code);
        Assert.Contains("oauth.clientId", failure.Message, StringComparison.Ordinal);
        Assert.Equal(failure.Message, (await world.RowAsync()).LastError);

        world.Integration = configured;
        Assert.Equal("at-2", TokenOf(await world.NewInstance().RefreshAsync()));
    }

    [Fact]
    public async Task A_new_refresh_token_is_kept_even_when_the_access_token_beside_it_is_unusable()
    {
        await world.ConnectAsync();
        world.Advance(TimeSpan.FromHours(2));
        provider.OnRefresh = answer => Task.FromResult(Result.Of(answer with { AccessToken = null, Problem = "Example issues tokens of a type that cannot be used here." }));
        Assert.Equal(FailureCode.Unavailable, FailureOf(await world.NewInstance().RefreshAsync()).Code);

        provider.OnRefresh = null;
        world.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal("at-3", TokenOf(await world.NewInstance().RefreshAsync()));
        Assert.False(provider.Dead);
    }

    [Fact]
    public async Task An_expired_token_without_a_refresh_token_ends_the_connection()
    {
        await world.ConnectAsync(refreshToken: null);
        world.Advance(TimeSpan.FromHours(2));

        Assert.Equal(FailureCode.NotConnected, FailureOf(await world.NewInstance().RefreshAsync()).Code);
        Assert.Equal(ConnectionStatus.Disconnected, (await world.RowAsync()).Status);
        Assert.Equal(0, provider.Refreshes);
    }

    [Fact]
    public async Task A_waiting_caller_that_goes_away_stops_waiting()
    {
        await world.ConnectAsync();
        world.Advance(TimeSpan.FromHours(2));
        var arrived = new TaskCompletionSource();
        var finish = new TaskCompletionSource();
        provider.OnRefresh = async answer =>
        {
            arrived.SetResult();
            await finish.Task;
            return answer;
        };
        var winner = world.NewInstance().RefreshAsync();
        await arrived.Task;
        using var gone = new CancellationTokenSource();
        var waiting = world.NewInstance().RefreshAsync(cancellationToken: gone.Token);
        await gone.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        finish.SetResult();
        Assert.Equal("at-2", TokenOf(await winner));
    }

    [Fact]
    public async Task A_caller_that_goes_away_does_not_stop_the_refresh_it_began()
    {
        await world.ConnectAsync();
        world.Advance(TimeSpan.FromHours(2));
        using var gone = new CancellationTokenSource();
        provider.OnRefresh = async answer =>
        {
            await gone.CancelAsync();
            return answer;
        };

        await world.NewInstance().RefreshAsync(cancellationToken: gone.Token);

        Assert.NotNull((await world.RowAsync()).RefreshedAt);
    }

    internal static string TokenOf(Result<OpenedCredential> result) =>
        result.TryGet(out var credential, out var failure) ? credential.Value.Reveal() : throw new Xunit.Sdk.XunitException(failure.ToString());

    internal static Failure FailureOf(Result<OpenedCredential> result) =>
        result.TryGet(out _, out var failure) ? throw new Xunit.Sdk.XunitException("It succeeded.") : failure;
}

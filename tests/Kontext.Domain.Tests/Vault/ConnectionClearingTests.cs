using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;
using Kontext.Testing.Connections;

namespace Kontext.Domain.Tests.Vault;

public sealed class ConnectionClearingTests
{
    private readonly ScriptedProvider provider;
    private readonly MemorySchedule schedule = new();
    private readonly ConnectionWorld world;

    public ConnectionClearingTests()
    {
        var clock = new Testing.ManualTime(ConnectionWorld.Noon);
        provider = new ScriptedProvider(clock);
        world = new ConnectionWorld(provider, clock) { Schedule = schedule };
        world.UseIssuer();
    }

    [Fact]
    public async Task A_change_whose_program_died_before_clearing_is_cleared_by_the_sweep()
    {
        var connection = await world.ConnectAsync();
        await world.NewInstance().Clearing.AnnounceAsync(world.Org, world.Integration.Id, default);
        world.Integration = world.Integration with { ConnectionEpoch = world.Integration.ConnectionEpoch + 1 };

        world.Advance(TimeSpan.FromMinutes(1));
        await SweepAsync();

        var row = await world.RowAsync();
        Assert.Equal((ConnectionStatus.Disconnected, ConnectionEnds.ModeChanged), (row.Status, row.ReasonCode));
        Assert.Equal(0, world.Vault.CountOf(world.Org, CredentialName.Of(connection.Id)));
        Assert.Equal(["rt-1"], provider.Revoked);
        Assert.Equal(AuditTypes.Disconnected, world.Audit.Last.Type);
        Assert.DoesNotContain(schedule.Notes, ConnectionClearing.IsNote);
    }

    [Fact]
    public async Task A_note_whose_change_was_never_stored_clears_nothing()
    {
        await world.ConnectAsync();
        await world.NewInstance().Clearing.AnnounceAsync(world.Org, world.Integration.Id, default);
        world.Advance(TimeSpan.FromMinutes(1));
        await SweepAsync();
        Assert.Equal(ConnectionStatus.Connected, (await world.RowAsync()).Status);
        Assert.DoesNotContain(schedule.Notes, ConnectionClearing.IsNote);
    }

    [Fact]
    public async Task Who_connected_again_since_the_change_stays_connected()
    {
        await world.ConnectAsync();
        world.Integration = world.Integration with { ConnectionEpoch = world.Integration.ConnectionEpoch + 1 };
        var stale = (await world.Connections.ListOfAsync(world.Org, world.Integration.Id, null, 10, default)).Items.Single();
        await world.ConnectAsync("at-new", "rt-new");
        await world.NewInstance().Disconnection.ClearAsync(world.Org, stale.User, world.Integration, DisconnectReason.ModeChanged, actor: null, default);
        Assert.Equal(ConnectionStatus.Connected, (await world.RowAsync()).Status);
    }

    [Fact]
    public async Task Secrets_that_could_not_be_deleted_are_deleted_later()
    {
        var connection = await world.ConnectAsync();
        world.Breakage.Break("delete");
        var report = await world.NewInstance().Disconnection.RunAsync(world.Org, world.User.Id, world.Integration, DisconnectReason.ByPerson, actor: null, default);
        Assert.False(report.SecretsDeleted);
        Assert.Equal(1, world.Vault.CountOf(world.Org, CredentialName.Of(connection.Id)));

        world.Advance(TimeSpan.FromMinutes(1));
        await SweepAsync();

        Assert.Equal(0, world.Vault.CountOf(world.Org, CredentialName.Of(connection.Id)));
        Assert.Equal(ConnectionEnds.ByPerson, (await world.RowAsync()).ReasonCode);
    }

    [Fact]
    public async Task A_refresh_token_goes_to_no_other_provider_than_the_one_that_granted_it()
    {
        var connection = await world.ConnectAsync();
        world.UseIssuer("https://other.test");
        var refused = await world.NewInstance().RefreshAsync(rejected: "at-1");
        Assert.False(refused.TryGet(out _, out var failure));
        Assert.Equal(FailureCode.NotConnected, failure!.Code);
        Assert.Equal(0, provider.Refreshes);
        Assert.Equal(ConnectionEnds.ModeChanged, (await world.RowAsync()).ReasonCode);
        await world.NewInstance().Disconnection.RunAsync(world.Org, connection.User, world.Integration, DisconnectReason.ByPerson, actor: null, default);
        Assert.Empty(provider.Revoked);
    }

    private Task SweepAsync() => world.NewInstance().SweepAsync(TestContext.Current.CancellationToken);
}

using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Domain.Revocations;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Functions.Storage;
using Kontext.Testing;
using Kontext.Testing.Connections;

namespace Kontext.Functions.Tests.Storage;

/// <summary>Two instances on one storage: what one cuts off, the other does not serve a second later.</summary>
public sealed class FreshnessTests
{
    private static readonly OrgId Org = Samples.NewOrg();
    private readonly SteppedTime time = new();
    private readonly WatchedTables tables = new(new MemoryTables());
    private readonly Instance here;
    private readonly Instance there;

    public FreshnessTests() => (here, there) = (new Instance(tables, time), new Instance(tables, time));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_revoked_session_is_dead_on_another_instance_within_a_second()
    {
        var session = await NewSessionAsync();
        Assert.Null((await there.Sessions.CurrentAsync(Org, session.Application, session.Id, Cancel))!.RevokedAt);
        var row = (await here.Sessions.FindAsync(Org, session.Application, session.Id, Cancel))!;
        await here.Sessions.ReplaceAsync(Org, row, row.Value with { RevokedAt = time.GetUtcNow() }, Cancel);

        Assert.NotNull((await here.Sessions.CurrentAsync(Org, session.Application, session.Id, Cancel))!.RevokedAt);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.NotNull((await there.Sessions.CurrentAsync(Org, session.Application, session.Id, Cancel))!.RevokedAt);
    }

    [Theory]
    [InlineData(CutOffKind.Session)]
    [InlineData(CutOffKind.Application)]
    [InlineData(CutOffKind.User)]
    [InlineData(CutOffKind.Integration)]
    public async Task What_an_instance_cut_off_and_died_before_it_told_the_others_is_told_by_whoever_cuts_it_off_again(CutOffKind kind)
    {
        var (user, application, integration) = (Samples.User("ada"), Samples.Application("agent"), Samples.Integration("notes"));
        var session = Samples.Session(application.Id, user.Id, Samples.Then);
        await here.Users.InsertAsync(Org, user, Cancel);
        await here.Applications.InsertAsync(Org, application, Cancel);
        await here.Integrations.InsertAsync(Org, integration, Cancel);
        await here.Sessions.InsertAsync(Org, session, Cancel);
        async Task<bool> IsCutOffThereAsync() => kind switch
        {
            CutOffKind.Session => (await there.Sessions.CurrentAsync(Org, application.Id, session.Id, Cancel))!.RevokedAt is not null,
            CutOffKind.Application => (await there.Applications.CurrentAsync(Org, application.Id, Cancel))!.Suspended,
            CutOffKind.User => (await there.Users.CurrentAsync(Org, user.Id, Cancel))!.Disabled,
            _ => (await there.Integrations.CurrentAsync(Org, integration.Id, Cancel))!.Suspended,
        };
        Assert.False(await IsCutOffThereAsync());
        var target = new CutOffTarget { Kind = kind, Session = session.Id, Application = application.Id, User = user.Id, Integration = integration.Id };

        var dying = new FaultyTables(tables);
        dying["epochs"].FailWrite(1);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => SwitchOf(new Instance(dying, time)).SetAsync(Org, target, cutOff: true, "leaked", Cancel));
        await SwitchOf(here).SetAsync(Org, target, cutOff: true, "leaked", Cancel);

        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(await IsCutOffThereAsync());
    }

    private CutOffSwitch SwitchOf(Instance instance) => new(
        instance.Organizations, instance.Users, instance.Applications, instance.Integrations, instance.Sessions,
        new SessionRevocation(instance.Sessions, instance.Applications, new MemoryAudit(), time));

    [Fact]
    public async Task The_poll_is_enough_to_hear_of_a_disabled_person_and_an_archived_application()
    {
        var (user, application) = (Samples.User("ada"), Samples.Application("agent"));
        await here.Users.InsertAsync(Org, user, Cancel);
        await here.Applications.InsertAsync(Org, application, Cancel);
        await there.Users.CurrentAsync(Org, user.Id, Cancel);
        await there.Applications.CurrentAsync(Org, application.Id, Cancel);
        await here.Users.ReplaceAsync(Org, (await here.Users.FindAsync(Org, user.Id, Cancel))!, user with { Disabled = true }, Cancel);
        await here.Applications.ReplaceAsync(Org, (await here.Applications.FindAsync(Org, application.Id, Cancel))!, application with { Archived = true }, Cancel);

        await there.Epochs.PollAsync(Cancel);

        Assert.True((await there.Users.CurrentAsync(Org, user.Id, Cancel))!.Disabled);
        Assert.True((await there.Applications.CurrentAsync(Org, application.Id, Cancel))!.Archived);
    }

    [Fact]
    public async Task What_is_known_costs_no_read_and_what_does_not_exist_is_not_remembered()
    {
        var user = Samples.User("ada");
        Assert.Null(await here.Users.CurrentAsync(Org, user.Id, Cancel));
        await there.Users.InsertAsync(Org, user, Cancel);
        Assert.NotNull(await here.Users.CurrentAsync(Org, user.Id, Cancel));
        var reads = tables.Reads;
        Assert.NotNull(await here.Users.CurrentAsync(Org, user.Id, Cancel));
        Assert.Equal(reads, tables.Reads);
    }

    [Fact]
    public async Task Nothing_is_remembered_for_longer_than_a_minute()
    {
        var user = Samples.User("ada");
        await here.Users.InsertAsync(Org, user, Cancel);
        await here.Users.CurrentAsync(Org, user.Id, Cancel);
        time.Advance(FreshCache.MaxAge);
        await here.Epochs.CurrentAsync(Org, Cancel);
        var reads = tables.Reads;
        await here.Users.CurrentAsync(Org, user.Id, Cancel);
        Assert.Equal(reads + 1, tables.Reads);
    }

    [Fact]
    public async Task A_value_read_while_it_was_being_revoked_is_not_believed_afterwards()
    {
        var session = await NewSessionAsync();
        var row = (await here.Sessions.FindAsync(Org, session.Application, session.Id, Cancel))!;
        await there.Epochs.CurrentAsync(Org, Cancel);
        // The other instance reads the old row; the revocation lands between its read and its remembering.
        var slow = there.Cache.GetAsync(new FreshKey(FreshKind.Session, Org, session.Application.Value, session.Id.Value), row.Value, async (old, _) =>
        {
            await here.Sessions.ReplaceAsync(Org, row, old with { RevokedAt = time.GetUtcNow() }, Cancel);
            await there.Epochs.PollAsync(Cancel);
            return old;
        }, Cancel);
        Assert.Null((await slow)!.RevokedAt);
        Assert.NotNull((await there.Sessions.CurrentAsync(Org, session.Application, session.Id, Cancel))!.RevokedAt);
    }

    [Fact]
    public async Task Token_rotation_tells_nobody_and_a_wider_consent_tells_everybody()
    {
        var session = await NewSessionAsync();
        var number = await here.Epochs.CurrentAsync(Org, Cancel);
        var row = (await here.Sessions.FindAsync(Org, session.Application, session.Id, Cancel))!;
        var rotated = (await here.Sessions.ReplaceAsync(Org, row, row.Value with { Generation = 1, RotatedAt = time.GetUtcNow(), LastActiveAt = time.GetUtcNow() }, Cancel))!;
        Assert.Equal(number, await here.Epochs.CurrentAsync(Org, Cancel));
        Assert.Equal(1, (await here.Sessions.CurrentAsync(Org, session.Application, session.Id, Cancel))!.Generation);

        await here.Sessions.ReplaceAsync(Org, rotated, rotated.Value with { Approved = [Ids.New<IntegrationId>(Samples.Then)] }, Cancel);
        Assert.Equal(number + 1, await here.Epochs.CurrentAsync(Org, Cancel));
    }

    [Fact]
    public async Task A_disconnected_connection_is_dead_on_another_instance_after_a_poll()
    {
        var connection = await NewConnectionAsync(expires: null);
        Assert.NotNull(await there.Connections.CurrentAsync(Org, connection.User, connection.Integration, Cancel));
        var row = (await here.Connections.FindAsync(Org, connection.User, connection.Integration, Cancel))!;
        await here.Connections.ReplaceAsync(Org, row, row.Value with { Status = ConnectionStatus.Disconnected }, cutOff: true, Cancel);
        await there.Epochs.PollAsync(Cancel);
        Assert.Equal(ConnectionStatus.Disconnected, (await there.Connections.CurrentAsync(Org, connection.User, connection.Integration, Cancel))!.Status);
    }

    [Fact]
    public async Task A_token_about_to_end_is_read_again_because_another_instance_may_have_refreshed_it()
    {
        var connection = await NewConnectionAsync(expires: time.GetUtcNow().AddSeconds(90));
        await there.Connections.CurrentAsync(Org, connection.User, connection.Integration, Cancel);
        var row = (await here.Connections.FindAsync(Org, connection.User, connection.Integration, Cancel))!;
        var refreshedUntil = time.GetUtcNow().AddHours(1);
        await here.Connections.ReplaceAsync(Org, row, row.Value with { AccessExpiresAt = refreshedUntil }, cutOff: false, Cancel);

        time.Advance(TimeSpan.FromSeconds(31));

        Assert.Equal(refreshedUntil, (await there.Connections.CurrentAsync(Org, connection.User, connection.Integration, Cancel))!.AccessExpiresAt);
    }

    [Fact]
    public async Task A_person_who_reconnected_elsewhere_is_connected_here_at_once()
    {
        var connection = await NewConnectionAsync(expires: null) with { Status = ConnectionStatus.Disconnected };
        var row = (await here.Connections.FindAsync(Org, connection.User, connection.Integration, Cancel))!;
        row = (await here.Connections.ReplaceAsync(Org, row, connection, cutOff: true, Cancel))!;
        await there.Epochs.PollAsync(Cancel);
        Assert.Equal(ConnectionStatus.Disconnected, (await there.Connections.CurrentAsync(Org, connection.User, connection.Integration, Cancel))!.Status);

        await here.Connections.ReplaceAsync(Org, row, connection with { Status = ConnectionStatus.Connected }, cutOff: false, Cancel);

        Assert.Equal(ConnectionStatus.Connected, (await there.Connections.CurrentAsync(Org, connection.User, connection.Integration, Cancel))!.Status);
    }

    [Fact]
    public async Task The_cache_forgets_what_is_not_used_and_keeps_what_is()
    {
        var user = Samples.User("ada");
        await here.Users.InsertAsync(Org, user, Cancel);
        await here.Users.CurrentAsync(Org, user.Id, Cancel);
        for (var n = 0; n < 60_000; n++)
        {
            await here.Cache.GetAsync(new FreshKey(FreshKind.Session, Org, Name: n.ToString(System.Globalization.CultureInfo.InvariantCulture)), "x", static (value, _) => Task.FromResult<string?>(value), Cancel);
            if (n % 10_000 == 0)
                await here.Users.CurrentAsync(Org, user.Id, Cancel);
        }
        var reads = tables.Reads;
        await here.Users.CurrentAsync(Org, user.Id, Cancel);
        Assert.Equal(reads, tables.Reads);
        var loaded = false;
        await here.Cache.GetAsync(new FreshKey(FreshKind.Session, Org, Name: "1"), "x", (value, _) => { loaded = true; return Task.FromResult<string?>(value); }, Cancel);
        Assert.True(loaded);
    }

    private async Task<Session> NewSessionAsync()
    {
        var session = Samples.Session(Ids.New<AppId>(Samples.Then), new UserId(Guid.NewGuid()), Samples.Then);
        await here.Sessions.InsertAsync(Org, session, Cancel);
        return session;
    }

    private async Task<Connection> NewConnectionAsync(DateTimeOffset? expires)
    {
        var connection = Samples.Connection(new UserId(Guid.NewGuid()), Ids.New<IntegrationId>(Samples.Then)) with { AccessExpiresAt = expires };
        await here.Connections.InsertAsync(Org, connection, Cancel);
        return connection;
    }
}

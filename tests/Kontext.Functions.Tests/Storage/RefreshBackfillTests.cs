using Kontext.Domain;
using Kontext.Domain.Vault;
using Kontext.Functions.Storage;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Storage;

public sealed class RefreshBackfillTests
{
    private static readonly TimeSpan Life = TimeSpan.FromHours(1);
    private readonly ManualTime clock = new(Samples.Then);
    private readonly MemoryTables tables = new();
    private readonly OrgId org = Samples.NewOrg();
    private readonly RefreshSchedule schedule;
    private readonly Instance instance;

    public RefreshBackfillTests()
    {
        schedule = new RefreshSchedule(tables);
        instance = new Instance(tables, clock);
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_connection_that_is_older_than_the_notes_gets_the_one_it_would_have()
    {
        var connection = await ConnectAsync("alice");
        await RunAsync();

        var note = RefreshFiling.NoteOf(org, connection)!;
        Assert.NotNull(await schedule.FindAsync(note, Cancelled));
        Assert.Equal([note], await DueAsync(note.DueAt));
    }

    [Fact]
    public async Task A_connection_that_is_noted_is_not_noted_twice()
    {
        var connection = await ConnectAsync("alice");
        await new RefreshFiling(schedule).FileAsync(org, connection);
        clock.Advance(Life * 2);
        await RunAsync();
        Assert.Single(await DueAsync(clock.GetUtcNow() + Life));
    }

    [Fact]
    public async Task What_is_overdue_is_noted_for_soon_and_not_all_at_once()
    {
        for (var person = 0; person < 20; person++)
            await ConnectAsync($"person {person}");
        clock.Advance(TimeSpan.FromDays(40));
        await RunAsync();
        var due = await DueAsync(clock.GetUtcNow() + TimeSpan.FromMinutes(10));
        Assert.Equal(20, due.Count);
        Assert.All(due, note => Assert.True(note.DueAt >= clock.GetUtcNow()));
        Assert.Equal(20, due.Select(note => note.DueAt).Distinct().Count());
    }

    [Fact]
    public async Task Connections_that_are_over_or_cannot_be_refreshed_need_no_note()
    {
        await ConnectAsync("alice", connection => connection with { Status = ConnectionStatus.Disconnected });
        await ConnectAsync("bob", connection => connection with { Refreshable = false });
        await ConnectAsync("carol", connection => connection with { AccessExpiresAt = null });
        await RunAsync();
        Assert.Empty(await DueAsync(clock.GetUtcNow() + TimeSpan.FromHours(23)));
    }

    [Fact]
    public async Task Notes_that_nobody_walks_any_more_go_and_those_of_the_last_day_stay()
    {
        var connection = await ConnectAsync("alice", over => over with { Status = ConnectionStatus.Disconnected });
        DueRefresh At(TimeSpan ago) => new(org, connection.User, connection.Integration, connection.Id, clock.GetUtcNow(), clock.GetUtcNow() - ago);
        await schedule.FileAsync(At(TimeSpan.FromDays(30)), Cancelled);
        await schedule.FileAsync(At(TimeSpan.FromHours(25)), Cancelled);
        await schedule.FileAsync(At(TimeSpan.FromHours(23)), Cancelled);
        await RunAsync();
        Assert.Null(await schedule.FindAsync(At(TimeSpan.FromDays(30)), Cancelled));
        Assert.Null(await schedule.FindAsync(At(TimeSpan.FromHours(25)), Cancelled));
        Assert.Equal([At(TimeSpan.FromHours(23))], await DueAsync(clock.GetUtcNow()));
    }

    [Fact]
    public async Task Instances_do_it_once_a_day_between_them_and_take_over_from_one_that_died()
    {
        var works = new DailyWork(tables, clock);
        var day = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        Assert.True(await works.TryBeginAsync("work", day, Cancelled));
        Assert.False(await new DailyWork(tables, clock).TryBeginAsync("work", day, Cancelled));
        clock.Advance(TimeSpan.FromMinutes(31));
        Assert.True(await works.TryBeginAsync("work", day, Cancelled));
        await works.EndAsync("work", day, Cancelled);
        clock.Advance(TimeSpan.FromHours(1));
        Assert.False(await works.TryBeginAsync("work", day, Cancelled));
        Assert.True(await works.TryBeginAsync("work", day.AddDays(1), Cancelled));
    }

    private async Task<Connection> ConnectAsync(string name, Func<Connection, Connection>? change = null)
    {
        var user = Samples.User(name);
        await instance.Users.InsertAsync(org, user, Cancelled);
        var connection = Samples.Connection(user.Id, Ids.Named<IntegrationId>("example")) with
        {
            Id = new ConnectionId(Guid.NewGuid()), Refreshable = true, ConnectedAt = clock.GetUtcNow(), AccessExpiresAt = clock.GetUtcNow() + Life,
        };
        connection = change?.Invoke(connection) ?? connection;
        await instance.Connections.InsertAsync(org, connection, Cancelled);
        return connection;
    }

    private async Task RunAsync()
    {
        await new TableAuditLogTables(tables).Organizations.UpsertAsync(AuditOrganization.ToRow(org, DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime)), Cancelled);
        await new RefreshBackfill(new ConnectionWalk(tables, instance.Connections, clock), schedule, new DailyWork(tables, clock), clock).RunAsync(Cancelled);
    }

    private async Task<List<DueRefresh>> DueAsync(DateTimeOffset now) => [.. (await schedule.DueAsync(now, Cancelled).ToListAsync(Cancelled)).Select(due => due.Value)];
}

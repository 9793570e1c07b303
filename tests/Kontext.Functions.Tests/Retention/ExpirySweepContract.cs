using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Domain.Policies;
using Kontext.Domain.Revocations;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Functions.Retention;
using Kontext.Functions.SignIn;
using Kontext.Functions.Storage;
using Kontext.Functions.Tests.Storage;
using Kontext.Testing;
using Kontext.Testing.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kontext.Functions.Tests.Retention;

/// <summary>What the sweep promises: what has expired goes, what has not stays, in bounded steps.</summary>
public abstract class ExpirySweepContract : IAsyncLifetime
{
    private const int Everything = 1_000_000;

    private readonly OrgId org = new(Guid.NewGuid());
    private readonly ManualTime time = new(Samples.Then);
    private readonly MemoryAudit audit = new();
    private readonly Lines log = new();
    private FaultyTables tables = null!;
    private Instance stores = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private protected abstract Task<ITableSource> OpenAsync();

    public async ValueTask InitializeAsync()
    {
        tables = new FaultyTables(await OpenAsync());
        stores = new Instance(tables, time);
        await new OrganizationIndex(tables).AddAsync(org, Cancel);
    }

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Rows_of_every_kind_go_when_they_have_expired_and_not_before()
    {
        await FillAsync(1);
        var (kinds, before) = (ExpiringTables.Of(tables), await CountAsync());
        Assert.All(before, table => Assert.True(table.Value == 1, table.Key));
        await RunAsync();
        Assert.Equal(before, await CountAsync());

        // The longest lives half a day, and another hour is given to all.
        time.Advance(TimeSpan.FromHours(14));
        await FillAsync(1);
        await RunAsync();
        Assert.Equal(before, await CountAsync());
        foreach (var kind in kinds)
            Assert.Contains($"{kind.Name} 1", log.Last, StringComparison.Ordinal);
        Assert.DoesNotContain("~", log.Last, StringComparison.Ordinal);
        Assert.DoesNotContain(Key.Of(org), log.Last, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_is_bounded_and_the_next_goes_on_where_it_stopped()
    {
        await FillAsync(12);
        time.Advance(TimeSpan.FromDays(1));
        var left = new List<int>();
        do
        {
            await RunAsync(new SweepLimits(500, Everything, TimeSpan.FromMinutes(2)));
            left.Add((await CountAsync()).Values.Sum());
        }
        while (left[^1] > 0 && left.Count < 20);
        // Seventeen tables of 256 partitions; a run ends with the group of 16 in which it reached its limit.
        Assert.Equal(9, left.Count);
        Assert.Equal(left.OrderDescending(), left);
        Assert.Equal(left.Count, left.Distinct().Count());
    }

    [Fact]
    public async Task Deleted_rows_are_bounded_too()
    {
        for (var number = 0; number < 300; number++)
            await SpendAsync(number);
        time.Advance(TimeSpan.FromDays(1));
        await RunAsync(new SweepLimits(Everything, 100, TimeSpan.FromMinutes(2)));
        var left = (await CountAsync()).Values.Sum();
        Assert.InRange(left, 1, 200);
        await RunAsync();
        Assert.Equal(0, (await CountAsync()).Values.Sum());
    }

    [Fact]
    public async Task One_run_is_enough_for_thousands_of_rows()
    {
        await Parallel.ForAsync(0, 4000, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Cancel }, async (number, _) => await SpendAsync(number));
        time.Advance(TimeSpan.FromDays(1));
        await RunAsync();
        Assert.Equal(0, (await CountAsync()).Values.Sum());
        Assert.Contains("4000 rows", log.Last, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_row_that_was_written_meanwhile_stays()
    {
        var sessions = new HashKeyed<BrowserSession>(tables.Open("browsersessions"), StoredJson.Default.BrowserSession);
        var hash = RandomValue.HashOf("cookie");
        await sessions.InsertAsync(org, hash, new BrowserSession(new UserId(Guid.NewGuid()), time.GetUtcNow(), time.GetUtcNow(), Ended: false), Cancel);
        time.Advance(TimeSpan.FromDays(1));
        var held = tables["browsersessions"].HoldWrite(1);
        var run = RunAsync();
        await held.Reached;
        var read = (await sessions.FindAsync(org, hash, Cancel))!;
        var write = Task.Run(() => new HashKeyed<BrowserSession>(tables.Open("browsersessions"), StoredJson.Default.BrowserSession)
            .ReplaceAsync(org, hash, read, read.Value with { SignedInAt = time.GetUtcNow(), LastSeenAt = time.GetUtcNow() }, Cancel), Cancel);
        Assert.NotNull(await write);
        held.Release();
        await run;
        Assert.NotNull(await sessions.FindAsync(org, hash, Cancel));
    }

    [Fact]
    public async Task Instances_that_run_at_once_take_different_organizations_and_none_twice()
    {
        var others = Enumerable.Range(0, 3).Select(_ => new OrgId(Guid.NewGuid())).ToList();
        foreach (var other in others)
            await new OrganizationIndex(tables).AddAsync(other, Cancel);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => RunAsync(), Cancel)));
        Assert.Equal(4, log.All.Sum(line => int.Parse(line.Split("walked ")[1].Split(' ')[0], null)));
        // At rest until tomorrow's clock says otherwise.
        await RunAsync();
        Assert.Contains("walked 0 organizations", log.Last, StringComparison.Ordinal);
        time.Advance(TimeSpan.FromHours(7));
        await RunAsync();
        Assert.Contains("walked 4 organizations", log.Last, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_that_died_is_taken_up_again_when_its_turn_is_over()
    {
        await FillAsync(1);
        time.Advance(TimeSpan.FromDays(1));
        tables["usercodes"].FailWrite(1);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => RunAsync());
        await RunAsync();
        Assert.Contains("walked 0 organizations", log.Last, StringComparison.Ordinal);
        time.Advance(TimeSpan.FromMinutes(11));
        await RunAsync();
        Assert.Equal(0, (await CountAsync()).Values.Sum());
    }

    [Fact]
    public async Task Agent_sessions_go_after_thirteen_months_with_their_entries_by_person()
    {
        var (application, user) = (Samples.Application("agent"), new UserId(Guid.NewGuid()));
        await stores.Applications.InsertAsync(org, application, Cancel);
        var old = Samples.Session(application.Id, user, Samples.Then.AddDays(1));
        var young = Samples.Session(application.Id, user, Samples.Then.AddMonths(2));
        var living = Samples.Session(application.Id, user, Samples.Then.AddDays(2)) with { ExpiresAt = Samples.Then.AddYears(3) };
        foreach (var session in new[] { old, young, living })
            await stores.Sessions.InsertAsync(org, session, Cancel);
        time.Advance(Samples.Then.AddMonths(13) - Samples.Then);
        await RunAsync();
        Assert.NotNull(await stores.Sessions.FindAsync(org, application.Id, old.Id, Cancel));
        time.Advance(TimeSpan.FromDays(5));
        await RunAsync();
        Assert.Null(await stores.Sessions.FindAsync(org, application.Id, old.Id, Cancel));
        Assert.NotNull(await stores.Sessions.FindAsync(org, application.Id, young.Id, Cancel));
        Assert.NotNull(await stores.Sessions.FindAsync(org, application.Id, living.Id, Cancel));
        Assert.Equal([young.Id, living.Id], (await stores.Sessions.ListForUserAsync(org, user, Samples.Then, 10, Cancel)).Select(session => session.Id));
        var months = tables.Open("usersessions");
        Assert.Single((await months.RangeAsync($"{Key.Of(org, user)}~202603", Key.Of(org), null, 10, null, Cancel)).Rows);
    }

    [Fact]
    public async Task A_client_that_registered_itself_and_was_never_used_is_archived_and_recorded()
    {
        var unused = Samples.Application("unused", Registration.Dynamic);
        var used = Samples.Application("used", Registration.Dynamic);
        var managed = Samples.Application("managed");
        var document = Samples.Application("document", Registration.MetadataDocument);
        foreach (var application in new[] { unused, used, managed, document })
            await stores.Applications.InsertAsync(org, application, Cancel);
        await stores.Sessions.InsertAsync(org, Samples.Session(used.Id, new UserId(Guid.NewGuid()), Samples.Then.AddDays(3)), Cancel);

        time.Advance(TimeSpan.FromDays(29));
        await RunAsync();
        Assert.False((await stores.Applications.FindAsync(org, unused.Id, Cancel))!.Value.Archived);
        time.Advance(TimeSpan.FromDays(2));
        await RunAsync();
        Assert.True((await stores.Applications.FindAsync(org, unused.Id, Cancel))!.Value.Archived);
        foreach (var application in new[] { used, managed, document })
            Assert.False((await stores.Applications.FindAsync(org, application.Id, Cancel))!.Value.Archived, application.Name);
        var entry = Assert.Single(audit.Events, happened => happened.Capability == "application.expired");
        Assert.Equal(unused.Id.ToString(), entry.Agent?.Id);
        Assert.Contains("archived 1 unused", log.Last, StringComparison.Ordinal);

        time.Advance(TimeSpan.FromDays(1));
        await RunAsync();
        Assert.Single(audit.Events, happened => happened.Capability == "application.expired");
    }

    private Task RunAsync(SweepLimits? limits = null)
    {
        var instance = new Instance(tables, time);
        return new ExpirySweep(tables, instance.Applications, instance.Sessions, new UnusedClients(instance.Applications, instance.Sessions, audit, time),
            limits ?? SweepLimits.Default, time, log).RunAsync(Cancel);
    }

    private Task<bool> SpendAsync(int number) =>
        new SpentAssertionStore(tables).TrySpendAsync(org, new AppId(Guid.NewGuid()), $"{number}", time.GetUtcNow() + TimeSpan.FromMinutes(5), Cancel);

    /// <summary>A row of each table that is made from the audit trail.</summary>
    private async Task MentionAsync(DateTimeOffset expires)
    {
        var (made, person, trace) = (new TraceTables(tables), new UserId(Guid.NewGuid()), $"{Guid.NewGuid():n}");
        var block = new BlockName("chain", 1, time.GetUtcNow(), 0);
        await made.Traces.InsertAsync(TraceMention.Partition(org, trace), TraceMention.Prefix(org, trace) + block.Text, new TraceMention { Trace = trace, Block = block, Parts = [], ExpiresAt = expires }, Cancel);
        await made.People.InsertAsync(Key.Shard(org, person), PersonMention.Prefix(org, person) + block.Text, new PersonMention { Traces = [], ExpiresAt = expires }, Cancel);
        var day = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        await made.PersonDays.InsertAsync(Key.Shard(org, person), TraceDay.RowKey(org, person, day), new TraceDay(day, new Kontext.Domain.Audit.StoredStatistics(), expires), Cancel);
    }

    /// <summary>As many rows of each kind, as the product writes them.</summary>
    private async Task FillAsync(int each)
    {
        var now = time.GetUtcNow();
        var (user, application) = (new UserId(Guid.NewGuid()), new AppId(Guid.NewGuid()));
        for (var number = 0; number < each; number++)
        {
            await MentionAsync(now.AddHours(1));
            var hash = RandomValue.HashOf(RandomValue.Token());
            await new AuthorizationCodeStore(tables).InsertAsync(org, new AuthorizationCode
            {
                Hash = hash, Application = application, User = user, RedirectUri = "http://127.0.0.1/", SignedInAt = now, Session = Ids.New<SessionId>(now), ExpiresAt = now + AuthorizationCode.Lifetime,
            }, Cancel);
            await new DeviceAuthorizationStore(tables).InsertAsync(org, new DeviceAuthorization
            {
                CodeHash = hash, UserCodeHash = RandomValue.HashOf(RandomValue.Token()), Application = application, Session = Ids.New<SessionId>(now), ExpiresAt = now + DeviceAuthorization.Lifetime, Interval = DeviceAuthorization.PollStep,
            }, Cancel);
            await new WrongUserCodeStore(tables).InsertAsync(org, hash, new WrongUserCodes(1, now), Cancel);
            await new HashKeyed<BrowserSession>(tables.Open("browsersessions"), StoredJson.Default.BrowserSession).InsertAsync(org, hash, new BrowserSession(user, now, now, Ended: false), Cancel);
            await new SignInStates(tables, time).StartAsync(org, new Secret(RandomValue.Token()), new SignInWish("/", Fresh: false, null, null), Cancel);
            await stores.ConnectSessions.InsertAsync(org, new ConnectSession { HandleHash = hash, User = user, Application = application, ExpiresAt = now + TimeSpan.FromMinutes(10) }, Cancel);
            await new ConnectStateStore(tables).InsertAsync(org, new ConnectState
            {
                Hash = hash, User = user, Integration = new IntegrationId(Guid.NewGuid()), TokenEndpoint = "https://provider.example/token", ExpiresAt = now + TimeSpan.FromMinutes(10),
            }, Cancel);
            var (session, integration) = (Ids.New<SessionId>(now), new IntegrationId(Guid.NewGuid()));
            await new ApprovalStore(tables).InsertAsync(org, new Approval
            {
                Id = hash, StandingId = hash, User = user, Application = application, Session = session, Integration = integration, IntegrationName = "github", Kind = AccessKind.Operation, Operation = "delete",
                State = ApprovalState.AllowedForSession, CreatedAt = now, ExpiresAt = now + TimeSpan.FromHours(12),
            }, Cancel);
            await new DocumentTable<IssuedCredential>(tables.Open("issuedcredentials"), StoredJson.Default.IssuedCredential).InsertAsync(Key.Shard(org, integration), Key.Of(org, integration), new IssuedCredential
            {
                Application = application, Integration = integration, IntegrationName = "github", IssuedAt = now, EndsAt = now + TimeSpan.FromHours(8),
            }, Cancel);
            await SpendAsync(number);
            var mark = new TableRow(Key.HashShard(org, hash), Key.Of(org, hash), new Dictionary<string, object> { ["expiresAt"] = now + DPoPProofs.Memory });
            await tables.Open("spentproofs").InsertAsync(mark, Cancel);
            await new McpSessionNotes(tables).ChangeAsync(org, RandomValue.Token(), now + TimeSpan.FromHours(12), note => note, Cancel);
            await new McpMailbox(tables, new PlainSealer(), time, NullLogger<McpMailbox>.Instance).PutAsync(org, RandomValue.Token(), "{}"u8.ToArray(), now + TimeSpan.FromMinutes(10), Cancel);
        }
    }

    private async Task<Dictionary<string, int>> CountAsync()
    {
        var counts = new Dictionary<string, int>();
        foreach (var table in ExpiringTables.Of(tables))
        {
            var found = await Task.WhenAll(Key.Shards(org).Select(shard => table.Rows.RangeAsync(shard, Key.Of(org), null, 1000, null, Cancel)));
            counts[table.Name] = found.Sum(page => page.Rows.Count);
        }
        return counts;
    }

    private sealed class Lines : ILogger<ExpirySweep>
    {
        private readonly Lock gate = new();
        private readonly List<string> lines = [];

        public List<string> All
        {
            get
            {
                lock (gate)
                    return [.. lines];
            }
        }

        public string Last => All[^1];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (gate)
                lines.Add(formatter(state, exception));
        }
    }
}

/// <summary>The sweep in memory.</summary>
public sealed class MemoryExpirySweepTests : ExpirySweepContract
{
    private protected override Task<ITableSource> OpenAsync() => Task.FromResult<ITableSource>(new MemoryTables());
}

/// <summary>The sweep on the Table service.</summary>
public sealed class TableExpirySweepTests(AzuriteFixture azurite) : ExpirySweepContract
{
    private protected override async Task<ITableSource> OpenAsync() =>
        new TableService(StorageAccount.Parse(await azurite.EmptyAccountAsync()), TimeProvider.System);
}

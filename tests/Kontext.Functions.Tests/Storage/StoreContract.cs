using Kontext.Domain;
using Kontext.Domain.Policies;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Functions.Storage;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Storage;

/// <summary>What the stores promise, whichever tables they are on.</summary>
public abstract class StoreContract : IAsyncLifetime
{
    private readonly SteppedTime time = new();
    private WatchedTables tables = null!;
    private Instance here = null!;
    private Instance there = null!;

    private OrgId Org { get; } = Samples.NewOrg();

    private OrgId Other { get; } = Samples.NewOrg();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private protected abstract Task<ITableSource> OpenAsync();

    public async ValueTask InitializeAsync()
    {
        tables = new WatchedTables(await OpenAsync());
        (here, there) = (new Instance(tables, time), new Instance(tables, time));
    }

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_slug_is_taken_once_and_leads_to_its_organization()
    {
        var organization = new Organization { Id = Org, Slug = "acme", Name = "Acme", CreatedAt = Samples.Then };
        Assert.True(await here.Organizations.InsertAsync(organization, Cancel));
        Assert.False(await here.Organizations.InsertAsync(organization with { Id = Other }, Cancel));
        Assert.Equal(Org, await there.Organizations.FindBySlugAsync("acme", Cancel));
        Assert.Null(await there.Organizations.FindBySlugAsync("a/b#", Cancel));
        Assert.Null(await there.Organizations.CurrentAsync(Other, Cancel));
        await Assert.ThrowsAsync<ArgumentException>(() => here.Organizations.InsertAsync(organization with { Id = Other, Slug = "Not A Slug" }, Cancel));
    }

    [Fact]
    public async Task Only_one_person_founds_an_organization()
    {
        var claims = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Task.Run(() => here.Users.ClaimFoundingAsync(Org, new UserId(Guid.NewGuid()), Cancel))));
        Assert.Single(claims, claimed => claimed);
        Assert.True(await here.Users.ClaimFoundingAsync(Other, new UserId(Guid.NewGuid()), Cancel));
    }

    [Fact]
    public async Task Of_two_writers_who_read_the_same_version_one_is_refused()
    {
        var user = Samples.User("ada");
        await here.Users.InsertAsync(Org, user, Cancel);
        Assert.False(await there.Users.InsertAsync(Org, user, Cancel));
        var mine = (await here.Users.FindAsync(Org, user.Id, Cancel))!;
        var theirs = (await there.Users.FindAsync(Org, user.Id, Cancel))!;

        Assert.NotNull(await here.Users.ReplaceAsync(Org, mine, mine.Value with { Name = "Ada" }, Cancel));
        Assert.Null(await there.Users.ReplaceAsync(Org, theirs, theirs.Value with { Name = "Eve" }, Cancel));
        Assert.Equal("Ada", (await there.Users.FindAsync(Org, user.Id, Cancel))!.Value.Name);
    }

    [Fact]
    public async Task Nothing_of_another_organization_can_be_seen()
    {
        var (user, application, integration, account) = (Samples.User("ada"), Samples.Application("agent"), Samples.Integration("github"), Samples.ServiceAccount("ci"));
        var session = Samples.Session(application.Id, user.Id, Samples.Then);
        await here.Users.InsertAsync(Org, user, Cancel);
        await here.Applications.InsertAsync(Org, application, Cancel);
        await here.Integrations.InsertAsync(Org, integration, Cancel);
        await here.ServiceAccounts.InsertAsync(Org, account, Cancel);
        await here.Sessions.InsertAsync(Org, session, Cancel);
        await here.Connections.InsertAsync(Org, Samples.Connection(user.Id, integration.Id), Cancel);
        await here.ConnectSessions.InsertAsync(Org, new ConnectSession { HandleHash = "hash", User = user.Id, Application = application.Id, ExpiresAt = time.GetUtcNow().AddHours(1) }, Cancel);

        Assert.NotNull(await here.Connections.CurrentAsync(Org, user.Id, integration.Id, Cancel));
        Assert.NotNull(await here.ConnectSessions.FindAsync(Org, "hash", Cancel));
        Assert.Null(await here.Users.CurrentAsync(Other, user.Id, Cancel));
        Assert.Null(await here.Applications.CurrentAsync(Other, application.Id, Cancel));
        Assert.Null(await here.Integrations.CurrentAsync(Other, integration.Id, Cancel));
        Assert.Null(await here.Integrations.CurrentByNameAsync(Other, "github", Cancel));
        Assert.Null(await here.ServiceAccounts.CurrentAsync(Other, account.Id, Cancel));
        Assert.Null(await here.Sessions.CurrentAsync(Other, application.Id, session.Id, Cancel));
        Assert.Null(await here.Connections.CurrentAsync(Other, user.Id, integration.Id, Cancel));
        Assert.Null(await here.ConnectSessions.FindAsync(Other, "hash", Cancel));
        Assert.Empty((await here.Applications.ListAsync(Other, null, 10, Cancel)).Items);
        Assert.Empty((await here.Integrations.ListAsync(Other, null, 10, Cancel)).Items);
        Assert.Empty((await here.ServiceAccounts.ListAsync(Other, null, 10, Cancel)).Items);
        Assert.Empty(await here.Sessions.ListAsync(Other, application.Id, 10, Cancel));
        Assert.Empty(await here.Connections.ListAsync(Other, user.Id, Cancel));
        Assert.Empty((await here.Connections.ListOfAsync(Other, integration.Id, null, 10, Cancel)).Items);
    }

    [Fact]
    public async Task Everybodys_connections_to_an_integration_are_listed_page_by_page_and_no_others()
    {
        var (mine, other) = (Samples.Integration("github"), Samples.Integration("linear"));
        var people = Enumerable.Range(0, 5).Select(number => Samples.User($"person-{number}").Id).ToList();
        foreach (var person in people)
            await here.Connections.InsertAsync(Org, Samples.Connection(person, mine.Id), Cancel);
        await here.Connections.InsertAsync(Org, Samples.Connection(people[0], other.Id), Cancel);

        var listed = new List<UserId>();
        string? cursor = null;
        do
        {
            var page = await there.Connections.ListOfAsync(Org, mine.Id, cursor, 2, Cancel);
            Assert.All(page.Items, connection => Assert.Equal(mine.Id, connection.Integration));
            listed.AddRange(page.Items.Select(connection => connection.User));
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        Assert.Equal(people.Order(Comparer<UserId>.Create((left, right) => left.Value.CompareTo(right.Value))), listed.Order(Comparer<UserId>.Create((left, right) => left.Value.CompareTo(right.Value))));
    }

    [Fact]
    public async Task A_client_id_leads_to_its_organization_and_nothing_like_it_does()
    {
        var (application, account) = (Samples.Application("agent"), Samples.ServiceAccount("ci"));
        await here.Applications.InsertAsync(Org, application, Cancel);
        await here.ServiceAccounts.InsertAsync(Org, account, Cancel);

        Assert.Equal((Org, application.Id), await there.Applications.ResolveClientAsync(application.Id.ClientId, Cancel));
        Assert.Equal((Org, account.Id), await there.ServiceAccounts.ResolveClientAsync(account.Id.ClientId, Cancel));
        foreach (var wrong in new[] { application.Id.ToString(), application.Id.ClientId.ToUpperInvariant(), account.Id.ClientId, "app_/'#?", "", Ids.New<AppId>(Samples.Then).ClientId })
            Assert.Null(await there.Applications.ResolveClientAsync(wrong, Cancel));
        var reads = tables.Reads;
        await there.Applications.ResolveClientAsync(application.Id.ClientId, Cancel);
        Assert.Equal(reads, tables.Reads);
    }

    [Fact]
    public async Task Names_of_managed_applications_are_unique_until_they_are_archived()
    {
        var first = Samples.Application("Agent");
        Assert.True(await here.Applications.InsertAsync(Org, first, Cancel));
        Assert.False(await here.Applications.InsertAsync(Org, Samples.Application("agent"), Cancel));
        Assert.True(await here.Applications.InsertAsync(Other, Samples.Application("agent"), Cancel));
        Assert.True(await here.Applications.InsertAsync(Org, Samples.Application("agent", Registration.Dynamic), Cancel));
        Assert.True(await here.Applications.InsertAsync(Org, Samples.Application("agent", Registration.Dynamic), Cancel));

        var current = (await here.Applications.FindAsync(Org, first.Id, Cancel))!;
        var archived = (await here.Applications.ReplaceAsync(Org, current, first with { Archived = true }, Cancel))!;
        Assert.True(archived.Value.Archived);
        Assert.True(await here.Applications.InsertAsync(Org, Samples.Application("agent"), Cancel));
        Assert.Null(await here.Applications.ReplaceAsync(Org, archived, first, Cancel));
    }

    [Fact]
    public async Task A_renamed_application_frees_its_name_and_keeps_it_when_the_new_one_is_taken()
    {
        var (first, second) = (Samples.Application("one"), Samples.Application("two"));
        await here.Applications.InsertAsync(Org, first, Cancel);
        await here.Applications.InsertAsync(Org, second, Cancel);
        var current = (await here.Applications.FindAsync(Org, first.Id, Cancel))!;
        Assert.Null(await here.Applications.ReplaceAsync(Org, current, first with { Name = "TWO" }, Cancel));
        var sameName = (await here.Applications.ReplaceAsync(Org, current, first with { Name = "ONE" }, Cancel))!;
        var renamed = (await here.Applications.ReplaceAsync(Org, sameName, first with { Name = "three" }, Cancel))!;

        Assert.Equal("three", renamed.Value.Name);
        Assert.True(await here.Applications.InsertAsync(Org, Samples.Application("one"), Cancel));
        Assert.NotNull(await here.Applications.ReplaceAsync(Org, renamed, renamed.Value with { Description = "after the rename" }, Cancel));
    }

    [Fact]
    public async Task Applications_are_listed_page_by_page_each_once()
    {
        var all = Enumerable.Range(0, 23).Select(n => Samples.Application($"a{n}", n % 2 == 0 ? Registration.Managed : Registration.Dynamic)).ToList();
        foreach (var application in all)
            await here.Applications.InsertAsync(Org, application, Cancel);
        foreach (var limit in new[] { 1, 4, 12, 100 })
        {
            var listed = new List<Application>();
            string? cursor = null;
            do
            {
                var page = await here.Applications.ListAsync(Org, cursor, limit, Cancel);
                Assert.InRange(page.Items.Count, 0, limit);
                listed.AddRange(page.Items);
                cursor = page.NextCursor;
            }
            while (cursor is not null);
            Assert.Equal(all.Select(application => application.Id.Value).Order(), listed.Select(application => application.Id.Value).Order());
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("0")]
    [InlineData("9AAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("0AAAAAAAAAAAAAAAAAAAA' o")]
    public async Task A_malformed_cursor_is_refused(string cursor)
    {
        await Assert.ThrowsAsync<ArgumentException>(nameof(cursor), () => here.Applications.ListAsync(Org, cursor, 10, Cancel));
        await Assert.ThrowsAsync<ArgumentException>(nameof(cursor), () => here.Integrations.ListAsync(Org, cursor, 10, Cancel));
        await Assert.ThrowsAsync<ArgumentException>(nameof(cursor), () => here.ServiceAccounts.ListAsync(Org, cursor, 10, Cancel));
    }

    [Fact]
    public async Task Integration_names_are_unique_and_found_in_any_case_until_they_are_archived()
    {
        var github = Samples.Integration("GitHub");
        Assert.True(await here.Integrations.InsertAsync(Org, github, Cancel));
        Assert.False(await here.Integrations.InsertAsync(Org, Samples.Integration("github"), Cancel));
        Assert.Equal(github.Id, (await there.Integrations.CurrentByNameAsync(Org, "GITHUB", Cancel))!.Id);

        var current = (await here.Integrations.FindAsync(Org, github.Id, Cancel))!;
        Assert.True((await here.Integrations.ReplaceAsync(Org, current, github with { Archived = true }, Cancel)).TryGet(out _, out _));
        Assert.False((await here.Integrations.ReplaceAsync(Org, current, github, Cancel)).TryGet(out _, out var stale));
        Assert.Equal(FailureCode.Conflict, stale!.Code);
        Assert.True(await here.Integrations.InsertAsync(Org, Samples.Integration("github"), Cancel));
        Assert.Single((await here.Integrations.ListAsync(Org, null, 10, Cancel)).Items);
        await there.Epochs.PollAsync(Cancel);
        Assert.NotEqual(github.Id, (await there.Integrations.CurrentByNameAsync(Org, "github", Cancel))!.Id);
    }

    [Fact]
    public async Task A_rename_to_a_taken_name_says_that_the_name_is_in_the_way()
    {
        var (one, two) = (Samples.Integration("one"), Samples.Integration("two"));
        await here.Integrations.InsertAsync(Org, one, Cancel);
        await here.Integrations.InsertAsync(Org, two, Cancel);
        var current = (await here.Integrations.FindAsync(Org, one.Id, Cancel))!;
        Assert.False((await here.Integrations.ReplaceAsync(Org, current, one with { Name = "Two" }, Cancel)).TryGet(out _, out var taken));
        Assert.Contains("named Two", taken!.Message, StringComparison.Ordinal);
        Assert.True((await here.Integrations.ReplaceAsync(Org, current, one with { Name = "three" }, Cancel)).TryGet(out var renamed, out _));
        Assert.Equal("three", renamed.Value.Name);
        Assert.Equal(one.Id, (await here.Integrations.CurrentByNameAsync(Org, "three", Cancel))!.Id);
        Assert.Null(await here.Integrations.CurrentByNameAsync(Org, "one", Cancel));
    }

    [Fact]
    public async Task Default_integrations_are_known_to_every_instance_within_a_second()
    {
        Assert.Empty(await there.Integrations.CurrentDefaultsAsync(Org, Cancel));
        await here.Integrations.InsertAsync(Org, Samples.Integration("github") with { AttachByDefault = true }, Cancel);
        await here.Integrations.InsertAsync(Org, Samples.Integration("linear"), Cancel);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(["github"], (await there.Integrations.CurrentDefaultsAsync(Org, Cancel)).Select(integration => integration.Name));
    }

    [Fact]
    public async Task Archived_integrations_leave_no_gaps_in_pages()
    {
        var all = Enumerable.Range(0, 9).Select(n => Samples.Integration($"i{n}") with { Archived = n % 3 == 0 }).ToList();
        foreach (var integration in all)
            await here.Integrations.InsertAsync(Org, integration, Cancel);
        var first = await here.Integrations.ListAsync(Org, null, 4, Cancel);
        var second = await here.Integrations.ListAsync(Org, first.NextCursor, 4, Cancel);
        Assert.Equal(4, first.Items.Count);
        Assert.Equal(all.Where(integration => !integration.Archived).Select(integration => integration.Id.Value).Order(), first.Items.Concat(second.Items).Select(integration => integration.Id.Value).Order());
    }

    [Fact]
    public async Task A_persons_sessions_with_all_applications_are_listed_newest_first_since_a_moment()
    {
        var user = new UserId(Guid.NewGuid());
        var sessions = new[] { 0, 1, 40, 90 }.Select(days => Samples.Session(new AppId(Guid.NewGuid()), user, time.GetUtcNow().AddDays(-days))).ToList();
        foreach (var session in sessions)
            await here.Sessions.InsertAsync(Org, session, Cancel);
        await here.Sessions.InsertAsync(Org, Samples.Session(sessions[0].Application, new UserId(Guid.NewGuid()), time.GetUtcNow()), Cancel);

        Assert.Equal(sessions[..3].Select(session => session.Id), (await here.Sessions.ListForUserAsync(Org, user, time.GetUtcNow().AddDays(-60), 100, Cancel)).Select(session => session.Id));
        Assert.Equal(2, (await here.Sessions.ListForUserAsync(Org, user, time.GetUtcNow().AddDays(-60), 2, Cancel)).Count);
        Assert.Empty(await here.Sessions.ListForUserAsync(Other, user, time.GetUtcNow().AddDays(-60), 100, Cancel));
        for (var at = 0; at < 3; at++)
            Assert.Equal(sessions[(at + 1)..3].Select(session => session.Id), (await there.Sessions.ListForUserAsync(Org, user, time.GetUtcNow().AddDays(-60), sessions[at].Id, 100, Cancel)).Select(session => session.Id));
        Assert.Equal(sessions[3].Id, (await here.Sessions.FindForUserAsync(Org, user, sessions[3].Id, Cancel))!.Id);
        Assert.Null(await here.Sessions.FindForUserAsync(Org, new UserId(Guid.NewGuid()), sessions[3].Id, Cancel));
        Assert.Null(await here.Sessions.FindForUserAsync(Other, user, sessions[3].Id, Cancel));
    }

    [Fact]
    public async Task Sessions_are_listed_newest_first_across_months()
    {
        var application = Ids.New<AppId>(time.GetUtcNow().AddMonths(-20));
        var ages = new[] { 0, 1, 40, 200, 380 };
        foreach (var days in ages.Reverse())
            await here.Sessions.InsertAsync(Org, Samples.Session(application, new UserId(Guid.NewGuid()), time.GetUtcNow().AddDays(-days)), Cancel);
        await here.Sessions.InsertAsync(Org, Samples.Session(application, new UserId(Guid.NewGuid()), time.GetUtcNow().AddDays(-500)), Cancel);

        var listed = await here.Sessions.ListAsync(Org, application, 100, Cancel);
        Assert.Equal(ages.Select(days => time.GetUtcNow().AddDays(-days)), listed.Select(session => session.CreatedAt));
        Assert.Equal(2, (await here.Sessions.ListAsync(Org, application, 2, Cancel)).Count);
        for (var at = 0; at < listed.Count; at++)
            Assert.Equal(listed.Skip(at + 1).Take(2).Select(session => session.Id), (await there.Sessions.ListAsync(Org, application, listed[at].Id, 2, Cancel)).Select(session => session.Id));
    }

    [Fact]
    public async Task A_session_with_an_id_that_holds_no_time_is_found()
    {
        var session = Samples.Session(Ids.New<AppId>(Samples.Then), new UserId(Guid.NewGuid()), Samples.Then) with { Id = new SessionId(Guid.NewGuid()) };
        Assert.True(await here.Sessions.InsertAsync(Org, session, Cancel));
        Assert.NotNull(await there.Sessions.CurrentAsync(Org, session.Application, session.Id, Cancel));
        Assert.Null(await there.Sessions.FindAsync(Org, session.Application, new SessionId(Guid.Parse("ffffffff-ffff-7fff-bfff-ffffffffffff")), Cancel));
    }

    [Fact]
    public async Task Rules_are_numbered_and_the_loser_of_a_race_is_told()
    {
        var none = await here.Policies.FindAsync(Org, Cancel);
        Assert.Equal(0, none.Value.Revision);
        Assert.Equal(0, (await there.Policies.CurrentAsync(Org, Cancel)).Revision);
        var rule = new PolicyRule { Id = Ids.New<RuleId>(Samples.Then), Layer = PolicyLayer.Organization, Effect = PolicyEffect.Allow, Subject = new PolicySubject(PolicySubjectKind.Everyone), CreatedAt = Samples.Then };
        var first = (await here.Policies.ReplaceAsync(Org, none, new PolicyRules(0, [rule]), Cancel))!;
        Assert.Equal(1, first.Value.Revision);
        Assert.Null(await there.Policies.ReplaceAsync(Org, none, PolicyRules.None, Cancel));
        Assert.Equal(2, (await here.Policies.ReplaceAsync(Org, first, PolicyRules.None, Cancel))!.Value.Revision);
        Assert.Null(await there.Policies.ReplaceAsync(Org, first, PolicyRules.None, Cancel));
        await there.Epochs.PollAsync(Cancel);
        Assert.Equal(2, (await there.Policies.CurrentAsync(Org, Cancel)).Revision);
    }

    [Fact]
    public async Task Rules_are_compiled_once_per_revision()
    {
        var before = await here.Policies.CurrentAsync(Org, Cancel);
        await here.Epochs.BumpAsync(Org);
        Assert.Same(before, await here.Policies.CurrentAsync(Org, Cancel));
    }
}

/// <summary>The stores in memory.</summary>
public sealed class MemoryStoreTests : StoreContract
{
    private protected override Task<ITableSource> OpenAsync() => Task.FromResult<ITableSource>(new MemoryTables());
}

/// <summary>The stores on the Table service.</summary>
public sealed class TableStoreTests(AzuriteFixture azurite) : StoreContract
{
    private protected override async Task<ITableSource> OpenAsync() =>
        new TableService(StorageAccount.Parse(await azurite.ConnectionStringAsync()), TimeProvider.System);
}

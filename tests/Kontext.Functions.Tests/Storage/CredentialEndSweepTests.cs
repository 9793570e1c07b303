using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Revocations;
using Kontext.Functions.Storage;
using Kontext.Testing;
using Kontext.Testing.Connections;

namespace Kontext.Functions.Tests.Storage;

/// <summary>That a credential which an agent was given has ended is in the trail, once and not before.</summary>
public sealed class CredentialEndSweepTests : IDisposable
{
    private readonly OrgId org = new(Guid.NewGuid());
    private readonly ManualTime time = new(ConnectionWorld.Noon);
    private readonly MemoryTables tables = new();
    private readonly MemoryAudit audit = new();
    private readonly IssuedCredentialStore store;

    public CredentialEndSweepTests() => store = new IssuedCredentialStore(tables);

    public void Dispose() => store.Dispose();

    [Fact]
    public async Task The_entry_says_whose_credential_ended_and_when()
    {
        var issued = Issued(TimeSpan.FromMinutes(10)) with { ApplicationName = "PR Reviewer", UserName = "Alice Chen" };
        await store.NoteAsync(org, issued);
        time.Advance(TimeSpan.FromMinutes(10) - TimeSpan.FromSeconds(1));
        await SweepAsync();
        Assert.Empty(audit.Events);

        time.Advance(TimeSpan.FromSeconds(30));
        await SweepAsync();

        var entry = Assert.Single(audit.Events);
        Assert.Equal(("credential.expired", "ok", issued.EndsAt), (entry.Type, entry.Status, (DateTimeOffset?)entry.At));
        Assert.Equal(new AuditParty(issued.Application.ToString(), "PR Reviewer"), entry.Agent);
        Assert.Equal(new AuditParty(issued.User.ToString()!, "Alice Chen"), entry.User);
        Assert.Equal(new AuditParty(issued.Integration.ToString(), "github"), entry.Integration);
        Assert.Equal(issued.Session.ToString(), entry.SessionId);
    }

    [Fact]
    public async Task One_that_is_asked_for_often_ends_once_however_many_sweeps_run_at_once()
    {
        var issued = Enumerable.Range(1, 20).Select(minutes => Issued(TimeSpan.FromMinutes(minutes))).ToList();
        using var elsewhere = new IssuedCredentialStore(tables);
        foreach (var one in issued.Concat(issued))
            await Task.WhenAll(store.NoteAsync(org, one), elsewhere.NoteAsync(org, one));
        time.Advance(TimeSpan.FromMinutes(15));

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(SweepAsync)));
        await SweepAsync();

        Assert.Equal(issued.Take(15).Select(one => one.Session.ToString()).Order(), audit.Events.Select(entry => entry.SessionId).Order());
        time.Advance(TimeSpan.FromMinutes(15));
        await SweepAsync();
        Assert.Equal(issued.Select(one => one.Session.ToString()).Order(), audit.Events.Select(entry => entry.SessionId).Order());
    }

    [Fact]
    public async Task One_whose_entry_could_not_be_written_is_recorded_later_as_of_then()
    {
        await store.NoteAsync(org, Issued(TimeSpan.FromMinutes(1)));
        time.Advance(TimeSpan.FromMinutes(1));
        await Assert.ThrowsAsync<AggregateException>(() => new CredentialEndSweep(new CredentialEnds(tables), new FullAudit(), time).RunAsync(default));
        time.Advance(TimeSpan.FromMinutes(4));
        await SweepAsync();
        Assert.Equal(time.GetUtcNow(), Assert.Single(audit.Events).At);
    }

    [Fact]
    public async Task One_whose_end_nobody_knows_never_ends()
    {
        await store.NoteAsync(org, Issued(TimeSpan.Zero) with { EndsAt = null });
        time.Advance(TimeSpan.FromDays(2));
        await SweepAsync();
        Assert.Empty(audit.Events);
    }

    [Fact]
    public async Task What_ended_while_nothing_ran_for_two_days_is_made_up_for()
    {
        await store.NoteAsync(org, Issued(TimeSpan.FromHours(1)));
        time.Advance(TimeSpan.FromDays(2));
        await SweepAsync();
        Assert.Single(audit.Events);
    }

    private Task SweepAsync() => new CredentialEndSweep(new CredentialEnds(tables), audit, time).RunAsync(default);

    private IssuedCredential Issued(TimeSpan life) => new()
    {
        Application = Ids.New<AppId>(time.GetUtcNow()),
        User = new UserId(Guid.NewGuid()),
        Session = Ids.New<SessionId>(time.GetUtcNow()),
        Integration = Ids.New<IntegrationId>(time.GetUtcNow()),
        IntegrationName = "github",
        IssuedAt = time.GetUtcNow(),
        EndsAt = time.GetUtcNow() + life,
    };

    /// <summary>A trail that takes nothing.</summary>
    private sealed class FullAudit : IAuditLog
    {
        public Task AppendAsync(OrgId org, AuditEvent happened, CancellationToken cancellationToken) => throw new StorageUnavailableException("The trail cannot be written.");

        public Task<LatestEntries> LatestAsync(OrgId org, AuditTime time, int limit, Func<AuditEvent, bool> matches, CancellationToken cancellationToken) => throw new StorageUnavailableException("The trail cannot be read.");
    }
}

using Kontext.Domain;
using Kontext.Domain.Revocations;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Tests.Storage;

/// <summary>Which credentials agents hold is known for whatever is cut off, each told of once, until it ends.</summary>
public sealed class IssuedCredentialStoreTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly OrgId org = new(Guid.NewGuid());
    private readonly MemoryTables tables = new();
    private readonly IssuedCredentialStore store;

    public IssuedCredentialStoreTests() => store = new IssuedCredentialStore(tables);

    public void Dispose() => store.Dispose();

    [Fact]
    public async Task It_is_found_by_whatever_it_falls_under_and_by_nothing_else()
    {
        var (mine, other) = (Issued(Now.AddHours(1)), Issued(Now.AddHours(1)));
        await NoteAsync(mine, other);
        foreach (var target in new CutOffTarget[]
        {
            new() { Kind = CutOffKind.Session, Application = mine.Application, Session = mine.Session },
            new() { Kind = CutOffKind.Application, Application = mine.Application },
            new() { Kind = CutOffKind.User, User = mine.User },
            new() { Kind = CutOffKind.Connection, User = mine.User, Integration = mine.Integration },
            new() { Kind = CutOffKind.Integration, Integration = mine.Integration },
        })
            Assert.Equal([mine], (await ListAsync(target)).Credentials);
        Assert.Empty((await ListAsync(new CutOffTarget { Kind = CutOffKind.Session, Application = mine.Application, Session = other.Session })).Credentials);
        Assert.Empty((await ListAsync(new CutOffTarget { Kind = CutOffKind.Connection, User = mine.User, Integration = other.Integration })).Credentials);
        Assert.Equal(2, (await ListAsync(Everything)).Credentials.Count);
        Assert.Empty((await store.ListAsync(new OrgId(Guid.NewGuid()), Everything, Now, 10, default)).Credentials);
    }

    [Fact]
    public async Task One_that_is_asked_for_often_and_by_many_processes_is_told_of_once()
    {
        var issued = Issued(Now.AddHours(1));
        var open = issued with { EndsAt = null };
        using var elsewhere = new IssuedCredentialStore(tables);
        foreach (var days in Enumerable.Range(0, 3))
        {
            await NoteAsync(issued, open with { IssuedAt = Now.AddDays(-days) });
            await elsewhere.NoteAsync(org, issued);
        }
        var all = (await ListAsync(new CutOffTarget { Kind = CutOffKind.User, User = issued.User })).Credentials;
        Assert.Equal(2, all.Count);
        Assert.Equal(Now, all.Single(credential => credential.EndsAt is null).IssuedAt);
    }

    [Fact]
    public async Task One_that_has_ended_is_told_of_no_more_and_one_without_an_end_for_thirty_days()
    {
        await NoteAsync(Issued(Now.AddSeconds(-1)), Issued(end: null) with { IssuedAt = Now.AddDays(-31) });
        Assert.Empty((await ListAsync(Everything)).Credentials);
        await NoteAsync(Issued(end: null) with { IssuedAt = Now.AddDays(-29) });
        Assert.Single((await ListAsync(Everything)).Credentials);
    }

    [Fact]
    public async Task Who_acts_for_nobody_and_without_a_session_is_found_too()
    {
        var issued = Issued(end: null) with { User = null, Session = null };
        await NoteAsync(issued);
        Assert.Equal([issued], (await ListAsync(new CutOffTarget { Kind = CutOffKind.Application, Application = issued.Application })).Credentials);
        Assert.Equal([issued], (await ListAsync(Everything)).Credentials);
    }

    [Fact]
    public async Task More_than_are_listed_are_said_to_be_there()
    {
        var first = Issued(Now.AddHours(1));
        for (var number = 0; number < 11; number++)
            await NoteAsync(first with { Session = Ids.New<SessionId>(Now), User = new UserId(Guid.NewGuid()) });
        foreach (var target in new[] { Everything, new CutOffTarget { Kind = CutOffKind.Application, Application = first.Application } })
        {
            var some = await ListAsync(target);
            Assert.Equal((10, true), (some.Credentials.Count, some.More));
            Assert.False((await store.ListAsync(org, target, Now, 11, default)).More);
        }
    }

    private static readonly CutOffTarget Everything = new() { Kind = CutOffKind.Organization };

    private static IssuedCredential Issued(DateTimeOffset? end) => new()
    {
        Application = new AppId(Guid.NewGuid()), User = new UserId(Guid.NewGuid()), Session = Ids.New<SessionId>(Now), Integration = new IntegrationId(Guid.NewGuid()), IntegrationName = "github", IssuedAt = Now, EndsAt = end,
    };

    private Task NoteAsync(params IssuedCredential[] issued) => Task.WhenAll(issued.Select(credential => store.NoteAsync(org, credential)));

    private Task<IssuedCredentials> ListAsync(CutOffTarget target) => store.ListAsync(org, target, Now, 10, default);
}

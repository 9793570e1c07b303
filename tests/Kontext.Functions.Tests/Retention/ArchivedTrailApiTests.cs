using System.Net;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Functions.Storage;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Retention;

/// <summary>What the API says about a trail whose older days are in the archive.</summary>
public sealed class ArchivedTrailApiTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private readonly string keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;
    private readonly DateOnly today = DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime);
    private KontextServer server = null!;
    private TestAgent agent = null!;

    public async ValueTask InitializeAsync()
    {
        var storage = await azurite.EmptyAccountAsync();
        server = await KontextServer.StartAsync(storage, keys);
        agent = new TestAgent(server.Url);
        var tables = new TableAuditLogTables(new TableService(StorageAccount.Parse(storage), TimeProvider.System));
        var org = Assert.Single(await new OrganizationIndex(new TableService(StorageAccount.Parse(storage), TimeProvider.System)).AllAsync(default));
        await new TableAuditLogArchived(tables.Archived).InsertAsync(org, new ArchivedDay(today.AddDays(-10), "/archive/here", "00", 1, TimeProvider.System.GetUtcNow()), default);
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        Directory.Delete(keys, recursive: true);
    }

    [Fact]
    public async Task Listing_and_export_say_that_older_entries_are_archived_and_where()
    {
        var owner = await agent.ManagementTokenAsync("olivia");
        var member = await agent.ManagementTokenAsync("mina");
        var recent = await agent.ApiAsync(HttpMethod.Get, "/audit/events?hours=48", owner);
        Assert.Null(recent.Json!["archived"]);
        Assert.NotEmpty(recent.Json!["items"]!.AsArray());
        var older = (await agent.ApiAsync(HttpMethod.Get, "/audit/events?hours=480", owner)).Json!["archived"]!;
        Assert.Equal($"{today.AddDays(-10):yyyy-MM-dd}", (string?)older["through"]);
        Assert.Equal("/archive/here", (string?)older["place"]);
        // Where files of the organization are is not for its members.
        var theirs = (await agent.ApiAsync(HttpMethod.Get, "/audit/events?hours=480", member)).Json!["archived"]!;
        Assert.Equal($"{today.AddDays(-10):yyyy-MM-dd}", (string?)theirs["through"]);
        Assert.Null(theirs["place"]);

        var refused = await agent.ApiAsync(HttpMethod.Get, $"/audit/export?from={today.AddDays(-10):yyyy-MM-dd}&to={today:yyyy-MM-dd}", owner);
        Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
        var why = (string?)refused.Json!["validationErrors"]!["from"];
        Assert.Contains("/archive/here", why, StringComparison.Ordinal);
        Assert.Contains($"begins on {today.AddDays(-9):yyyy-MM-dd}", why, StringComparison.Ordinal);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server.Url, $"/api/v1/audit/export?from={today.AddDays(-9):yyyy-MM-dd}&to={today:yyyy-MM-dd}"));
        request.Headers.Authorization = new("Bearer", owner);
        using var kept = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, kept.StatusCode);
    }

    [Fact]
    public async Task A_replay_says_what_of_its_period_it_did_not_look_at()
    {
        var owner = await agent.ManagementTokenAsync("olivia");
        Task<JsonAnswer> ReplayAsync(int hours) => agent.ApiAsync(HttpMethod.Post, "/policy/replay", owner, new JsonObject { ["hours"] = hours, ["rules"] = new JsonArray() });
        var recent = await ReplayAsync(48);
        Assert.Equal(HttpStatusCode.OK, recent.Status);
        Assert.Null(recent.Json!["archived"]);
        var older = (await ReplayAsync(480)).Json!["archived"]!;
        Assert.Equal(($"{today.AddDays(-10):yyyy-MM-dd}", "/archive/here"), ((string?)older["through"], (string?)older["place"]));
    }

    [Fact]
    public async Task A_period_without_an_archive_keeps_the_program_from_starting()
    {
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() =>
            KontextServer.StartAsync("memory", keys, settings: new Dictionary<string, string> { ["Kontext__Audit__RetentionDays"] = "30" }));
        Assert.Contains("Kontext__Audit__Archive is missing", refused.Message, StringComparison.Ordinal);
    }
}

using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Functions.Storage;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests.Hosting;

/// <summary>The package for Azure under the host's stand-in, on Azurite: timers and messages that fail, come again, are put aside and replayed.</summary>
public sealed class HostTriggersTests(PackagedApp app, AzuriteFixture azurite) : IDisposable
{
    private readonly string keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(keys, recursive: true);

    [Fact]
    public async Task Every_timer_reports_failure_while_storage_is_away_and_catches_up_when_it_is_past_due()
    {
        var account = await azurite.EmptyAccountAsync();
        await using var storage = await Wire.OpenAsync(TablesOf(account));
        await using var host = await StartAsync(account, storage);
        var timers = Directory.EnumerateDirectories(RepositoryFiles.Path("src", "Kontext.Functions", "host"), "fn-*").Select(folder => Path.GetFileName(folder)).ToList();
        Assert.NotEmpty(timers);

        // A program that is still starting cannot do without storage, and would end.
        using var healthy = await host.Client.GetAsync(new Uri("/healthz", UriKind.Relative), Cancelled);
        Assert.Equal(HttpStatusCode.OK, healthy.StatusCode);
        storage.Rule = static (_, _) => Task.FromResult<WireAnswer?>(null);
        var failed = await Task.WhenAll(timers.Select(async timer => (Timer: timer, Outcome: await host.FireAsync(timer, Cancelled))));
        Assert.All(failed, run => Assert.False((bool)run.Outcome["succeeded"]!, $"{run.Timer} succeeded without storage."));
        Assert.All(failed, run => Assert.Equal(500, (int)run.Outcome["status"]!));

        storage.Rule = static async (_, pass) => await pass();
        await OwnerAsync(host);
        var written = new ConcurrentQueue<string>();
        storage.Rule = async (request, pass) =>
        {
            if (request.Method != "GET")
                written.Enqueue(request.Target + request.Body);
            return await pass();
        };
        foreach (var timer in timers)
        {
            var outcome = await host.FireAsync(timer, new JsonObject { ["isPastDue"] = true }, Cancelled);
            Assert.True((bool)outcome["succeeded"]!, $"{outcome.ToJsonString()}\n{host.Output}");
            Assert.True((bool)outcome["payload"]!["Data"]!["timer"]!["IsPastDue"]!);
        }
        // Somebody signed in, which is sealed now; and what is done once a day was done.
        foreach (var table in (string[])["/auditcheckpoints", "/dailywork"])
            Assert.Contains(written, request => request.Contains(table, StringComparison.OrdinalIgnoreCase));
    }

    [Theory]
    [MemberData(nameof(HostedWork.Kinds), MemberType = typeof(HostedWork))]
    public async Task A_message_that_fails_is_delivered_again_put_aside_listed_and_replayed_once_the_cause_is_mended(string kind)
    {
        var account = await azurite.EmptyAccountAsync();
        await using var storage = await Wire.OpenAsync(TablesOf(account));
        await using var host = await StartAsync(account, storage, queues: true);
        var (agent, token) = await OwnerAsync(host);
        await using var work = await HostedWork.CreateAsync(kind, account, agent, token);

        // What works goes through at once.
        await work.QueueAsync();
        await work.DoneAsync();

        Break(storage, work);
        await work.QueueAsync();
        await host.SaidAsync("Executed 'Functions.fn_queue_poison' (Succeeded", Cancelled);
        var deliveries = (await host.InvocationsAsync(Cancelled)).Where(run => (string)run!["function"]! == "fn_queue_work" && (bool)run["succeeded"]! == false).ToList();
        Assert.Equal(["1", "2", "3", "4", "5"], deliveries.Select(run => (string)run!["payload"]!["Metadata"]!["DequeueCount"]!));
        Assert.False(await work.IsDoneAsync());
        await ReplayAsync(agent, token, storage, work);
        await work.DoneAsync();
    }

    [Theory]
    [MemberData(nameof(HostedWork.Kinds), MemberType = typeof(HostedWork))]
    public async Task A_Service_Bus_message_that_fails_is_dead_lettered_listed_and_replayed(string kind)
    {
        var account = await azurite.EmptyAccountAsync();
        var queue = new StorageQueue(StorageAccount.ParseQueue(account), TimeProvider.System);
        await using var storage = await Wire.OpenAsync(TablesOf(account));
        // The program sends to a queue that nobody hands out: the test carries the messages over to the bus.
        await using var host = await StartAsync(account, storage);
        var (agent, token) = await OwnerAsync(host);
        await using var work = await HostedWork.CreateAsync(kind, account, agent, token);

        await work.QueueAsync();
        Assert.True((bool)(await host.FireAsync("fn_bus_work", await MessageAsync(queue), Cancelled))["succeeded"]!);
        await work.DoneAsync();

        Break(storage, work);
        await work.QueueAsync();
        var outcome = await host.FireAsync("fn_bus_work", await MessageAsync(queue), Cancelled);
        Assert.False((bool)outcome["succeeded"]!);
        Assert.Equal("10", (string?)outcome["payload"]!["Metadata"]!["DeliveryCount"]);
        var dead = Assert.Single(await host.DeadLettersAsync(Cancelled))!;
        Assert.Equal("MaxDeliveryCountExceeded", (string?)dead["reason"]);
        Assert.False(await work.IsDoneAsync());
        Assert.True((bool)(await host.FireAsync("fn_bus_dead", new JsonObject { ["input"] = (string)dead["body"]! }, Cancelled))["succeeded"]!);
        await ReplayAsync(agent, token, storage, work);
        Assert.True((bool)(await host.FireAsync("fn_bus_work", await MessageAsync(queue), Cancelled))["succeeded"]!);
        await work.DoneAsync();
    }

    [Theory]
    [InlineData("fn_queue_poison")]
    [InlineData("fn_bus_dead")]
    public async Task A_message_put_aside_that_cannot_be_noted_is_handed_out_again_until_it_is_listed(string function)
    {
        var account = await azurite.EmptyAccountAsync();
        var queue = new StorageQueue(StorageAccount.ParseQueue(account), TimeProvider.System);
        await using var storage = await Wire.OpenAsync(TablesOf(account));
        await using var host = await StartAsync(account, storage);
        var (agent, token) = await OwnerAsync(host);
        await using var work = await HostedWork.CreateAsync("webhook.deliver", account, agent, token);
        await work.QueueAsync();
        var message = await MessageAsync(queue);

        var refused = 0;
        storage.Rule = async (request, pass) => request.Method == "POST" && request.Target.EndsWith("/failedwork", StringComparison.Ordinal) && refused++ == 0 ? WireAnswer.Of(HttpStatusCode.Forbidden) : await pass();
        // A dead-lettered message comes again by itself; one of the poison queue when the host shows it again, after ten minutes.
        var first = await host.FireAsync(function, message, Cancelled);
        if (function == "fn_bus_dead")
            Assert.Equal("2", (string?)first["payload"]!["Metadata"]!["DeliveryCount"]);
        else
        {
            Assert.False((bool)first["succeeded"]!);
            first = await host.FireAsync(function, message, Cancelled);
        }
        Assert.True((bool)first["succeeded"]!);
        await ReplayAsync(agent, token, storage, work);
        Assert.True((bool)(await host.FireAsync("fn_queue_work", await MessageAsync(queue), Cancelled))["succeeded"]!);
        await work.DoneAsync();
    }

    /// <summary>Nobody can read the row that a message is about: storage refuses it, which no repetition mends.</summary>
    private static void Break(Wire storage, HostedWork work) => storage.Rule = async (request, pass) =>
        request.Method == "GET" && request.Target.Contains($"/{work.Table}(", StringComparison.Ordinal) ? WireAnswer.Of(HttpStatusCode.Forbidden) : await pass();

    private static async Task ReplayAsync(TestAgent agent, string token, Wire storage, HostedWork work)
    {
        var failed = Assert.Single((await agent.ApiAsync(HttpMethod.Get, "/work/failed", token)).Json!["items"]!.AsArray())!;
        Assert.Equal(work.Kind, (string?)failed["kind"]);
        storage.Rule = static async (_, pass) => await pass();
        Assert.Equal(HttpStatusCode.NoContent, (await agent.ApiAsync(HttpMethod.Post, $"/work/failed/{failed["id"]}/replay", token)).Status);
        Assert.Empty((await agent.ApiAsync(HttpMethod.Get, "/work/failed", token)).Json!["items"]!.AsArray());
    }

    private static async Task<JsonObject> MessageAsync(StorageQueue queue)
    {
        var message = Assert.Single(await queue.ReceiveAsync(16, TimeSpan.FromMinutes(1), Cancelled));
        await queue.CompleteAsync(message, Cancelled);
        return new JsonObject { ["input"] = Encoding.UTF8.GetString(message.Body.Span), ["serviceBus"] = new JsonObject { ["MessageId"] = message.Id } };
    }

    private async Task<FunctionsHost> StartAsync(string account, Wire storage, bool queues = false) => await FunctionsHost.StartAsync(
        await app.FolderAsync(),
        new Dictionary<string, string>
        {
            ["Kontext__Storage"] = account.Replace(TablesOf(account).Authority, storage.Address.Authority, StringComparison.Ordinal),
            ["KontextQueue"] = account,
            ["Kontext__KeyDirectory"] = keys,
            ["Kontext__Audit__RetentionDays"] = "30",
            ["Kontext__Audit__Archive"] = Path.Combine(keys, "archive"),
            // host.json lets a failed message rest for ten seconds.
            ["AzureFunctionsJobHost__extensions__queues__visibilityTimeout"] = "00:00:00",
        },
        Cancelled, queues);

    private static Uri TablesOf(string account) => new(account.Split("TableEndpoint=")[1].Split(';')[0]);

    private static async Task<(TestAgent Agent, string Token)> OwnerAsync(FunctionsHost host)
    {
        var agent = new TestAgent(host.Address);
        return (agent, await agent.ManagementTokenAsync("olivia"));
    }
}

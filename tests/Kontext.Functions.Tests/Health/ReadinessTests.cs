using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Health;
using Kontext.Functions.Tests.Cloud;
using Kontext.Testing;
using Kontext.Testing.KeyVaultApi;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kontext.Functions.Tests.Health;

/// <summary>Ready means: what Kontext cannot work without answers. Alive means no more than that the program does.</summary>
public sealed class ReadinessTests(AzuriteFixture azurite) : IDisposable
{
    private readonly string keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(keys, recursive: true);

    [Fact]
    public async Task A_program_whose_storage_and_queue_answer_is_ready()
    {
        await using var kontext = await KontextServer.StartAsync(await azurite.EmptyAccountAsync(), keys);
        var (status, body) = await AskAsync(kontext, "/readyz");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal("""{"status":"ready","checks":{"storage":"ok","queue":"ok"}}""", body.ToJsonString());
    }

    [Fact]
    public async Task A_program_whose_queue_does_not_answer_is_alive_and_not_ready_and_says_what_is_the_matter()
    {
        var storage = await azurite.EmptyAccountAsync();
        var nobody = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{KontextServer.FreePort()}/nobody");
        var queue = string.Join(';', storage.Split(';').Select(part => part.StartsWith("QueueEndpoint=", StringComparison.Ordinal) ? $"QueueEndpoint={nobody}" : part));
        await using var kontext = await KontextServer.StartAsync(storage, keys, settings: new Dictionary<string, string> { ["KontextQueue"] = queue });
        Assert.Equal(HttpStatusCode.OK, (await AskAsync(kontext, "/healthz")).Status);

        var (status, body) = await AskAsync(kontext, "/readyz");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.Equal("""{"status":"not ready","checks":{"storage":"ok","queue":"does not answer"}}""", body.ToJsonString());
        Assert.Contains("Not ready: queue does not answer", kontext.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_program_whose_storage_is_away_or_refuses_it_is_not_ready_and_tells_strangers_no_more_than_that(bool away)
    {
        var account = await azurite.EmptyAccountAsync();
        var tables = new Uri(account.Split("TableEndpoint=")[1].Split(';')[0]).GetLeftPart(UriPartial.Authority);
        await using var wire = await Wire.OpenAsync(new Uri(tables));
        await using var kontext = await KontextServer.StartAsync(account.Replace("TableEndpoint=" + tables, "TableEndpoint=" + wire.Address.GetLeftPart(UriPartial.Authority), StringComparison.Ordinal), keys);
        wire.Rule = (_, _) => Task.FromResult(away ? null : WireAnswer.Of(HttpStatusCode.Forbidden));
        var (status, body) = await AskAsync(kontext, "/readyz");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.Equal("""{"status":"not ready","checks":{"storage":"does not answer","queue":"ok"}}""", body.ToJsonString());
        Assert.Equal(HttpStatusCode.OK, (await AskAsync(kontext, "/healthz")).Status);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_program_whose_vault_is_away_or_refuses_it_is_not_ready_and_tells_strangers_no_more_than_that(bool away)
    {
        await using var standIn = await KeyVaultStandIn.StartAsync();
        await using var kontext = new KeyVaultKontext(standIn, "envelope");
        kontext.StartServer();
        if (away)
            await standIn.StopAsync();
        else
            standIn.Fail(StandInFault.Forbidden, times: 10);
        using var client = new HttpClient();
        using var answer = await client.GetAsync(new Uri(kontext.Address, "/readyz"), Cancelled);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal("""{"status":"not ready","checks":{"storage":"ok","vault":"does not answer"}}""", await answer.Content.ReadAsStringAsync(Cancelled));
        Assert.Equal(TimeSpan.FromSeconds(2), answer.Headers.RetryAfter?.Delta);
    }

    [Fact]
    public async Task The_version_is_said_with_the_commit_it_was_built_from()
    {
        await using var kontext = await KontextServer.StartAsync("memory", keys);
        var (status, body) = await AskAsync(kontext, "/version");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Matches("^[0-9]+\\.[0-9]+\\.[0-9]+$", (string)body["version"]!);
    }

    [Fact]
    public async Task However_often_it_is_asked_what_it_depends_on_is_asked_every_two_seconds_and_trouble_that_is_over_is_noticed()
    {
        var time = new ManualTime(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var dependency = new Counted();
        var readiness = new Readiness([dependency], time, NullLogger<Readiness>.Instance);
        dependency.Fails = true;
        for (var times = 0; times < 10; times++)
            Assert.False((await readiness.AskAsync())["counted"]);
        Assert.Equal(1, dependency.Asked);
        dependency.Fails = false;
        time.Advance(TimeSpan.FromSeconds(3));
        Assert.True((await readiness.AskAsync())["counted"]);
        Assert.Equal(2, dependency.Asked);
    }

    private static async Task<(HttpStatusCode Status, JsonNode Body)> AskAsync(KontextServer kontext, string path)
    {
        using var answer = await kontext.Http.GetAsync(new Uri(path, UriKind.Relative), Cancelled);
        return (answer.StatusCode, JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancelled))!);
    }

    private sealed class Counted : IDependency
    {
        public string Name => "counted";

        public bool Fails { get; set; }

        public int Asked { get; private set; }

        public Task ProbeAsync(CancellationToken cancellationToken)
        {
            Asked++;
            return Fails ? throw new IOException("It does not answer.") : Task.CompletedTask;
        }
    }
}

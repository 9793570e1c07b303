using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests.Refresh;

/// <summary>Many readers of one connection at once, on several processes that share nothing but storage and keys.</summary>
public sealed class ReadersTests(AzuriteFixture azurite)
{
    private static int Rounds => int.TryParse(Environment.GetEnvironmentVariable("KONTEXT_TEST_ROUNDS"), out var rounds) ? rounds : 2;

    [Fact]
    public async Task Sixty_four_readers_on_four_processes_at_expiry_cause_exactly_one_refresh()
    {
        await using var provider = await UpstreamIdp.StartAsync(("ACCESS_TTL", "1"), ("REFRESH_WORK_MS", "50"));
        await using var installed = await Installed.CreateAsync(azurite, ["tracker"], name => Installed.AccountAt(provider, name));
        var others = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => installed.StartAsync()));
        KontextServer[] processes = [installed.First, .. others];
        for (var round = 1; round <= Rounds; round++)
        {
            await provider.ConfigureAsync(new JsonObject { ["accessTtl"] = 1, ["refreshedTtl"] = 3600 });
            await installed.ConnectAsync("tracker");
            await installed.ExpireAsync("tracker");

            var answers = await Task.WhenAll(Enumerable.Range(0, 64).Select(reader => installed.ExchangeAsync("tracker", processes[reader % 4])));

            Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.Status));
            Assert.Single(answers.Select(answer => answer["access_token"]).Distinct());
            Assert.Equal(round, await provider.RefreshesAsync());
            Assert.Equal(1, await provider.RefreshesAsync("maxConcurrent"));
        }
        Assert.Equal(0, await provider.RefreshesAsync("reuseDetected"));
        Assert.Equal(0, await provider.RefreshesAsync("error"));
    }

    [Fact]
    public async Task A_provider_that_answers_after_twenty_seconds_is_asked_once_and_nobody_gets_an_error()
    {
        await using var provider = await UpstreamIdp.StartAsync(("ACCESS_TTL", "4"));
        await using var installed = await Installed.CreateAsync(azurite, ["tracker"], name => Installed.AccountAt(provider, name));
        var second = await installed.StartAsync();
        await installed.ConnectAsync("tracker");
        await provider.ConfigureAsync(new JsonObject { ["refreshedTtl"] = 3600 });
        await provider.FaultAsync("token", "slow_answer", grant: "refresh_token", more: ("delayMs", 20_000));
        var old = (await installed.ExchangeAsync("tracker", second))["access_token"];

        // From while the old token is fresh until the new one is there, through its last quarter and its end.
        var seen = new HashSet<string?>();
        var asked = 0;
        var readers = Enumerable.Range(0, 8).Select(async reader =>
        {
            while (true)
            {
                var answer = await installed.ExchangeAsync("tracker", reader % 2 == 0 ? installed.First : second);
                Assert.True(answer.Status == HttpStatusCode.OK, answer.Json?.ToJsonString());
                lock (seen)
                {
                    seen.Add(answer["access_token"]);
                    asked++;
                }
                if (answer["access_token"] != old)
                    return;
                await Task.Delay(TimeSpan.FromMilliseconds(100));
            }
        });
        await Task.WhenAll(readers);

        Assert.Equal(2, seen.Count);
        Assert.True(asked > 16, "The old token was served while it lived.");
        Assert.Equal(1, await provider.RefreshesAsync());
        Assert.Equal(1, await provider.RefreshesAsync("maxConcurrent"));
        Assert.Equal(1, (int)(await provider.GrantAsync("tracker"))["presented"]!["1"]!);
    }
}

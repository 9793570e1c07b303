using System.Collections.Concurrent;
using System.Net;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests.Refresh;

/// <summary>The process is killed (SIGKILL) at every step of a refresh: before a request is passed on, and when its answer is on the way back.</summary>
public sealed class KillTests(AzuriteFixture azurite, ITestOutputHelper output)
{
    private const int MostSteps = 16;
    private const int AtOnce = 4;

    private sealed record Kill(int Step, Moment Moment, bool Lenient)
    {
        public string Service => $"{(Lenient ? "lenient" : "strict")}-{Step}-{Moment}".ToLowerInvariant();

        /// <summary>The provider is at another generation of the grant than storage, and nothing but the killed process knew it.</summary>
        public bool IsBetween(IReadOnlyList<Step> steps)
        {
            var (asked, stored) = (steps.First(step => step.Name == RefreshSteps.Provider).Number, steps.First(step => step.Name == RefreshSteps.Stored).Number);
            return Moment == Moment.Before ? Step > asked && Step <= stored : Step >= asked && Step < stored;
        }
    }

    [Fact]
    public async Task A_process_killed_at_any_step_of_a_refresh_loses_no_grant_that_could_be_kept()
    {
        (string, string)[] lives = [("ACCESS_TTL", "1"), ("REFRESHED_TTL", "3600")];
        await using var strict = await UpstreamIdp.StartAsync(lives);
        await using var lenient = await UpstreamIdp.StartAsync([.. lives, ("REUSE_GRACE_MS", "120000")]);
        await using var toStrict = await TokenRelay.OpenAsync(strict);
        await using var toLenient = await TokenRelay.OpenAsync(lenient);
        TokenRelay RelayOf(Kill kill) => kill.Lenient ? toLenient : toStrict;
        UpstreamIdp ProviderOf(Kill kill) => kill.Lenient ? lenient : strict;

        // How many steps there are is not known beforehand, so there are integrations for more.
        var all = (from step in Enumerable.Range(1, MostSteps) from moment in Enum.GetValues<Moment>() from kind in new[] { false, true } select new Kill(step, moment, kind)).ToDictionary(kill => kill.Service);
        await using var installed = await Installed.CreateAsync(azurite, [.. all.Keys, "warm", "whole"],
            name => Installed.AccountAt(name.StartsWith("lenient", StringComparison.Ordinal) ? lenient : strict, name, (name.StartsWith("lenient", StringComparison.Ordinal) ? toLenient : toStrict).Address));

        // The first refresh of the installation creates tables on the way. The second shows the steps that all others have.
        await RefreshedAsync(installed, "warm");
        var steps = await StepsAsync(installed, toStrict);
        output.WriteLine(string.Join(", ", steps.Select(step => $"{step.Number} {step.Name}")));
        Assert.InRange(steps.Count, 10, MostSteps);
        var kills = all.Values.Where(kill => kill.Step <= steps.Count && (!kill.Lenient || kill.IsBetween(steps))).ToList();
        foreach (var kill in kills)
            await installed.ConnectAsync(kill.Service);
        await installed.ExpireAsync(kills[^1].Service);

        var killed = new ConcurrentBag<Kill>();
        await Parallel.ForEachAsync(kills, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (kill, _) =>
        {
            if (await KillAsync(installed, RelayOf(kill), kill))
                killed.Add(kill);
        });
        Assert.Equal(kills.Count, killed.Count);

        // A process that knows nothing of all that. It waits until the dead ones' leases have run out.
        var fresh = await installed.StartAsync();
        var outcomes = await Task.WhenAll(kills.Select(async kill => (Kill: kill, Answer: await installed.ExchangeAsync(kill.Service, fresh))));

        foreach (var (kill, answer) in outcomes)
        {
            var about = $"{kill.Service} ({steps[kill.Step - 1].Name}): {answer.Json?.ToJsonString()}";
            var grant = await ProviderOf(kill).GrantAsync(kill.Service);
            var connection = await installed.ConnectionAsync(kill.Service, fresh);
            var lost = kill.IsBetween(steps) && !kill.Lenient;
            if (lost)
            {
                Assert.True(answer["error"] == "integration_required", about);
                Assert.Contains("interrupted", answer["error_description"], StringComparison.Ordinal);
                Assert.Equal("disconnected", (string?)connection["status"]);
                Assert.Contains("interrupted", (string?)connection["reason"], StringComparison.Ordinal);
            }
            else
            {
                Assert.True(answer.Status == HttpStatusCode.OK, about);
                Assert.True(await ProviderOf(kill).AcceptsAsync(answer["access_token"]!), about);
                Assert.Equal("connected", (string?)connection["status"]);
            }
            // Nobody can know whether an answer that never came was given, so then, and only then, the token is presented again.
            Assert.True((int)grant["presented"]!["1"]! == (kill.IsBetween(steps) ? 2 : 1), about);
            Assert.True(((int?)grant["reused"] ?? 0) == (lost ? 1 : 0), about);
        }
    }

    private static async Task RefreshedAsync(Installed installed, string service)
    {
        await installed.ConnectAsync(service);
        await installed.ExpireAsync(service);
        Assert.Equal(HttpStatusCode.OK, (await installed.ExchangeAsync(service, installed.First)).Status);
    }

    private static async Task<IReadOnlyList<Step>> StepsAsync(Installed installed, TokenRelay relay)
    {
        await installed.ConnectAsync("whole");
        await installed.ExpireAsync("whole");
        var steps = new RefreshSteps(static async (_, pass) => await pass());
        relay.Watch("whole", steps);
        await using var storage = await Wire.OpenAsync(installed.Tables);
        storage.Rule = steps.OnStorageAsync;
        var process = await installed.StartAsync(storage);
        var answer = await installed.ExchangeAsync("whole", process);
        Assert.True(answer.Status == HttpStatusCode.OK, answer.Json?.ToJsonString());
        await process.KillAsync();
        return steps.Seen;
    }

    private static async Task<bool> KillAsync(Installed installed, TokenRelay relay, Kill kill)
    {
        KontextServer? victim = null;
        var died = false;
        var steps = new RefreshSteps(async (step, pass) =>
        {
            if (died)
                return null;
            if (step.Number != kill.Step)
                return await pass();
            died = true;
            if (kill.Moment == Moment.After)
                await pass();
            await victim!.KillAsync();
            return null;
        });
        await using var storage = await Wire.OpenAsync(installed.Tables);
        storage.Rule = steps.OnStorageAsync;
        victim = await installed.StartAsync(storage);
        relay.Watch(kill.Service, steps);
        try
        {
            await Assert.ThrowsAsync<HttpRequestException>(() => installed.ExchangeAsync(kill.Service, victim));
        }
        finally
        {
            relay.Leave(kill.Service);
            await victim.KillAsync();
        }
        return died;
    }
}

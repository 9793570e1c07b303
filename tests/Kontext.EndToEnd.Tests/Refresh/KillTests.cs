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

    /// <summary>At which step a process died, and whether nothing but it knew what the provider had answered.</summary>
    private sealed record Death(string At, bool Between);

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

        var died = new ConcurrentDictionary<Kill, Death>();
        await Parallel.ForEachAsync(kills, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (kill, _) =>
        {
            if (await KillAsync(installed, RelayOf(kill), kill) is { } death)
                died[kill] = death;
        });
        // A request that was repeated while the steps were counted makes for one more than there are.
        Assert.All(kills.Where(kill => !died.ContainsKey(kill)), kill => Assert.True(kill.Step > steps.Count - 2, kill.Service));

        // A process that knows nothing of all that. It waits until the dead ones' leases have run out.
        var fresh = await installed.StartAsync();
        var outcomes = await Task.WhenAll(died.Keys.Select(async kill => (Kill: kill, Answer: await installed.ExchangeAsync(kill.Service, fresh))));

        foreach (var (kill, answer) in outcomes)
        {
            var about = $"{kill.Service} ({died[kill].At}): {answer.Json?.ToJsonString()}";
            var grant = await ProviderOf(kill).GrantAsync(kill.Service);
            var connection = await installed.ConnectionAsync(kill.Service, fresh);
            var between = died[kill].Between;
            var lost = between && !kill.Lenient;
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
            Assert.True((int)grant["presented"]!["1"]! == (between ? 2 : 1), about);
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

    private static async Task<Death?> KillAsync(Installed installed, TokenRelay relay, Kill kill)
    {
        KontextServer? victim = null;
        Death? death = null;
        var (committed, stored) = (false, false);
        var steps = new RefreshSteps(async (step, pass) =>
        {
            if (death is not null)
                return null;
            var here = step.Number == kill.Step;
            if (!here || kill.Moment == Moment.After)
                (committed, stored) = (committed || step.Name == RefreshSteps.Provider, stored || step.Name == RefreshSteps.Stored);
            if (!here)
                return await pass();
            death = new Death(step.Name, committed && !stored);
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
            var answer = await installed.ExchangeAsync(kill.Service, victim);
            Assert.True(death is null && answer.Status == HttpStatusCode.OK, kill.Service);
        }
        catch (HttpRequestException) when (death is not null)
        {
            // What an agent sees of a process that is killed.
        }
        finally
        {
            relay.Leave(kill.Service);
            await victim.KillAsync();
        }
        return death;
    }
}

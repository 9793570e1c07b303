using System.Collections.Concurrent;
using System.Net;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests.Refresh;

/// <summary>Storage fails at every step of a refresh: once, with its answer lost, or from there on for a while.</summary>
public sealed class StorageFailureTests(AzuriteFixture azurite)
{
    private const int MostSteps = 16;
    private const int Lanes = 4;

    // More than the retries of a single request, so that operations fail and not only requests.
    private const int RefusedInAnOutage = 12;

    private enum Trouble
    {
        Refusal,
        LostAnswer,
        Outage,
    }

    private sealed record Case(int Step, Trouble Trouble)
    {
        public string Service => $"s{Step}-{Trouble}".ToLowerInvariant();
    }

    [Fact]
    public async Task Storage_that_fails_at_any_step_of_a_refresh_loses_nothing()
    {
        await using var provider = await UpstreamIdp.StartAsync(("ACCESS_TTL", "1"), ("REFRESHED_TTL", "3600"));
        await using var relay = await TokenRelay.OpenAsync(provider);
        var all = (from step in Enumerable.Range(1, MostSteps) from trouble in Enum.GetValues<Trouble>() select new Case(step, trouble)).ToList();
        await using var installed = await Installed.CreateAsync(azurite, [.. all.Select(one => one.Service), "warm", "whole"], name => Installed.AccountAt(provider, name, relay.Address));
        var lanes = await Task.WhenAll(Enumerable.Range(0, Lanes).Select(_ => WiredProcess.StartAsync(installed, relay)));
        await lanes[0].StepsAsync(installed, "warm");
        var steps = await lanes[0].StepsAsync(installed, "whole");
        Assert.InRange(steps.Count, 10, MostSteps);
        // The provider's own trouble is another proof's.
        var cases = all.Where(one => one.Step <= steps.Count && steps[one.Step - 1].Name != RefreshSteps.Provider).ToList();
        foreach (var one in cases)
            await installed.ConnectAsync(one.Service);
        await installed.ExpireAsync(cases[^1].Service);

        var waiting = new ConcurrentQueue<Case>(cases);
        await Task.WhenAll(lanes.Select(async lane =>
        {
            while (waiting.TryDequeue(out var one))
                await ProveAsync(installed, provider, lane, one, $"{one.Service} ({steps[one.Step - 1].Name})");
        }));
        foreach (var lane in lanes)
            await lane.DisposeAsync();
    }

    private static async Task ProveAsync(Installed installed, UpstreamIdp provider, WiredProcess lane, Case one, string about)
    {
        var troubled = false;
        var refused = 0;
        lane.StorageIsDown = () => one.Trouble == Trouble.Outage && Volatile.Read(ref troubled) && Interlocked.Increment(ref refused) <= RefusedInAnOutage;
        lane.Watch(one.Service, async (step, pass) =>
        {
            if (step.Number != one.Step)
                return await pass();
            Volatile.Write(ref troubled, true);
            switch (one.Trouble)
            {
                case Trouble.Refusal:
                    return WireAnswer.Of(HttpStatusCode.ServiceUnavailable);
                case Trouble.LostAnswer:
                    await pass();
                    return null;
                default:
                    return await pass();
            }
        });
        var answer = await installed.ExchangeAsync(one.Service, lane.Server);
        Assert.True(troubled, about);
        if (one.Trouble != Trouble.Outage)
            Assert.True(answer.Status == HttpStatusCode.OK, $"{about}: {answer.Json?.ToJsonString()}");

        // In an outage the agent may be told to come back later, and never that something is over.
        while (answer.Status == HttpStatusCode.ServiceUnavailable)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100));
            answer = await installed.ExchangeAsync(one.Service, lane.Server);
        }
        Assert.True(answer.Status == HttpStatusCode.OK, $"{about}: {answer.Json?.ToJsonString()}");
        Assert.True(await provider.AcceptsAsync(answer["access_token"]!), about);
        var grant = await provider.GrantAsync(one.Service);
        Assert.True((int)grant["presented"]!["1"]! == 1 && (int)grant["gen"]! == 2, $"{about}: {grant.ToJsonString()}");

    }
}

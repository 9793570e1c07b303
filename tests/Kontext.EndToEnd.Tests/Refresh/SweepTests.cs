using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests.Refresh;

/// <summary>The timers, posted to as the Functions host does, for connections that no agent asks for.</summary>
public sealed class SweepTests(AzuriteFixture azurite)
{
    private const int Connections = 12;
    private const int Life = 24;

    [Fact]
    public async Task Sweeps_on_several_processes_refresh_each_connection_once_and_ahead_of_its_end()
    {
        await using var provider = await UpstreamIdp.StartAsync(("ACCESS_TTL", $"{Life}"), ("REFRESHED_TTL", "3600"), ("REFRESH_WORK_MS", "100"));
        var names = Enumerable.Range(1, Connections).Select(number => $"s{number}").ToList();
        // While one connection is made no note of it can be written: only the backfill makes it known to the sweeps.
        var notes = true;
        var refused = 0;
        await using var installed = await Installed.CreateAsync(azurite, [.. names, "unnoted", "limited"], name => Installed.AccountAt(provider, name), async (request, pass) =>
        {
            if (notes || !request.Target.Contains("/refreshdue", StringComparison.Ordinal))
                return await pass();
            Interlocked.Increment(ref refused);
            return WireAnswer.Of(HttpStatusCode.ServiceUnavailable);
        });
        var sweepers = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => installed.StartAsync(handler: true)));
        await provider.FaultAsync("token", "rate_limit", 1, "refresh_token", ("user", "limited"), ("retryAfter", 3));
        // From the beginning: what is connected first may be due before the last is connected.
        var sweeping = SweepAsync(sweepers, async () => await provider.RefreshesAsync() < Connections + 2);
        foreach (var name in names.Append("limited"))
            await installed.ConnectAsync(name);
        notes = false;
        await installed.ConnectAsync("unnoted");
        Assert.True(refused > 0);
        await Task.WhenAll(sweepers.Select(sweeper => sweeper.FireAsync("fn-refresh-backfill")));
        await sweeping;

        var granted = (await provider.StateAsync())["grants"]!.AsArray().ToDictionary(grant => (string)grant!["user"]!, grant => DateTimeOffset.FromUnixTimeMilliseconds((long)grant!["created"]!));
        foreach (var name in names.Append("unnoted"))
        {
            var asked = Assert.Single(await provider.AskedAsync(name));
            Assert.True(asked < granted[name].AddSeconds(Life), $"{name} was refreshed {asked - granted[name]} after it was granted.");
            Assert.Equal(1, (int)(await provider.GrantAsync(name))["refreshes"]!);
        }
        var limited = await provider.AskedAsync("limited");
        Assert.Equal(2, limited.Count);
        Assert.True(limited[1] - limited[0] >= TimeSpan.FromSeconds(3), $"{limited[1] - limited[0]}");
        Assert.Equal(0, await provider.RefreshesAsync("reuseDetected"));
    }

    private static async Task SweepAsync(KontextServer[] sweepers, Func<Task<bool>> goOn)
    {
        while (await goOn())
        {
            await Task.WhenAll(sweepers.Select(sweeper => sweeper.FireAsync("fn-refresh-sweep")));
            await Task.Delay(TimeSpan.FromMilliseconds(300), TestContext.Current.CancellationToken);
        }
        await Task.WhenAll(sweepers.Select(sweeper => sweeper.FireAsync("fn-refresh-sweep")));
    }
}

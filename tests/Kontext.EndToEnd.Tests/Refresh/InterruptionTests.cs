using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests.Refresh;

/// <summary>The person acts, on another process, while a refresh is under way: what she does wins.</summary>
public sealed class InterruptionTests(AzuriteFixture azurite)
{
    /// <summary>Where the refresh is held: the provider has answered and nothing is stored; it is stored and the row does not say so.</summary>
    private static readonly string[] Holds = [RefreshSteps.Provider, RefreshSteps.Stored, "PUT refreshdue", "PUT connections"];

    [Fact]
    public async Task A_disconnect_during_a_refresh_wins_and_the_fresh_grant_dies_too()
    {
        await using var provider = await UpstreamIdp.StartAsync(("ACCESS_TTL", "1"), ("REFRESHED_TTL", "3600"));
        await using var relay = await TokenRelay.OpenAsync(provider);
        // The wire is between the program and the token endpoint, and the issuer's metadata names that.
        await provider.ConfigureAsync(new JsonObject { ["tokenEndpoint"] = new Uri(relay.Address, "/t/tracker/token").AbsoluteUri });
        await using var installed = await Installed.CreateAsync(azurite, ["tracker"], _ => new JsonObject { ["issuer"] = provider.Issuer, ["clientId"] = "vault-public", ["scopes"] = new JsonArray("openid", "api.read") });
        await using var process = await WiredProcess.StartAsync(installed, relay);
        foreach (var hold in Holds)
        {
            await installed.ConnectAsync("tracker");
            await installed.ExpireAsync("tracker");
            var answer = await HeldAsync(installed, process, hold, () => installed.DisconnectAsync("tracker"));

            Assert.True(answer["error"] == "integration_required", $"{hold}: {answer.Json}");
            Assert.Contains("the person disconnected it", answer["error_description"], StringComparison.Ordinal);
            var connection = await installed.ConnectionAsync("tracker");
            Assert.Equal("disconnected", (string?)connection["status"]);
            Assert.Equal("you disconnected it", (string?)connection["reason"]);
            Assert.Equal("integration_required", (await installed.ExchangeAsync("tracker", installed.First))["error"]);
            // No leftover of the refresh is alive at the provider, whatever became of it here.
            var grant = await provider.GrantAsync("alice");
            Assert.True((string?)grant["revoked"] == "revoked", $"{hold}: {grant}");
            Assert.Equal(1, (int)grant["presented"]!["1"]!);
        }
    }

    [Fact]
    public async Task A_reconnect_during_a_refresh_wins_and_its_grant_is_the_one_that_is_refreshed()
    {
        await using var provider = await UpstreamIdp.StartAsync(("ACCESS_TTL", "1"), ("REFRESHED_TTL", "3600"));
        await using var relay = await TokenRelay.OpenAsync(provider);
        await using var installed = await Installed.CreateAsync(azurite, ["tracker"], name => Installed.AccountAt(provider, name, relay.Address));
        await using var process = await WiredProcess.StartAsync(installed, relay);
        foreach (var hold in Holds)
        {
            await installed.ConnectAsync("tracker");
            await installed.ExpireAsync("tracker");
            var before = (string)(await provider.GrantAsync("tracker"))["id"]!;
            await HeldAsync(installed, process, hold, async () =>
            {
                relay.Leave("tracker");
                await installed.ConnectAsync("tracker");
            });

            Assert.Equal("connected", (string?)(await installed.ConnectionAsync("tracker"))["status"]);
            await installed.ExpireAsync("tracker");
            var answer = await installed.ExchangeAsync("tracker", installed.First);
            Assert.True(answer.Status == HttpStatusCode.OK, $"{hold}: {answer.Json}");
            Assert.True(await provider.AcceptsAsync(answer["access_token"]!), hold);
            var grant = await provider.GrantAsync("tracker");
            Assert.NotEqual(before, (string?)grant["id"]);
            Assert.Equal(1, (int)grant["refreshes"]!);
            Assert.Equal(1, (int)grant["presented"]!["1"]!);
        }
        Assert.Equal(0, await provider.RefreshesAsync("reuseDetected"));
    }

    [Fact]
    public async Task A_program_told_to_stop_finishes_the_refresh_that_nobody_waits_for_any_more()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There is no SIGTERM.");
        await using var provider = await UpstreamIdp.StartAsync(("ACCESS_TTL", "1"), ("REFRESHED_TTL", "3600"));
        await using var installed = await Installed.CreateAsync(azurite, ["tracker"], name => Installed.AccountAt(provider, name));
        var stopping = await installed.StartAsync();
        await installed.ConnectAsync("tracker");
        await installed.ExpireAsync("tracker");
        await provider.FaultAsync("token", "slow_answer", grant: "refresh_token", more: ("delayMs", 4_000));

        var exchange = installed.ExchangeAsync("tracker", stopping);
        while (await provider.RefreshesAsync() == 0)
            await Task.Delay(TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken);
        using var term = System.Diagnostics.Process.Start("kill", ["-TERM", $"{stopping.ProcessId}"]);
        await stopping.ExitedAsync();
        await exchange.ContinueWith(static _ => { }, TaskScheduler.Default);

        Assert.Equal(HttpStatusCode.OK, (await installed.ExchangeAsync("tracker", installed.First)).Status);
        Assert.Equal(1, (int)(await provider.GrantAsync("tracker"))["presented"]!["1"]!);
    }

    /// <summary>Lets the process refresh up to a step, acts, and then lets it go on.</summary>
    private static async Task<JsonAnswer> HeldAsync(Installed installed, WiredProcess process, string hold, Func<Task> act)
    {
        var acted = false;
        process.Watch("tracker", async (step, pass) =>
        {
            // The first write of the row takes the lease; the second one is the result's.
            if (acted || step.Name != hold || step.Number == 1)
                return await pass();
            acted = true;
            var answer = step.Name == RefreshSteps.Provider ? await pass() : null;
            await act();
            return answer ?? await pass();
        });
        var outcome = await installed.ExchangeAsync("tracker", process.Server);
        Assert.True(acted, hold);
        return outcome;
    }
}

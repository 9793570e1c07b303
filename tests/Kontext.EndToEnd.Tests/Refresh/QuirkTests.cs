using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests.Refresh;

/// <summary>What providers do at the moment of a refresh, each through the running program: one process, an integration per quirk.</summary>
public sealed class QuirkTests(AzuriteFixture azurite)
{
    private static readonly (string Name, Func<Quirk, Task> Prove)[] Quirks =
    [
        ("slow", SlowAsync),
        ("hanging", HangingAsync),
        ("too-many-requests", TooManyRequestsAsync),
        ("server-error", ServerErrorAsync),
        ("error-in-200", ErrorIn200Async),
        ("form-encoded", FormEncodedAsync),
        ("no-expires-in", NoExpiresInAsync),
        ("rotates", RotatesAsync),
        ("keeps-its-refresh-token", KeepsItsRefreshTokenAsync),
        ("fewer-scopes", FewerScopesAsync),
        ("answer-lost", AnswerLostAsync),
    ];

    /// <summary>An account at a provider that behaves in its way.</summary>
    private sealed record Quirk(Installed Installed, UpstreamIdp Provider, string Service)
    {
        public Task FaultAsync(string mode, int times = 1, params (string, JsonNode)[] more) =>
            Provider.FaultAsync("token", mode, times, "refresh_token", [.. more, ("user", Service)]);

        public Task<JsonAnswer> ExchangeAsync() => Installed.ExchangeAsync(Service, Installed.First);

        public async Task<JsonAnswer> RefreshedAsync()
        {
            var answer = await ExchangeAsync();
            Assert.True(answer.Status == HttpStatusCode.OK, $"{Service}: {answer.Json}");
            Assert.True(await Provider.AcceptsAsync(answer["access_token"]!), Service);
            return answer;
        }

        /// <summary>Refused this time, in a way that says when to come back; then again until it works.</summary>
        public async Task<JsonAnswer> LaterAsync()
        {
            var answer = await ExchangeAsync();
            Assert.True(answer.Status == HttpStatusCode.ServiceUnavailable, $"{Service}: {answer.Json}");
            Assert.True(answer.Headers.RetryAfter?.Delta > TimeSpan.Zero, Service);
            Assert.Equal("connected", (string?)(await Installed.ConnectionAsync(Service))["status"]);
            while (answer.Status == HttpStatusCode.ServiceUnavailable)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200));
                answer = await ExchangeAsync();
            }
            return answer;
        }

        public async Task<JsonObject> GrantAsync() => await Provider.GrantAsync(Service);

        public async Task PresentedOnceEachAsync() =>
            Assert.All((await GrantAsync())["presented"]!.AsObject(), generation => Assert.Equal(1, (int)generation.Value!));
    }

    [Fact]
    public async Task Whatever_a_provider_does_at_a_refresh_the_connection_survives_it_and_the_agent_is_told_the_truth()
    {
        await using var provider = await UpstreamIdp.StartAsync(("ACCESS_TTL", "1"), ("REFRESHED_TTL", "3600"));
        await using var installed = await Installed.CreateAsync(azurite, Quirks.Select(quirk => quirk.Name), name => Installed.AccountAt(provider, name));
        foreach (var (name, _) in Quirks)
            await installed.ConnectAsync(name);
        await installed.ExpireAsync(Quirks[^1].Name);
        await Task.WhenAll(Quirks.Select(quirk => quirk.Prove(new Quirk(installed, provider, quirk.Name))));
    }

    [Fact]
    public async Task An_answer_that_was_lost_is_fetched_again_where_the_provider_allows_it()
    {
        var providers = new Dictionary<string, UpstreamIdp>();
        foreach (var leeway in new[] { 0, 10, 30 })
            providers[$"leeway-{leeway}"] = await UpstreamIdp.StartAsync(("ACCESS_TTL", "1"), ("REFRESHED_TTL", "3600"), ("REUSE_GRACE_MS", $"{leeway * 1000}"));
        await ForEachAsync(providers, async quirk =>
        {
            await quirk.FaultAsync("drop_after");
            var answer = await quirk.LaterAsync();
            var connection = await quirk.Installed.ConnectionAsync(quirk.Service);
            if (quirk.Service == "leeway-0")
            {
                Assert.Equal("integration_required", answer["error"]);
                Assert.Contains("interrupted", (string?)connection["reason"], StringComparison.Ordinal);
            }
            else
            {
                Assert.Equal(HttpStatusCode.OK, answer.Status);
                Assert.Equal(1, await quirk.Provider.RefreshesAsync("replayedInGrace"));
                Assert.Equal("connected", (string?)connection["status"]);
            }
            Assert.Equal(2, (int)(await quirk.GrantAsync())["presented"]!["1"]!);
        });
    }

    [Fact]
    public async Task A_provider_whose_clock_is_wrong_is_believed_about_durations_only()
    {
        var providers = new Dictionary<string, UpstreamIdp>();
        foreach (var (name, seconds) in new[] { ("slow-clock", -400), ("fast-clock", 400) })
            providers[name] = await UpstreamIdp.StartAsync(("ACCESS_TTL", "1"), ("REFRESHED_TTL", "3600"), ("SKEW", $"{seconds}"), ("JWT_ACCESS", "1"));
        await ForEachAsync(providers, async quirk =>
        {
            await quirk.FaultAsync("rate_limit", 1, ("retryAfter", 2), ("retryAfterDate", true));
            Assert.Equal(HttpStatusCode.OK, (await quirk.LaterAsync()).Status);
            Assert.InRange((int)(await quirk.RefreshedAsync()).Json!["expires_in"]!, 3000, 3600);
            // The date it named means something by its own clock only. Dates have no fractions of seconds.
            var asked = await quirk.Provider.AskedAsync(quirk.Service);
            Assert.Equal(2, asked.Count);
            Assert.True(asked[1] - asked[0] >= TimeSpan.FromSeconds(1), $"{asked[1] - asked[0]}");
        });
    }

    /// <summary>One installation with an account at each provider, all proven at once.</summary>
    private async Task ForEachAsync(Dictionary<string, UpstreamIdp> providers, Func<Quirk, Task> prove)
    {
        await using var installed = await Installed.CreateAsync(azurite, providers.Keys, name => Installed.AccountAt(providers[name], name));
        foreach (var name in providers.Keys)
            await installed.ConnectAsync(name);
        await installed.ExpireAsync(providers.Keys.Last());
        await Task.WhenAll(providers.Select(provider => prove(new Quirk(installed, provider.Value, provider.Key))));
        foreach (var provider in providers.Values)
            await provider.DisposeAsync();
    }

    private static async Task SlowAsync(Quirk quirk)
    {
        await quirk.FaultAsync("slow_answer", 1, ("delayMs", 2_000));
        await quirk.RefreshedAsync();
        await quirk.PresentedOnceEachAsync();
    }

    private static async Task HangingAsync(Quirk quirk)
    {
        await quirk.FaultAsync("hang");
        var first = quirk.ExchangeAsync();
        while ((int)(await quirk.Provider.StateAsync())["hung"]! == 0)
            await Task.Delay(TimeSpan.FromMilliseconds(50));
        // It never read the request to its end: nothing was done, and the connection breaks.
        await quirk.Provider.LetGoAsync();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await first).Status);
        Assert.Equal(HttpStatusCode.OK, (await quirk.LaterAsync()).Status);
    }

    private static async Task TooManyRequestsAsync(Quirk quirk)
    {
        await quirk.FaultAsync("rate_limit", 1, ("retryAfter", 3));
        Assert.Equal(HttpStatusCode.OK, (await quirk.LaterAsync()).Status);
        var asked = await quirk.Provider.AskedAsync(quirk.Service);
        Assert.Equal(2, asked.Count);
        Assert.True(asked[1] - asked[0] >= TimeSpan.FromSeconds(3), $"{asked[1] - asked[0]}");
    }

    private static async Task ServerErrorAsync(Quirk quirk)
    {
        await quirk.FaultAsync("server_error", 2);
        Assert.Equal(HttpStatusCode.OK, (await quirk.LaterAsync()).Status);
        Assert.Equal(3, (await quirk.Provider.AskedAsync(quirk.Service)).Count);
    }

    private static async Task ErrorIn200Async(Quirk quirk)
    {
        await quirk.FaultAsync("error_200");
        var answer = await quirk.ExchangeAsync();
        Assert.Equal("integration_required", answer["error"]);
        Assert.Contains("the provider ended the grant", answer["error_description"], StringComparison.Ordinal);
        Assert.Equal("disconnected", (string?)(await quirk.Installed.ConnectionAsync(quirk.Service))["status"]);
        Assert.Single(await quirk.Provider.AskedAsync(quirk.Service));
    }

    private static async Task FormEncodedAsync(Quirk quirk)
    {
        await quirk.FaultAsync("form");
        Assert.InRange((int)(await quirk.RefreshedAsync()).Json!["expires_in"]!, 3000, 3600);
        Assert.Equal(["openid", "api.read"], (await quirk.Installed.ConnectionAsync(quirk.Service))["scopes"]!.AsArray().Select(scope => (string)scope!));
    }

    private static async Task NoExpiresInAsync(Quirk quirk)
    {
        await quirk.FaultAsync("no_expires");
        Assert.Null((await quirk.RefreshedAsync()).Json!["expires_in"]);
        await quirk.RefreshedAsync();
        Assert.Null((await quirk.Installed.ConnectionAsync(quirk.Service))["expiresAt"]);
        Assert.Single(await quirk.Provider.AskedAsync(quirk.Service));
    }

    private static async Task RotatesAsync(Quirk quirk)
    {
        // Each answer ends at once, so each exchange is another generation.
        await quirk.FaultAsync("short_lived", 3);
        for (var generation = 2; generation <= 5; generation++)
        {
            var answer = await quirk.ExchangeAsync();
            Assert.True(answer.Status == HttpStatusCode.OK, $"{answer.Json}");
            if (generation < 5)
                await quirk.Installed.ExpireAsync(quirk.Service);
        }
        Assert.Equal(5, (int)(await quirk.GrantAsync())["gen"]!);
        await quirk.PresentedOnceEachAsync();
    }

    private static async Task KeepsItsRefreshTokenAsync(Quirk quirk)
    {
        // The provider does not rotate for this user and never repeats the refresh token.
        await quirk.FaultAsync("keep", 3, ("expiresIn", 1));
        for (var times = 0; times < 3; times++)
        {
            var answer = await quirk.ExchangeAsync();
            Assert.True(answer.Status == HttpStatusCode.OK, $"{answer.Json}");
            await quirk.Installed.ExpireAsync(quirk.Service);
        }
        await quirk.RefreshedAsync();
        Assert.Equal(4, (int)(await quirk.GrantAsync())["presented"]!["1"]!);
    }

    private static async Task FewerScopesAsync(Quirk quirk)
    {
        await quirk.FaultAsync("scope_reduced", 1, ("scope", "openid"));
        var answer = await quirk.ExchangeAsync();
        Assert.Equal("openid", answer["scope"]);
        Assert.Equal(["openid"], (await quirk.Installed.ConnectionAsync(quirk.Service))["scopes"]!.AsArray().Select(scope => (string)scope!));
    }

    private static async Task AnswerLostAsync(Quirk quirk)
    {
        await quirk.FaultAsync("drop_before");
        Assert.Equal(HttpStatusCode.OK, (await quirk.LaterAsync()).Status);
        Assert.Equal(2, (int)(await quirk.GrantAsync())["presented"]!["1"]!);
        Assert.Equal(0, (int?)(await quirk.GrantAsync())["reused"] ?? 0);
    }
}

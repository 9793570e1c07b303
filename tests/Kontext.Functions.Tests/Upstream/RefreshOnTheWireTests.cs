using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;
using Kontext.Functions.Upstream;
using Kontext.Testing;
using Kontext.Testing.Connections;

namespace Kontext.Functions.Tests.Upstream;

/// <summary>Refresh against a provider that ends the grant as soon as a refresh token is presented twice.</summary>
public sealed class RefreshOnTheWireTests : IAsyncLifetime
{
    private UpstreamIdp idp = null!;
    private ConnectionWorld world = null!;

    public async ValueTask InitializeAsync()
    {
        idp = await UpstreamIdp.StartAsync(("REFRESH_WORK_MS", "100"));
        var clock = new ManualTime(ConnectionWorld.Noon);
        var client = new HttpProviderClient(GuardedHttp.Create(allowPrivateAddresses: true), allowPrivateAddresses: true, CredentialRefresh.CallLimit, clock);
        world = new ConnectionWorld(client, clock);
        world.Integration = world.Integration with { OAuth = new IntegrationOAuth { Issuer = idp.Issuer, ClientId = "vault-public", Scopes = ["openid", "api.read"] } };
        var granted = await GrantAsync(client);
        await world.ConnectAsync(granted.AccessToken!.Reveal(), granted.RefreshToken!.Reveal(), TimeSpan.FromMinutes(1));
        world.Advance(TimeSpan.FromMinutes(2));
    }

    public ValueTask DisposeAsync() => idp.DisposeAsync();

    [Fact]
    public async Task Sixty_four_readers_on_four_instances_present_the_refresh_token_once()
    {
        var instances = Enumerable.Range(0, 4).Select(_ => world.NewInstance()).ToList();
        var results = await Task.WhenAll(Enumerable.Range(0, 64).Select(reader => Task.Run(() => instances[reader % 4].RefreshAsync())));

        Assert.Single(results.Select(result => result.TryGet(out var opened, out var failure) ? opened.Value.Reveal() : failure.ToString()).Distinct());
        Assert.Equal(1, await idp.RefreshesAsync());
        Assert.Equal(1, await idp.RefreshesAsync("maxConcurrent"));
        Assert.Equal(0, await idp.RefreshesAsync("reuseDetected"));
    }

    [Fact]
    public async Task An_answer_lost_within_the_providers_leeway_is_fetched_again()
    {
        await idp.ConfigureAsync(new System.Text.Json.Nodes.JsonObject { ["reuseGraceMs"] = 60_000 });
        await idp.FaultAsync("token", "drop_after", grant: "refresh_token");
        Assert.False((await world.NewInstance().RefreshAsync()).TryGet(out _, out var failure));
        Assert.Equal(FailureCode.Unavailable, failure.Code);
        world.Advance(TimeSpan.FromSeconds(2));

        Assert.True((await world.NewInstance().RefreshAsync()).TryGet(out _, out failure), failure?.ToString());
    }

    [Fact]
    public async Task An_answer_lost_for_good_disconnects_and_says_why()
    {
        await idp.FaultAsync("token", "drop_after", grant: "refresh_token");
        await world.NewInstance().RefreshAsync();
        world.Advance(TimeSpan.FromSeconds(2));

        Assert.False((await world.NewInstance().RefreshAsync()).TryGet(out _, out var failure));
        Assert.Equal(FailureCode.NotConnected, failure.Code);
        Assert.Contains("interrupted", (await world.RowAsync()).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_grant_withdrawn_at_the_provider_disconnects_and_says_so()
    {
        await idp.RevokeUserAsync("alice");
        Assert.False((await world.NewInstance().RefreshAsync()).TryGet(out _, out var failure));
        Assert.Equal(FailureCode.NotConnected, failure.Code);
        Assert.Contains("the provider ended the grant", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("wrong_type")]
    [InlineData("no_access_token")]
    [InlineData("html_200_before")]
    public async Task Nonsense_in_between_does_not_cost_the_grant(string mode)
    {
        // A page of a captive portal never reached the provider; the two others did, and rotated.
        await idp.FaultAsync("token", mode.Replace("_before", "", StringComparison.Ordinal), grant: "refresh_token");
        Assert.False((await world.NewInstance().RefreshAsync()).TryGet(out _, out var failure));
        Assert.Equal(FailureCode.Unavailable, failure.Code);
        world.Advance(TimeSpan.FromSeconds(2));

        Assert.True((await world.NewInstance().RefreshAsync()).TryGet(out _, out failure), failure?.ToString());
        Assert.Equal(0, await idp.RefreshesAsync("reuseDetected"));
    }

    private async Task<TokenAnswer> GrantAsync(HttpProviderClient client)
    {
        var redirect = new Uri("http://localhost:7071/oauth/callback");
        if (!(await world.NewInstance().Directory.ResolveAsync(world.Org, world.Integration, default)).TryGet(out var app, out var failure))
            throw new Xunit.Sdk.XunitException(failure.ToString());
        // Challenge and verifier of RFC 7636 appendix B.
        var back = await idp.AuthorizeAsync(new Uri(
            $"{app.AuthorizationEndpoint}?response_type=code&client_id={app.ClientId}&redirect_uri={Uri.EscapeDataString(redirect.AbsoluteUri)}&scope=openid%20api.read"
            + "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"));
        var code = System.Web.HttpUtility.ParseQueryString(back.Query)["code"]!;
        var exchanged = await client.ExchangeCodeAsync(app, new Secret(code), redirect, new Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), default);
        return exchanged.TryGet(out var answer, out failure) ? answer : throw new Xunit.Sdk.XunitException(failure.ToString());
    }
}

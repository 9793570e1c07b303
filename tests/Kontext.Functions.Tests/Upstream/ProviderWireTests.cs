using Kontext.Domain;
using Kontext.Domain.Vault;
using Kontext.Functions.Upstream;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Upstream;

/// <summary>What really comes over the wire from a provider, good and bad.</summary>
public sealed class ProviderWireTests(ProviderWireTests.Simulator simulator) : IClassFixture<ProviderWireTests.Simulator>, IAsyncDisposable
{
    private static readonly Uri Redirect = new("http://localhost:7071/oauth/callback");
    private readonly UpstreamIdp idp = simulator.Idp;
    private readonly HttpProviderClient client = ClientWith(TimeSpan.FromSeconds(20));

    public sealed class Simulator : IAsyncLifetime
    {
        public UpstreamIdp Idp { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Idp = await UpstreamIdp.StartAsync(("ACCESS_TTL", "600"));

        public ValueTask DisposeAsync() => Idp.DisposeAsync();
    }

    public async ValueTask DisposeAsync() => await idp.ClearFaultsAsync();

    [Fact]
    public async Task A_code_becomes_tokens_that_refresh_rotate_and_can_be_revoked()
    {
        var app = App();
        var granted = await GrantAsync(app);
        Assert.NotNull(granted.RefreshToken);
        Assert.Equal(["openid", "api.read"], granted.Scopes!.Value);
        Assert.InRange(granted.ExpiresAt!.Value - TimeProvider.System.GetUtcNow(), TimeSpan.FromSeconds(560), TimeSpan.FromSeconds(600));
        Assert.Equal("alice@example.test", Success(await client.IdentityAsync(app.Name, app.Account!, granted.AccessToken!, default)));

        var refreshed = Success(await client.RefreshAsync(app, granted.RefreshToken!, default));
        Assert.NotEqual(granted.RefreshToken!.Reveal(), refreshed.RefreshToken!.Reveal());
        Assert.True((await client.RevokeAsync(app, refreshed.RefreshToken, "refresh_token", default)).TryGet(out _, out _));
        Assert.Equal(FailureCode.InvalidGrant, Refused(await client.RefreshAsync(app, refreshed.RefreshToken, default)).Code);
        Assert.Equal(FailureCode.InvalidToken, Refused(await client.IdentityAsync(app.Name, app.Account!, refreshed.AccessToken!, default)).Code);
    }

    [Theory]
    [InlineData(ClientAuthentication.Basic)]
    [InlineData(ClientAuthentication.Post)]
    [InlineData(ClientAuthentication.None)]
    public async Task Each_way_to_authenticate_is_understood(ClientAuthentication authentication)
    {
        var app = App() with { Authentication = authentication };
        if (authentication == ClientAuthentication.None)
            app = app with { ClientId = "vault-public", ClientSecret = null };
        Assert.NotNull((await GrantAsync(app)).AccessToken);
    }

    [Theory]
    [InlineData("invalid_grant", FailureCode.InvalidGrant)]
    [InlineData("error_200", FailureCode.InvalidGrant)]
    [InlineData("invalid_client", FailureCode.Misconfigured)]
    [InlineData("invalid_scope", FailureCode.Misconfigured)]
    [InlineData("temporarily_unavailable", FailureCode.Unavailable)]
    [InlineData("rate_limit", FailureCode.Unavailable)]
    [InlineData("unavailable", FailureCode.Unavailable)]
    [InlineData("redirect", FailureCode.Unavailable)]
    [InlineData("server_error", FailureCode.UpstreamFailed)]
    [InlineData("bad_gateway", FailureCode.UpstreamFailed)]
    [InlineData("html_200", FailureCode.UpstreamFailed)]
    [InlineData("malformed", FailureCode.UpstreamFailed)]
    [InlineData("empty", FailureCode.UpstreamFailed)]
    [InlineData("big", FailureCode.UpstreamFailed)]
    [InlineData("drop_before", FailureCode.UpstreamFailed)]
    [InlineData("drop_after", FailureCode.UpstreamFailed)]
    public async Task Each_bad_answer_is_told_apart(string mode, FailureCode expected)
    {
        var app = App();
        var granted = await GrantAsync(app);
        await idp.FaultAsync("token", mode, grant: "refresh_token");

        var failure = Refused(await client.RefreshAsync(app, granted.RefreshToken!, default));

        Assert.Equal(expected, failure.Code);
        Assert.DoesNotContain(granted.RefreshToken!.Reveal(), failure.Message + failure.Detail, StringComparison.Ordinal);
        if (expected == FailureCode.Misconfigured)
            Assert.Contains("the setting", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hang")]
    [InlineData("trickle")]
    public async Task A_provider_that_never_finishes_is_given_up(string mode)
    {
        var app = App();
        var granted = await GrantAsync(app);
        await idp.FaultAsync("token", mode, grant: "refresh_token");

        Assert.Equal(FailureCode.UpstreamFailed, Refused(await ClientWith(TimeSpan.FromSeconds(1)).RefreshAsync(app, granted.RefreshToken!, default)).Code);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Retry_After_is_understood_as_seconds_and_as_a_date(bool asDate)
    {
        var app = App();
        var granted = await GrantAsync(app);
        await idp.FaultAsync("token", "rate_limit", 1, "refresh_token", ("retryAfter", 120), ("retryAfterDate", asDate));

        Assert.InRange(Refused(await client.RefreshAsync(app, granted.RefreshToken!, default)).RetryAfter!.Value, TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(121));
    }

    [Fact]
    public async Task What_is_missing_or_odd_in_a_good_answer_does_no_harm()
    {
        var app = App();
        Assert.Null((await RefreshWithAsync(app, "no_expires")).ExpiresAt);
        Assert.Null((await RefreshWithAsync(app, "expires_zero")).ExpiresAt);
        Assert.NotNull((await RefreshWithAsync(app, "expires_string")).ExpiresAt);
        Assert.Null((await RefreshWithAsync(app, "no_rotate")).RefreshToken);
        Assert.Equal(["api.read"], (await RefreshWithAsync(app, "scope_reduced", ("scope", "api.read"))).Scopes!.Value);
        var wrongType = await RefreshWithAsync(app, "wrong_type");
        Assert.Null(wrongType.AccessToken);
        Assert.NotNull(wrongType.RefreshToken);
        Assert.NotNull(wrongType.Problem);
        var tokenless = await RefreshWithAsync(app, "no_access_token");
        Assert.Null(tokenless.AccessToken);
        Assert.NotNull(tokenless.RefreshToken);
    }

    [Fact]
    public async Task An_address_nobody_listens_on_is_no_answer_and_spends_nothing()
    {
        var app = App() with { RefreshEndpoint = new Uri("http://127.0.0.1:1/token") };
        Assert.Equal(FailureCode.Unavailable, Refused(await client.RefreshAsync(app, new Secret("rt"), default)).Code);
    }

    [Fact]
    public async Task Plain_http_is_refused_unless_private_addresses_are_allowed()
    {
        using var http = GuardedHttp.Create(allowPrivateAddresses: false);
        var strict = new HttpProviderClient(http, allowPrivateAddresses: false, TimeSpan.FromSeconds(20), TimeProvider.System);
        Assert.Equal(FailureCode.Misconfigured, Refused(await strict.RefreshAsync(App(), new Secret("rt"), default)).Code);
    }

    [Fact]
    public async Task Metadata_is_discovered_and_has_to_name_the_issuer_that_was_asked()
    {
        Assert.True((await client.DiscoverAsync(idp.Issuer, default)).TryGet(out var metadata, out _));
        Assert.Equal(idp.Issuer + "/token", metadata.TokenEndpoint.AbsoluteUri);
        Assert.Equal(idp.Issuer + "/revoke", metadata.RevocationEndpoint?.AbsoluteUri);
        Assert.True(metadata.SendsIssuer);

        var impostor = idp.Issuer.Replace("127.0.0.1", "localhost", StringComparison.Ordinal);
        Assert.False((await client.DiscoverAsync(impostor, default)).TryGet(out _, out var failure));
        Assert.Equal(FailureCode.Misconfigured, failure.Code);

        await idp.FaultAsync("metadata", "unavailable");
        Assert.False((await client.DiscoverAsync(idp.Issuer, default)).TryGet(out _, out failure));
        Assert.Equal(FailureCode.Unavailable, failure.Code);
    }

    [Fact]
    public async Task Form_encoded_answers_with_comma_scopes_are_read()
    {
        var answer = TokenAnswers.Read(App(), new ProviderResponse(
            200, "application/x-www-form-urlencoded", "access_token=gho_1&scope=repo%2Cread%3Auser&token_type=bearer"u8.ToArray(), null), TimeProvider.System.GetUtcNow());
        Assert.Equal("gho_1", Success(answer).AccessToken!.Reveal());
        Assert.Equal(["repo", "read:user"], Success(answer).Scopes!.Value);

        await using var github = await UpstreamIdp.StartAsync(("QUIRK", "github"));
        var app = App(github) with { DeadGrantErrors = ["bad_verification_code"] };
        var granted = await GrantAsync(app, github);
        Assert.Equal(["openid", "api.read"], granted.Scopes!.Value);
        await github.RevokeUserAsync("alice");
        Assert.Equal(FailureCode.InvalidGrant, Refused(await client.RefreshAsync(app, granted.RefreshToken!, default)).Code);
        Assert.Equal(FailureCode.InvalidGrant, Refused(await client.ExchangeCodeAsync(app, new Secret("wrong"), Redirect, null, default)).Code);
    }

    [Fact]
    public async Task A_token_nested_in_the_answer_is_found()
    {
        await using var slack = await UpstreamIdp.StartAsync(("QUIRK", "slack"));
        var app = App(slack) with { TokenObject = "authed_user", BearerTypes = ["user"] };
        var granted = await GrantAsync(app, slack);
        Assert.NotNull(granted.AccessToken);
        Assert.NotNull(Success(await client.RefreshAsync(app, granted.RefreshToken!, default)).AccessToken);
        await slack.RevokeUserAsync("alice");
        Assert.Equal(FailureCode.InvalidGrant, Refused(await client.RefreshAsync(app, granted.RefreshToken!, default)).Code);
    }

    private static HttpProviderClient ClientWith(TimeSpan limit) => new(GuardedHttp.Create(allowPrivateAddresses: true), allowPrivateAddresses: true, limit, TimeProvider.System);

    private ProviderApp App(UpstreamIdp? at = null)
    {
        var issuer = (at ?? idp).Issuer;
        return new ProviderApp
        {
            Name = "Upstream",
            AuthorizationEndpoint = new Uri(issuer + "/authorize"),
            TokenEndpoint = new Uri(issuer + "/token"),
            RefreshEndpoint = new Uri(issuer + "/token"),
            RevocationEndpoint = new Uri(issuer + "/revoke"),
            Account = new AccountIdentity { Url = new Uri(issuer + "/userinfo"), Paths = ["email"] },
            ClientId = "vault-client",
            ClientSecret = new Secret("vault-secret"),
            Setting = "the setting",
        };
    }

    private async Task<TokenAnswer> GrantAsync(ProviderApp app, UpstreamIdp? at = null)
    {
        const string verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        var back = await (at ?? idp).AuthorizeAsync(new Uri(
            $"{app.AuthorizationEndpoint}?response_type=code&client_id={app.ClientId}&redirect_uri={Uri.EscapeDataString(Redirect.AbsoluteUri)}&scope=openid%20api.read&state=s"
            + "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"));
        var code = System.Web.HttpUtility.ParseQueryString(back.Query)["code"]!;
        return Success(await client.ExchangeCodeAsync(app, new Secret(code), Redirect, new Secret(verifier), default));
    }

    private async Task<TokenAnswer> RefreshWithAsync(ProviderApp app, string mode, params (string, System.Text.Json.Nodes.JsonNode)[] more)
    {
        var granted = await GrantAsync(app);
        await idp.FaultAsync("token", mode, 1, "refresh_token", more);
        return Success(await client.RefreshAsync(app, granted.RefreshToken!, default));
    }

    private static T Success<T>(Result<T> result) =>
        result.TryGet(out var answer, out var failure) ? answer : throw new Xunit.Sdk.XunitException(failure.ToString());

    private static Failure Refused<T>(Result<T> result) =>
        result.TryGet(out _, out var failure) ? throw new Xunit.Sdk.XunitException("It succeeded.") : failure;
}

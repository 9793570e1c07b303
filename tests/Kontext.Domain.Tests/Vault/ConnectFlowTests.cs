using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Testing.Connections;

namespace Kontext.Domain.Tests.Vault;

public sealed class ConnectFlowTests
{
    private const string Browser = "browser-1";
    private readonly ScriptedProvider provider;
    private readonly ConnectionWorld world;
    private readonly MemoryStates states = new();
    private ConnectFlow flow;

    public ConnectFlowTests()
    {
        var clock = new Testing.ManualTime(ConnectionWorld.Noon);
        provider = new ScriptedProvider(clock);
        world = new ConnectionWorld(provider, clock);
        world.UseIssuer();
        flow = NewFlow();
        provider.Exchange = new TokenAnswer
        {
            AccessToken = new Secret("at-new"), RefreshToken = new Secret("rt-new"), ExpiresAt = world.Time.GetUtcNow() + TimeSpan.FromHours(1), Scopes = ["read", "write"],
        };
    }

    [Fact]
    public async Task The_authorization_request_carries_state_challenge_scopes_and_the_fixed_redirect()
    {
        var query = await StartAsync();
        Assert.Equal("code", query["response_type"]);
        Assert.Equal("our-client", query["client_id"]);
        Assert.Equal("https://kontext.test/oauth/callback", query["redirect_uri"]);
        Assert.Equal("read write", query["scope"]);
        Assert.Equal("S256", query["code_challenge_method"]);
        Assert.Equal(43, query["code_challenge"]!.Length);
        Assert.True(OrgHandle.TryRead(query["state"], OrgHandle.ConnectState, out var org));
        Assert.Equal(world.Org, org);
    }

    [Fact]
    public async Task The_callback_stores_the_grant_and_says_whose_account_it_is()
    {
        var done = Success(await BackAsync((await StartAsync())["state"]!));

        Assert.Equal("alice@example.test", done.Connection.Account);
        Assert.Equal("https://agent.test/done", done.ReturnUrl);
        Assert.Empty(done.MissingScopes);
        var row = await world.RowAsync();
        Assert.Equal(ConnectionStatus.Connected, row.Status);
        Assert.Equal("rt-new", (await world.NewInstance().Grants.ReadAsync(world.Org, row, default))!.RefreshToken!.Reveal());
        Assert.Equal(AuditTypes.Connected, world.Audit.Last.Type);
    }

    [Fact]
    public async Task A_state_works_once()
    {
        var state = (await StartAsync())["state"]!;
        Success(await BackAsync(state));
        Assert.Equal(FailureCode.InvalidRequest, Refused(await BackAsync(state)).Code);
    }

    [Fact]
    public async Task A_state_works_only_for_the_person_and_browser_it_was_issued_to_and_a_foreign_try_does_not_spend_it()
    {
        var state = (await StartAsync())["state"]!;
        Assert.Equal(FailureCode.InvalidRequest, Refused(await BackAsync(state, browser: "browser-2")).Code);
        Assert.Equal(FailureCode.InvalidRequest, Refused(await BackAsync(state, user: world.User with { Id = Ids.Named<UserId>("mallory") })).Code);
        Assert.Equal(FailureCode.InvalidRequest, Refused(await BackAsync(state, org: Ids.Named<OrgId>("other"))).Code);
        Success(await BackAsync(state));
    }

    [Fact]
    public async Task Asking_for_an_interrupted_authorization_spends_nothing_and_tells_its_connect_session_only_to_the_browser_that_began()
    {
        Assert.True((await flow.StartAsync(world.Org, world.User, world.Integration, Browser, new Secret("handle-1"), returnUrl: null, default)).TryGet(out var url, out var failure), failure?.Message);
        var state = System.Web.HttpUtility.ParseQueryString(url!.Query)["state"]!;
        var known = new ConnectStates(states, new PlainSealer(), world.Time);
        Assert.Equal("handle-1", (await known.FindInterruptedAsync(state, Browser, default))!.Value.Session!.Reveal());
        foreach (var other in new[] { "browser-2", null })
        {
            var found = (await known.FindInterruptedAsync(state, other, default))!.Value;
            Assert.Equal((world.Org, world.User.Id), (found.Org, found.State.User));
            Assert.Null(found.Session);
        }
        Assert.Null(await known.FindInterruptedAsync("unknown", Browser, default));
        Success(await BackAsync(state));
    }

    [Fact]
    public async Task A_state_ends_after_ten_minutes()
    {
        var state = (await StartAsync())["state"]!;
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(FailureCode.InvalidRequest, Refused(await BackAsync(state)).Code);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("https://attacker.test")]
    public async Task An_answer_of_another_issuer_is_refused(string? issuer)
    {
        var state = (await StartAsync())["state"]!;
        Assert.Equal(FailureCode.InvalidRequest, Refused(await BackAsync(state, issuer: issuer)).Code);
        Assert.Null(await world.Connections.FindAsync(world.Org, world.User.Id, world.Integration.Id, default));
    }

    [Fact]
    public async Task A_code_does_not_go_to_a_token_endpoint_that_was_set_meanwhile()
    {
        var state = (await StartAsync())["state"]!;
        world.Integration = world.Integration with { OAuth = world.Integration.OAuth! with { TokenUrl = "https://other.test/token" } };
        Assert.Equal(FailureCode.InvalidRequest, Refused(await BackAsync(state)).Code);
    }

    [Theory]
    [InlineData("access_denied", FailureCode.AccessDenied)]
    [InlineData("temporarily_unavailable", FailureCode.Unavailable)]
    [InlineData("invalid_scope", FailureCode.Misconfigured)]
    [InlineData("something_else", FailureCode.UpstreamFailed)]
    public async Task An_error_answer_is_said_in_our_words(string error, FailureCode expected)
    {
        var state = (await StartAsync())["state"]!;
        var failure = Refused(await flow.CallbackAsync(world.Org, world.User, Browser, new ConnectCallback(state, null, error, "<b>call 555</b>", "https://example.test"), default));
        Assert.Equal(expected, failure.Code);
        Assert.DoesNotContain("555", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Scopes_that_were_not_granted_are_named()
    {
        provider.Exchange = new TokenAnswer { AccessToken = new Secret("at"), Scopes = ["read"] };
        Assert.Equal(["write"], Success(await BackAsync((await StartAsync())["state"]!)).MissingScopes);
        Assert.Equal("warn", world.Audit.Last.Status);
        Assert.Equal(["read"], (await world.RowAsync()).Scopes);
    }

    [Fact]
    public async Task Connecting_again_keeps_the_id_ends_the_old_grant_and_clears_what_was_wrong()
    {
        var before = await world.ConnectAsync();
        world.Advance(TimeSpan.FromHours(2));
        provider.Dead = true;
        await world.NewInstance().RefreshAsync();

        var after = Success(await BackAsync((await StartAsync())["state"]!)).Connection;

        Assert.Equal(before.Id, after.Id);
        Assert.Equal(ConnectionStatus.Connected, after.Status);
        Assert.Null(after.Reason);
        Assert.Null(after.LastError);
        Assert.Equal(1, world.Vault.CountOf(world.Org, CredentialName.Of(after.Id)));
        await BackAsync((await StartAsync())["state"]!);
        Assert.Empty(provider.Revoked);
        provider.Exchange = new TokenAnswer { AccessToken = new Secret("at-3"), RefreshToken = new Secret("rt-3") };
        Success(await BackAsync((await StartAsync())["state"]!));
        Assert.Equal(["rt-new"], provider.Revoked);
    }

    [Fact]
    public async Task Disconnecting_kills_at_once_revokes_at_the_provider_and_deletes_the_secrets()
    {
        var connection = await world.ConnectAsync();
        var report = await world.NewInstance().Disconnection.RunAsync(world.Org, world.User.Id, world.Integration, DisconnectReason.ByPerson, null, default);

        Assert.Equal(new RemovalReport(ProviderRevocation.Revoked, SecretsDeleted: true, LivesUntil: null, Detail: null), report);
        Assert.Equal(["rt-1"], provider.Revoked);
        Assert.Equal(0, world.Vault.CountOf(world.Org, CredentialName.Of(connection.Id)));
        Assert.Equal(1, world.Connections.CutOffs);
        Assert.Equal("you disconnected it", (await world.RowAsync()).Reason);
        Assert.Equal(AuditTypes.Disconnected, world.Audit.Last.Type);
    }

    [Fact]
    public async Task A_disconnect_the_provider_does_not_confirm_says_until_when_the_token_lives()
    {
        await world.ConnectAsync();
        provider.RevocationFailure = new Failure(FailureCode.UpstreamFailed, "Example did not answer.");
        var report = await world.NewInstance().Disconnection.RunAsync(world.Org, world.User.Id, world.Integration, DisconnectReason.ByPerson, null, default);
        Assert.Equal(ProviderRevocation.Failed, report.AtProvider);
        Assert.Equal(ConnectionWorld.Noon + TimeSpan.FromHours(1), report.LivesUntil);
        Assert.True(report.SecretsDeleted);
    }

    [Fact]
    public async Task A_person_who_connects_again_while_secrets_are_being_deleted_keeps_the_new_grant()
    {
        await world.ConnectAsync();
        Task<Result<ConnectCompletion>>? again = null;
        world.Connections.AfterWrite = async row =>
        {
            if (row is { Status: ConnectionStatus.Disconnected, LeaseUntil: not null } && again is null)
                again = BackAsync((await StartAsync())["state"]!);
        };
        await world.NewInstance().Disconnection.RunAsync(world.Org, world.User.Id, world.Integration, DisconnectReason.ByPerson, null, default);
        Success(await again!);

        var row = await world.RowAsync();
        Assert.Equal(ConnectionStatus.Connected, row.Status);
        Assert.Equal("rt-new", (await world.NewInstance().Grants.ReadAsync(world.Org, row, default))!.RefreshToken!.Reveal());
    }

    [Fact]
    public async Task The_authorization_request_is_written_as_the_catalog_says()
    {
        UseProvider("""
            "scopeSeparator": ",", "scopeParameter": "user_scope", "pkceMethod": "s256", "authorizeParameters": { "access_type": "offline", "prompt": "consent" },
            "defaultScopes": ["read", "write"], "scopes": [{ "name": "read", "explanation": "Read." }, { "name": "write", "explanation": "Write." }]
            """);
        var query = await StartAsync();
        Assert.Equal("read,write", query["user_scope"]);
        Assert.Null(query["scope"]);
        Assert.Equal("s256", query["code_challenge_method"]);
        Assert.Equal("offline", query["access_type"]);
        Assert.Equal("consent", query["prompt"]);
    }

    [Fact]
    public async Task Connecting_stops_before_the_provider_and_names_the_setting_that_is_missing()
    {
        world.Integration = world.Integration with { OAuth = new IntegrationOAuth { Provider = "github" } };
        var started = await flow.StartAsync(world.Org, world.User, world.Integration, Browser, session: null, null, default);
        Assert.False(started.TryGet(out _, out var failure));
        Assert.Equal(FailureCode.Misconfigured, failure.Code);
        Assert.Contains("Providers__github__ClientId", failure.Message, StringComparison.Ordinal);
        Assert.Contains("oauth.clientId", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_provider_without_PKCE_gets_no_challenge()
    {
        UseProvider("\"pkce\": false");
        var query = await StartAsync();
        Assert.Null(query["code_challenge"]);
        Assert.Null(query["code_challenge_method"]);
    }

    [Fact]
    public async Task A_scope_that_only_brings_a_refresh_token_is_not_missing_once_it_did()
    {
        UseProvider("""
            "offlineScope": "stay", "scopeAliases": { "https://provider.test/read": "read" },
            "defaultScopes": ["read", "stay"], "scopes": [{ "name": "read", "explanation": "Read." }, { "name": "stay", "explanation": "Stay." }]
            """);
        provider.Exchange = new TokenAnswer { AccessToken = new Secret("at-new"), RefreshToken = new Secret("rt-new"), Scopes = ["https://provider.test/read"] };
        Assert.Empty(Success(await BackAsync((await StartAsync())["state"]!, issuer: null)).MissingScopes);
        provider.Exchange = new TokenAnswer { AccessToken = new Secret("at-new"), Scopes = ["read"] };
        Assert.Equal(["stay"], Success(await BackAsync((await StartAsync())["state"]!, issuer: null)).MissingScopes);
    }

    [Fact]
    public async Task A_provider_that_revokes_only_access_tokens_is_given_a_living_one()
    {
        UseProvider("""
            "revocationEndpoint": "https://provider.test/revoke", "revocation": { "tokenIn": "bearer", "token": "access", "clientAuthentication": "none" }
            """);
        await world.ConnectAsync(life: TimeSpan.FromHours(1));
        await DisconnectAsync();
        Assert.Equal(["at-1"], provider.Revoked);
        Assert.Equal(0, provider.Refreshes);

        await world.ConnectAsync(life: TimeSpan.FromHours(1));
        world.Advance(TimeSpan.FromHours(2));
        Assert.Equal(ProviderRevocation.Revoked, (await DisconnectAsync()).AtProvider);
        Assert.Equal(["at-1", "at-2"], provider.Revoked);

        await world.ConnectAsync(life: TimeSpan.FromHours(1));
        world.Advance(TimeSpan.FromHours(2));
        provider.Refusal = new Failure(FailureCode.Unavailable, "Provider refused this time.");
        Assert.Equal(ProviderRevocation.Failed, (await DisconnectAsync()).AtProvider);
    }

    [Fact]
    public async Task A_replaced_grant_is_left_alone_where_revoking_would_end_its_successor()
    {
        UseProvider("""
            "revocationEndpoint": "https://provider.test/revoke", "revokesSingly": false
            """);
        await world.ConnectAsync();
        Success(await BackAsync((await StartAsync())["state"]!, issuer: null));
        Assert.Empty(provider.Revoked);
    }

    private void UseProvider(string members)
    {
        world.UseProvider($$"""
            {
              "key": "provider", "name": "Provider", "description": "A provider.", "documentation": "https://provider.test/docs", "clientAuthentication": "post",
              "authorizationEndpoint": "https://provider.test/authorize", "tokenEndpoint": "https://provider.test/token", {{members}}
            }
            """);
        flow = NewFlow();
    }

    private ConnectFlow NewFlow()
    {
        var instance = world.NewInstance();
        return new ConnectFlow(
            new ConnectStates(states, new PlainSealer(), world.Time), new OneIntegration(world), world.Connections, instance.Directory, provider, instance.Writer, new ConnectAddresses("https://kontext.test"));
    }

    private Task<RemovalReport> DisconnectAsync() =>
        world.NewInstance().Disconnection.RunAsync(world.Org, world.User.Id, world.Integration, DisconnectReason.ByPerson, null, default);

    private async Task<System.Collections.Specialized.NameValueCollection> StartAsync()
    {
        var started = await flow.StartAsync(world.Org, world.User, world.Integration, Browser, session: null, "https://agent.test/done", default);
        Assert.True(started.TryGet(out var url, out var failure), failure?.Message);
        return System.Web.HttpUtility.ParseQueryString(url!.Query);
    }

    private Task<Result<ConnectCompletion>> BackAsync(string state, string browser = Browser, string? issuer = "https://example.test", User? user = null, OrgId? org = null) =>
        flow.CallbackAsync(org ?? world.Org, user ?? world.User, browser, new ConnectCallback(state, new Secret("code"), null, null, issuer), default);

    private static ConnectCompletion Success(Result<ConnectCompletion> result) =>
        result.TryGet(out var done, out var failure) ? done : throw new Xunit.Sdk.XunitException(failure.ToString());

    private static Failure Refused(Result<ConnectCompletion> result) =>
        result.TryGet(out _, out var failure) ? throw new Xunit.Sdk.XunitException("It succeeded.") : failure;

    private sealed class MemoryStates : IConnectStateStore
    {
        private readonly Dictionary<(OrgId, string), Versioned<ConnectState>> rows = [];

        public Task InsertAsync(OrgId org, ConnectState state, CancellationToken cancellationToken)
        {
            rows.Add((org, state.Hash), new Versioned<ConnectState>(state, "1"));
            return Task.CompletedTask;
        }

        public Task<Versioned<ConnectState>?> FindAsync(OrgId org, string hash, CancellationToken cancellationToken) => Task.FromResult(rows.GetValueOrDefault((org, hash)));

        public Task<Versioned<ConnectState>?> ReplaceAsync(OrgId org, Versioned<ConnectState> current, ConnectState next, CancellationToken cancellationToken) =>
            Task.FromResult(rows[(org, next.Hash)].Version == current.Version ? rows[(org, next.Hash)] = new Versioned<ConnectState>(next, current.Version + "1") : null);
    }
}

/// <summary>Knows the world's integration only.</summary>
internal sealed class OneIntegration(ConnectionWorld world) : IIntegrationStore
{
    public ValueTask<Integration?> CurrentAsync(OrgId org, IntegrationId integration, CancellationToken cancellationToken) =>
        new(org == world.Org && integration == world.Integration.Id ? world.Integration : null);

    public ValueTask<Integration?> CurrentByNameAsync(OrgId org, string name, CancellationToken cancellationToken) => new(world.Integration);

    public ValueTask<IReadOnlyList<Integration>> CurrentDefaultsAsync(OrgId org, CancellationToken cancellationToken) => new([]);

    public Task<Versioned<Integration>?> FindAsync(OrgId org, IntegrationId integration, CancellationToken cancellationToken) =>
        Task.FromResult<Versioned<Integration>?>(new Versioned<Integration>(world.Integration, "1"));

    public Task<bool> InsertAsync(OrgId org, Integration integration, CancellationToken cancellationToken) => Task.FromResult(false);

    public Task<Result<Versioned<Integration>>> ReplaceAsync(OrgId org, Versioned<Integration> current, Integration next, CancellationToken cancellationToken) =>
        Task.FromResult<Result<Versioned<Integration>>>(new Failure(FailureCode.Conflict, "Not here."));

    public Task<Page<Integration>> ListAsync(OrgId org, string? cursor, int limit, CancellationToken cancellationToken) =>
        Task.FromResult(new Page<Integration>([world.Integration], null));
}

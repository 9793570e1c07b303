using System.Text;
using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Tests.Upstream;

/// <summary>Each peculiarity a catalog entry can describe, driven from the entry to a server that behaves so.</summary>
public sealed class ProviderQuirksTests : IAsyncLifetime
{
    private QuirkyProvider provider = null!;

    public async ValueTask InitializeAsync() => provider = await QuirkyProvider.StartAsync();

    public ValueTask DisposeAsync() => provider.DisposeAsync();

    [Theory]
    [InlineData("basic")]
    [InlineData("post")]
    public async Task The_client_authenticates_as_the_entry_says(string style)
    {
        var (_, request) = await provider.ExchangeAsync(await provider.AppAsync($$"""{"clientAuthentication":"{{style}}"}"""));
        Assert.Equal(style == "basic" ? "Basic " + Convert.ToBase64String("our-client:our-secret"u8) : null, request.Header("Authorization"));
        Assert.Equal(style == "post" ? "our-secret" : null, request.Form.GetValueOrDefault("client_secret"));
    }

    [Fact]
    public async Task A_token_request_can_be_JSON()
    {
        var (answer, request) = await provider.ExchangeAsync(await provider.AppAsync("""{"tokenRequestFormat":"json"}"""));
        Assert.Equal("at-1", Success(answer).AccessToken!.Reveal());
        Assert.Equal("application/json; charset=utf-8", request.Header("Content-Type"));
        Assert.Equal("the-code", (string?)request.Json["code"]);
        Assert.Equal("authorization_code", (string?)request.Json["grant_type"]);
        Assert.Equal("our-secret", (string?)request.Json["client_secret"]);
        Assert.Equal("the-verifier", (string?)request.Json["code_verifier"]);
    }

    [Fact]
    public async Task Further_parameters_go_with_the_code_and_not_with_a_refresh()
    {
        var app = await provider.AppAsync("""{"codeParameters":{"expiring":"1"}}""");
        Assert.Equal("1", (await provider.ExchangeAsync(app)).Request.Form["expiring"]);
        Assert.DoesNotContain("expiring", (await provider.RefreshAsync(app)).Request.Form.Keys);
    }

    [Fact]
    public async Task Refreshing_can_have_an_address_of_its_own()
    {
        var app = await provider.AppAsync("""{"refreshEndpoint":"{url}/token?type=refresh"}""");
        Assert.Equal("/token", (await provider.ExchangeAsync(app)).Request.Address);
        Assert.Equal("/token?type=refresh", (await provider.RefreshAsync(app)).Request.Address);
    }

    [Fact]
    public async Task Parameters_reach_the_addresses_that_are_called()
    {
        var app = await provider.AppAsync(
            """{"tokenEndpoint":"{url}/{tenant}/token","parameters":[{"name":"tenant","description":"Whose.","example":"acme","dots":true}]}""", ("tenant", "acme.test"));
        Assert.Equal("/acme.test/token", (await provider.ExchangeAsync(app)).Request.Address);
    }

    [Fact]
    public async Task A_life_that_is_not_stated_is_the_one_of_the_entry_and_a_stated_one_goes_before_it()
    {
        var app = await provider.AppAsync("""{"unstatedLifetime":7200}""");
        Assert.InRange(Success((await provider.RefreshAsync(app)).Answer).ExpiresAt!.Value - TimeProvider.System.GetUtcNow(), TimeSpan.FromSeconds(3000), TimeSpan.FromSeconds(3600));
        provider.Body = """{"access_token":"at-1","token_type":"bearer"}""";
        Assert.InRange(Success((await provider.RefreshAsync(app)).Answer).ExpiresAt!.Value - TimeProvider.System.GetUtcNow(), TimeSpan.FromSeconds(6600), TimeSpan.FromSeconds(7200));
        Assert.Null(Success((await provider.RefreshAsync(await provider.AppAsync("{}"))).Answer).ExpiresAt);
    }

    [Fact]
    public async Task A_nested_token_of_a_type_of_its_own_is_found()
    {
        provider.Body = """{"ok":true,"access_token":"xoxb-bot","token_type":"bot","authed_user":{"access_token":"xoxp-1","token_type":"user","scope":"a,b"}}""";
        var app = await provider.AppAsync("""{"tokenObject":"authed_user","bearerTypes":["user"]}""");
        var token = Success((await provider.ExchangeAsync(app)).Answer);
        Assert.Equal("xoxp-1", token.AccessToken!.Reveal());
        Assert.Equal(["a", "b"], token.Scopes!.Value);
        Assert.Null(Success((await provider.ExchangeAsync(await provider.AppAsync("""{"tokenObject":"authed_user"}"""))).Answer).AccessToken);
    }

    [Fact]
    public async Task A_form_encoded_answer_is_read()
    {
        (provider.Body, provider.ContentType) = ("access_token=at-2&scope=a%2Cb&token_type=bearer", "application/x-www-form-urlencoded");
        var token = Success((await provider.ExchangeAsync(await provider.AppAsync("{}"))).Answer);
        Assert.Equal("at-2", token.AccessToken!.Reveal());
        Assert.Equal(["a", "b"], token.Scopes!.Value);
    }

    [Fact]
    public async Task An_error_the_entry_calls_dead_ends_the_grant()
    {
        provider.Body = """{"ok":false,"error":"account_inactive"}""";
        Assert.Equal(FailureCode.InvalidGrant, Refused((await provider.RefreshAsync(await provider.AppAsync("""{"deadGrantErrors":["account_inactive"]}"""))).Answer).Code);
        Assert.Equal(FailureCode.Unavailable, Refused((await provider.RefreshAsync(await provider.AppAsync("{}"))).Answer).Code);
    }

    [Fact]
    public async Task Revoking_follows_RFC_7009_unless_the_entry_says_otherwise()
    {
        var (answer, request) = await provider.RevokeAsync(await provider.AppAsync("{}"));
        Assert.True(answer.TryGet(out _, out _));
        Assert.Equal(("POST", "/revoke"), (request.Method, request.Address));
        Assert.Equal(["client_id", "client_secret", "token", "token_type_hint"], request.Form.Keys.Order());
    }

    [Fact]
    public async Task A_token_can_be_revoked_by_DELETE_with_JSON_and_Basic_and_our_client_id_in_the_path()
    {
        var app = await provider.AppAsync("""
            {"revocationEndpoint":"{url}/applications/{client_id}/token","revocation":{"method":"delete","tokenIn":"json","tokenName":"access_token","token":"access","clientAuthentication":"basic"}}
            """);
        var (_, request) = await provider.RevokeAsync(app);
        Assert.Equal(("DELETE", "/applications/our-client/token"), (request.Method, request.Address));
        Assert.Equal("""{"access_token":"the-token"}""", request.Body);
        Assert.StartsWith("Basic ", request.Header("Authorization"), StringComparison.Ordinal);
        provider.Status = 204;
        Assert.True((await provider.RevokeAsync(app)).Answer.TryGet(out _, out _));
        provider.Status = 404;
        Assert.True((await provider.RevokeAsync(app)).Answer.TryGet(out _, out _));
        provider.Status = 422;
        Assert.False((await provider.RevokeAsync(app)).Answer.TryGet(out _, out _));
    }

    [Fact]
    public async Task A_token_can_revoke_itself()
    {
        var (_, request) = await provider.RevokeAsync(await provider.AppAsync("""{"revocation":{"tokenIn":"bearer","token":"access","clientAuthentication":"none"}}"""));
        Assert.Equal("Bearer the-token", request.Header("Authorization"));
        Assert.Equal("", request.Body);
        (_, request) = await provider.RevokeAsync(await provider.AppAsync("""{"revocation":{"method":"delete","tokenIn":"header","tokenName":"X-Token","token":"access","clientAuthentication":"none"}}"""));
        Assert.Equal("the-token", request.Header("X-Token"));
        Assert.Null(request.Header("Authorization"));
    }

    [Fact]
    public async Task A_revocation_can_name_the_token_and_show_the_client_in_its_own_way()
    {
        var app = await provider.AppAsync("""{"clientAuthentication":"basic","revocation":{"tokenIn":"json","tokenName":"refresh_token","clientAuthentication":"post"}}""");
        var (_, request) = await provider.RevokeAsync(app);
        Assert.Equal(["client_id", "client_secret", "refresh_token"], request.Json.Select(member => member.Key).Order());
        Assert.Null(request.Header("Authorization"));
    }

    [Fact]
    public async Task A_refused_revocation_with_status_200_is_a_failure_unless_the_token_was_dead_already()
    {
        var app = await provider.AppAsync("""{"deadGrantErrors":["token_revoked"],"revocation":{"tokenIn":"bearer","clientAuthentication":"none"}}""");
        provider.Body = """{"ok":true,"revoked":true}""";
        Assert.True((await provider.RevokeAsync(app)).Answer.TryGet(out _, out _));
        provider.Body = """{"ok":false,"error":"token_revoked"}""";
        Assert.True((await provider.RevokeAsync(app)).Answer.TryGet(out _, out _));
        provider.Body = """{"ok":false,"error":"ratelimited"}""";
        Assert.False((await provider.RevokeAsync(app)).Answer.TryGet(out _, out _));
    }

    [Theory]
    [InlineData("{}", "Authorization", "Bearer the-token")]
    [InlineData("""{"tokenScheme":"OAuth"}""", "Authorization", "OAuth the-token")]
    [InlineData("""{"tokenHeader":"Authorization"}""", "Authorization", "the-token")]
    [InlineData("""{"tokenHeader":"X-Access-Token"}""", "X-Access-Token", "the-token")]
    [InlineData("""{"headers":{"Api-Version":"7"}}""", "Api-Version", "7")]
    [InlineData("""{"body":"null"}""", "Content-Type", "application/json; charset=utf-8")]
    public async Task The_account_is_asked_for_as_the_provider_wants_it(string members, string header, string value)
    {
        provider.Body = """{"name":"Alice"}""";
        var (name, request) = await provider.IdentityAsync(await AccountAsync(members, "name"));
        Assert.Equal("Alice", name);
        Assert.Equal(value, request.Header(header));
        Assert.Equal(members.Contains("body", StringComparison.Ordinal) ? "POST" : "GET", request.Method);
        if (header != "Authorization" && members.Contains("tokenHeader", StringComparison.Ordinal))
            Assert.Null(request.Header("Authorization"));
    }

    [Theory]
    [InlineData("""{"data":{"viewer":{"email":"a@example.test"}}}""", "data.viewer.email", "a@example.test")]
    [InlineData("""[{"tenantName":"Acme"}]""", "0.tenantName", "Acme")]
    [InlineData("""{"emails":[{"email":"a@example.test"}]}""", "emails.0.email", "a@example.test")]
    [InlineData("""{"portalId":12345}""", "portalId", "12345")]
    [InlineData("""[]""", "0.tenantName", null)]
    [InlineData("""{"emails":["a@example.test"]}""", "emails.1", null)]
    [InlineData("""{"emails":["a@example.test"]}""", "emails.-1", null)]
    [InlineData("""{"name":{"first":"Alice"}}""", "name", null)]
    public async Task The_account_is_found_deep_in_the_answer(string body, string path, string? expected)
    {
        provider.Body = body;
        Assert.Equal(expected, (await provider.IdentityAsync(await AccountAsync("{}", path))).Name);
    }

    private Task<ProviderApp> AccountAsync(string members, string path) =>
        provider.AppAsync(new StringBuilder("""{"account":{"url":"{url}/me","paths":[""").Append('"').Append(path).Append("\"]")
            .Append(members == "{}" ? "" : "," + members[1..^1]).Append("}}").ToString());

    private static TokenAnswer Success(Result<TokenAnswer> result) =>
        result.TryGet(out var answer, out var failure) ? answer : throw new Xunit.Sdk.XunitException(failure.ToString());

    private static Failure Refused(Result<TokenAnswer> result) =>
        result.TryGet(out _, out var failure) ? throw new Xunit.Sdk.XunitException("It succeeded.") : failure;
}

using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Account;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>A whole organization is cut off: no grant gives its agents a token, and what they hold is good again afterwards. People still manage it.</summary>
public sealed class StandstillTests : IAsyncLifetime
{
    private ApprovalWorld world = null!;

    private TestAgent Agent => world.Agent;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => world = await ApprovalWorld.StartAsync();

    public ValueTask DisposeAsync() => world.DisposeAsync();

    [Fact]
    public async Task No_grant_gives_an_agent_a_token_until_the_organization_is_reinstated_and_nothing_it_holds_is_lost()
    {
        var device = new DeviceFlow(world.Kontext.Address);
        var waiting = await device.StartAsync(world.Client, new() { ["resource"] = Agent.Gateway });
        Assert.Equal(HttpStatusCode.OK, waiting.Status);
        await device.ApproveAsync("alice", waiting["user_code"]!);
        var (authorize, verifier) = Agent.AuthorizeUrl(world.Client, Agent.Gateway);
        var code = (await TestAgent.DecideAsync(world.Browser, authorize, "alice"))["code"];
        Task<JsonAnswer> RedeemAsync() => Agent.TokenAsync(new()
        {
            ["grant_type"] = "authorization_code", ["client_id"] = world.Client, ["code"] = code, ["redirect_uri"] = TestAgent.RedirectUri, ["code_verifier"] = verifier,
        });
        Task<JsonAnswer> RefreshAsync() => Agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = world.Client, ["refresh_token"] = world.RefreshToken });
        Task<JsonAnswer> PollAsync() => device.PollAsync(world.Client, waiting["device_code"]!);
        Task<JsonAnswer> CredentialsAsync() => Agent.TokenAsync(new() { ["grant_type"] = "client_credentials", ["client_id"] = world.Client });
        Task<JsonAnswer> ExchangeAsync() => Agent.ExchangeAsync(world.Client, world.Token, "mcp-gateway");

        var revocation = await CutOffAsync();
        foreach (var refused in new[] { await RedeemAsync(), await RefreshAsync(), await PollAsync(), await CredentialsAsync(), await ExchangeAsync(), await device.StartAsync(world.Client) })
        {
            Assert.Equal((HttpStatusCode.Forbidden, "access_denied"), (refused.Status, refused["error"]));
            Assert.Contains("cut off by an administrator", refused["error_description"], StringComparison.Ordinal);
        }
        var returned = await TestAgent.DecideAsync(world.Browser, Agent.AuthorizeUrl(world.Client, Agent.Gateway).Url, "alice");
        Assert.Equal(("access_denied", "state-1"), (returned["error"], returned["state"]));
        Assert.Contains("cut off by an administrator", returned["error_description"], StringComparison.Ordinal);
        Assert.Equal("invalid_client", (await Agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = $"app_{Guid.NewGuid()}", ["refresh_token"] = world.RefreshToken }))["error"]);
        // It may still be given back.
        using var gone = await RevokeAsync("kx_rt_unknown");
        Assert.Equal(HttpStatusCode.OK, gone.StatusCode);

        await ReinstateAsync(revocation, await Agent.ManagementTokenAsync("olivia"));
        foreach (var granted in new[] { await RedeemAsync(), await RefreshAsync(), await PollAsync(), await ExchangeAsync() })
            Assert.True(granted.Status == HttpStatusCode.OK, granted.Json?.ToJsonString());
        var refusals = (await Agent.ApiAsync(HttpMethod.Get, "/audit/events?type=token.refused&limit=200", world.Owner)).Json!["items"]!.AsArray();
        Assert.Equal(6, refusals.Count(entry => (string?)entry!["errorType"] == "access_denied" && (string?)entry["agent"]!["name"] == "Agent"));
    }

    [Fact]
    public async Task A_service_account_gets_its_token_all_the_same_and_can_reinstate_the_organization()
    {
        var made = (await Agent.ApiAsync(HttpMethod.Post, "/service-accounts", world.Owner, new JsonObject { ["name"] = "on call" })).Json!["credentials"]!;
        var revocation = await CutOffAsync();
        var token = await Agent.TokenAsync(new() { ["grant_type"] = "client_credentials", ["client_id"] = (string)made["clientId"]!, ["client_secret"] = (string)made["clientSecret"]! });
        await ReinstateAsync(revocation, token["access_token"]!);
        Assert.Equal(HttpStatusCode.OK, (await Agent.ExchangeAsync(world.Client, world.Token, "mcp-gateway")).Status);
    }

    [Fact]
    public async Task Streams_that_are_open_end_at_once()
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, world.Agent.Gateway);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", world.Token);
        foreach (var (name, value) in new[] { ("Accept", "application/json, text/event-stream"), ("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "subscriptions/listen") })
            request.Headers.TryAddWithoutValidation(name, value);
        request.Content = new StringContent(
            """{"jsonrpc":"2.0","id":"listen","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}""",
            MediaTypeHeaderValue.Parse("application/json"));
        using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
        using var stream = new StreamReader(await answer.Content.ReadAsStreamAsync(Cancel));
        var said = "";
        while (!said.Contains("subscriptions/acknowledged", StringComparison.Ordinal))
            said = await stream.ReadLineAsync(Cancel) ?? throw new InvalidDataException("The stream ended before anything happened.");

        await CutOffAsync();
        Assert.Contains("\"id\":\"listen\"", await stream.ReadToEndAsync(Cancel), StringComparison.Ordinal);
    }

    private async Task<string> CutOffAsync()
    {
        var cut = await Agent.ApiAsync(HttpMethod.Post, "/revocations", world.Owner, new JsonObject { ["type"] = "organization" });
        Assert.Equal(HttpStatusCode.Created, cut.Status);
        return (string)cut.Json!["revocation"]!["id"]!;
    }

    private async Task ReinstateAsync(string revocation, string token) =>
        Assert.Equal(HttpStatusCode.OK, (await Agent.ApiAsync(HttpMethod.Post, $"/revocations/{revocation}/reinstate", token)).Status);

    private async Task<HttpResponseMessage> RevokeAsync(string token)
    {
        using var http = new HttpClient();
        using var form = new FormUrlEncodedContent(new Dictionary<string, string> { ["token"] = token, ["client_id"] = world.Client });
        return await http.PostAsync(new Uri(world.Kontext.Address, "/oauth2/revoke"), form, Cancel);
    }
}

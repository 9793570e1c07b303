using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>Sessions through the management API: who sees them, and that revoking one ends it.</summary>
public sealed class SessionsTests(KontextFixture kontext)
{
    private readonly TestAgent agent = kontext.Agent;

    [Fact]
    public async Task A_revoked_session_is_listed_as_disconnected_and_its_tokens_end()
    {
        var (id, tokens) = await SessionAsync();
        var listed = await OwnerAsync(HttpMethod.Get, $"/applications/{id}/sessions");
        var session = Assert.Single(listed.Json!["items"]!.AsArray())!;
        Assert.Equal(("active", id), ((string?)session["derivedStatus"], (string?)session["agentId"]));
        Assert.Equal(HttpStatusCode.NoContent, (await OwnerAsync(HttpMethod.Delete, $"/applications/{id}/sessions/{session["id"]}")).Status);
        Assert.Equal("disconnected", (string?)(await OwnerAsync(HttpMethod.Get, $"/applications/{id}/sessions/{session["id"]}")).Json!["session"]!["status"]);
        Assert.Empty((await OwnerAsync(HttpMethod.Get, $"/applications/{id}/sessions")).Json!["items"]!.AsArray());
        await EndedAsync(id, tokens);
    }

    [Fact]
    public async Task Revoking_all_counts_what_it_ended()
    {
        var (id, tokens) = await SessionAsync();
        var answer = await OwnerAsync(HttpMethod.Delete, $"/applications/{id}/sessions");
        Assert.Equal((true, 1), ((bool)answer.Json!["success"]!, (int)answer.Json["disconnectedCount"]!));
        Assert.Equal(0, (int)(await OwnerAsync(HttpMethod.Delete, $"/applications/{id}/sessions")).Json!["disconnectedCount"]!);
        await EndedAsync(id, tokens);
    }

    [Fact]
    public async Task Archiving_the_application_ends_its_sessions_and_its_client()
    {
        var (id, tokens) = await SessionAsync();
        Assert.Equal(HttpStatusCode.NoContent, (await OwnerAsync(HttpMethod.Delete, $"/applications/{id}")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await OwnerAsync(HttpMethod.Get, $"/applications/{id}")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await OwnerAsync(HttpMethod.Get, $"/applications/{id}/sessions?status=all")).Status);
        Assert.Equal("disconnected", await OwnAsync(id));
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(tokens["access_token"]!, "ping")).Status);
        Assert.Equal("invalid_client", (await RefreshAsync(id, tokens))["error"]);
    }

    [Fact]
    public async Task Sessions_of_an_application_that_is_cut_off_are_shown_as_ended_until_it_is_reinstated()
    {
        var (id, _) = await SessionAsync();
        var cut = (await OwnerAsync(HttpMethod.Post, "/revocations", new JsonObject { ["type"] = "application", ["applicationId"] = id })).Json!["revocation"]!["id"]!;
        Assert.Empty((await OwnerAsync(HttpMethod.Get, $"/applications/{id}/sessions")).Json!["items"]!.AsArray());
        var session = Assert.Single((await OwnerAsync(HttpMethod.Get, $"/applications/{id}/sessions?status=inactive")).Json!["items"]!.AsArray())!;
        Assert.Equal(("disconnected", "disconnected"), ((string?)session["status"], (string?)session["derivedStatus"]));
        Assert.Equal((0, 1), await CountsAsync(id));
        Assert.Equal("disconnected", await OwnAsync(id));

        Assert.Equal(HttpStatusCode.OK, (await OwnerAsync(HttpMethod.Post, $"/revocations/{cut}/reinstate")).Status);
        Assert.Equal("active", (string?)Assert.Single((await OwnerAsync(HttpMethod.Get, $"/applications/{id}/sessions")).Json!["items"]!.AsArray())!["derivedStatus"]);
        Assert.Equal((1, 1), await CountsAsync(id));
    }

    [Fact]
    public async Task Live_sessions_are_found_behind_others_page_by_page()
    {
        var (id, _) = await kontext.ApplicationAsync();
        using var browser = new FormBrowser();
        var live = new List<string>();
        for (var number = 0; number < 6; number++)
        {
            Assert.Equal(HttpStatusCode.OK, (await agent.AuthorizeAsync(browser, "app_" + id, "sam", agent.Gateway)).Status);
            var newest = (string)(await OwnerAsync(HttpMethod.Get, $"/applications/{id}/sessions?limit=1")).Json!["items"]![0]!["id"]!;
            if (number % 2 == 0)
                live.Insert(0, newest);
            else
                await OwnerAsync(HttpMethod.Delete, $"/applications/{id}/sessions/{newest}");
        }
        var (listed, cursor) = (new List<string>(), (string?)null);
        do
        {
            var page = (await OwnerAsync(HttpMethod.Get, $"/applications/{id}/sessions?limit=1{(cursor is null ? "" : "&cursor=" + cursor)}")).Json!;
            listed.AddRange(page["items"]!.AsArray().Select(item => (string)item!["id"]!));
            cursor = (string?)page["nextCursor"];
        }
        while (cursor is not null);
        Assert.Equal(live, listed);
        Assert.Equal("kontext_validation_error", (await OwnerAsync(HttpMethod.Get, $"/applications/{id}/sessions?cursor=nonsense"))["code"]);
        Assert.Equal(3, (int)(await OwnerAsync(HttpMethod.Delete, $"/applications/{id}/sessions")).Json!["disconnectedCount"]!);
        Assert.Empty((await OwnerAsync(HttpMethod.Get, $"/applications/{id}/sessions")).Json!["items"]!.AsArray());
    }

    [Fact]
    public async Task A_session_of_another_application_is_not_found()
    {
        var (mine, _) = await SessionAsync();
        var (other, _) = await SessionAsync();
        var session = (string)(await OwnerAsync(HttpMethod.Get, $"/applications/{other}/sessions")).Json!["items"]![0]!["id"]!;
        Assert.Equal(HttpStatusCode.NotFound, (await OwnerAsync(HttpMethod.Get, $"/applications/{mine}/sessions/{session}")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await OwnerAsync(HttpMethod.Delete, $"/applications/{mine}/sessions/{session}")).Status);
    }

    [Fact]
    public async Task An_agents_token_is_not_for_the_management_API()
    {
        var (_, tokens) = await SessionAsync();
        Assert.Equal("kontext_authorization_required", (await agent.ApiAsync(HttpMethod.Get, "/applications", tokens["access_token"]!))["code"]);
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(kontext.OwnerToken, "ping")).Status);
    }

    private async Task<(string Application, JsonAnswer Tokens)> SessionAsync()
    {
        var (id, _) = await kontext.ApplicationAsync();
        using var browser = new FormBrowser();
        var tokens = await agent.AuthorizeAsync(browser, "app_" + id, "sam", agent.Gateway);
        Assert.Equal(HttpStatusCode.OK, tokens.Status);
        return (id, tokens);
    }

    /// <summary>How the person's own list shows the session with an application.</summary>
    private async Task<string?> OwnAsync(string application)
    {
        var listed = (await agent.ApiAsync(HttpMethod.Get, "/me/sessions", await agent.ManagementTokenAsync("sam"))).Json!["items"]!.AsArray();
        return (string?)Assert.Single(listed, session => (string?)session!["agentId"] == application)!["derivedStatus"];
    }

    private async Task<(int Live, int Total)> CountsAsync(string application)
    {
        var counts = (await OwnerAsync(HttpMethod.Get, $"/applications/{application}")).Json!["application"]!["sessions"]!;
        return ((int)counts["live"]!, (int)counts["total"]!);
    }

    private async Task EndedAsync(string application, JsonAnswer tokens)
    {
        Assert.Equal("invalid_grant", (await RefreshAsync(application, tokens))["error"]);
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(tokens["access_token"]!, "ping")).Status);
    }

    private Task<JsonAnswer> RefreshAsync(string application, JsonAnswer tokens) =>
        agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = "app_" + application, ["refresh_token"] = tokens["refresh_token"]! });

    private Task<JsonAnswer> OwnerAsync(HttpMethod method, string path, JsonNode? body = null) => agent.ApiAsync(method, path, kontext.OwnerToken, body);
}

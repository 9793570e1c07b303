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
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(tokens["access_token"]!, "ping")).Status);
        Assert.Equal("invalid_client", (await RefreshAsync(id, tokens))["error"]);
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

    private async Task EndedAsync(string application, JsonAnswer tokens)
    {
        Assert.Equal("invalid_grant", (await RefreshAsync(application, tokens))["error"]);
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(tokens["access_token"]!, "ping")).Status);
    }

    private Task<JsonAnswer> RefreshAsync(string application, JsonAnswer tokens) =>
        agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = "app_" + application, ["refresh_token"] = tokens["refresh_token"]! });

    private Task<JsonAnswer> OwnerAsync(HttpMethod method, string path, JsonNode? body = null) => agent.ApiAsync(method, path, kontext.OwnerToken, body);
}

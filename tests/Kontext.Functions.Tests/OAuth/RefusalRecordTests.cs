using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Api;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>What the endpoints for tokens refuse is in the audit trail, once, with who tried and why not.</summary>
public sealed class RefusalRecordTests(KontextFixture kontext)
{
    private readonly TestAgent agent = kontext.Agent;

    [Fact]
    public async Task A_wrong_secret_a_dead_code_and_too_wide_a_scope_are_recorded_under_the_client()
    {
        var (id, created) = await kontext.ApplicationAsync("confidential");
        var client = (string)created.Json!["oauth"]!["clientId"]!;
        var secret = (string)created.Json["oauth"]!["clientSecret"]!;
        await agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["refresh_token"] = "x" }, $"{client}:wrong-secret");
        await agent.TokenAsync(new() { ["grant_type"] = "authorization_code", ["code"] = "kac_spent" }, $"{client}:{secret}");
        await agent.TokenAsync(new() { ["grant_type"] = "client_credentials" }, $"{client}:{secret}");
        await agent.TokenAsync(new() { ["grant_type"] = "password" }, $"{client}:{secret}");

        var entries = await RefusalsAsync(id);
        // The newest comes first; a malformed request refuses nobody anything.
        Assert.Equal(["unauthorized_client", "invalid_grant", "invalid_client"], entries.Select(entry => (string?)entry!["errorType"]));
        Assert.All(entries, entry => Assert.Equal(("error_auth", "/oauth2/token"), ((string?)entry!["status"], (string?)entry["target"])));
        Assert.DoesNotContain("wrong-secret", entries.ToJsonString(), StringComparison.Ordinal);
        Assert.DoesNotContain("kac_spent", entries.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_policy_refuses_is_recorded_once_with_its_reasons()
    {
        var (id, _) = await kontext.ApplicationAsync();
        var integration = await kontext.IntegrationAsync("user_token");
        var name = (string)(await agent.ApiAsync(HttpMethod.Get, $"/integrations/{integration}", kontext.OwnerToken)).Json!["integration"]!["name"]!;
        using var browser = new FormBrowser();
        var token = (await agent.AuthorizeAsync(browser, "app_" + id, "rolf", agent.Gateway))["access_token"]!;
        await agent.ApiAsync(HttpMethod.Post, $"/applications/{id}/integrations/{integration}", kontext.OwnerToken);
        Assert.Equal("kontext_policy_denied", (await agent.ExchangeAsync("app_" + id, token, name))["code"]);
        Assert.Empty(await RefusalsAsync(id));
        var denied = await agent.ApiAsync(HttpMethod.Get, $"/audit/events?type=credential.issued&applicationId={id}", kontext.OwnerToken);
        Assert.NotNull(Assert.Single(denied.Json!["items"]!.AsArray())!["policyEvaluation"]);
    }

    [Fact]
    public async Task Introspection_and_revocation_record_who_may_not_ask()
    {
        var (id, created) = await kontext.ApplicationAsync("confidential");
        var client = (string)created.Json!["oauth"]!["clientId"]!;
        foreach (var path in (string[])["/oauth2/introspect", "/oauth2/revoke"])
        {
            using var form = new FormUrlEncodedContent(new Dictionary<string, string> { ["client_id"] = client, ["client_secret"] = "wrong", ["token"] = "x" });
            using var answer = await kontext.Server.Http.PostAsync(new Uri(path, UriKind.Relative), form);
            Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        }
        Assert.Equal(["/oauth2/revoke", "/oauth2/introspect"], (await RefusalsAsync(id)).Select(entry => (string?)entry!["target"]));
    }

    private async Task<JsonArray> RefusalsAsync(string application) =>
        (await agent.ApiAsync(HttpMethod.Get, $"/audit/events?type=token.refused&applicationId={application}", kontext.OwnerToken)).Json!["items"]!.AsArray();
}

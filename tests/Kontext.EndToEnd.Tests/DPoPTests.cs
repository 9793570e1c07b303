using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests;

/// <summary>An agent that holds a key, from the person's approval to an upstream tool, on several instances.</summary>
public sealed class DPoPTests(AzuriteFixture azurite) : IDisposable
{
    private readonly DPoPKey key = new();

    public void Dispose() => key.Dispose();

    [Fact]
    public async Task An_agent_with_a_key_authorizes_calls_refreshes_and_exchanges_on_whichever_instance()
    {
        await using var installation = await Installation.CreateAsync(azurite);
        var (first, second) = (await installation.StartAsync(), await installation.StartAsync());
        await using var tracker = await Tracker.StartAsync();
        var test = new TestAgent(first.Url);
        var client = await ClientAsync(test, await test.ManagementTokenAsync("olivia"), tracker.Notes);
        using var agent = new DPoPAgent(first.Url, key);
        using var elsewhere = new DPoPAgent(first.Url, key, second.Url);

        var tokens = await agent.AuthorizeAsync(client, "alice", test.Gateway, dpopJkt: key.Thumbprint);
        Assert.Equal("DPoP", tokens["token_type"]);
        var called = await elsewhere.CallAsync(HttpMethod.Post, "/mcp", tokens["access_token"]!, body: Call);
        Assert.Equal(HttpStatusCode.OK, called.Status);
        Assert.False((bool?)called.Json!["result"]!["isError"] ?? false, called.Json.ToJsonString());
        Assert.Equal(HttpStatusCode.Unauthorized, (await elsewhere.CallAsync(HttpMethod.Post, "/mcp", tokens["access_token"]!, [], Call, "Bearer")).Status);

        var refreshed = await elsewhere.RefreshAsync(client, tokens["refresh_token"]!);
        Assert.Equal(HttpStatusCode.OK, refreshed.Status);
        var form = new Dictionary<string, string>
        {
            ["grant_type"] = "urn:ietf:params:oauth:grant-type:token-exchange",
            ["client_id"] = client,
            ["subject_token_type"] = "urn:ietf:params:oauth:token-type:access_token",
            ["subject_token"] = refreshed["access_token"]!,
            ["resource"] = "notes",
        };
        Assert.Equal("invalid_dpop_proof", (await agent.TokenAsync(form, []))["error"]);
        Assert.Equal("notes-token-of-team", (await agent.TokenAsync(form))["access_token"]);
    }

    [Fact]
    public async Task A_proof_that_one_instance_accepted_for_a_token_no_other_accepts()
    {
        await using var installation = await Installation.CreateAsync(azurite);
        var (first, second) = (await installation.StartAsync(), await installation.StartAsync());
        using var agent = new DPoPAgent(first.Url, key);
        using var elsewhere = new DPoPAgent(first.Url, key, second.Url);
        var tokens = await agent.AuthorizeAsync(TestAgent.CommandLineClient, "alice");
        var proof = key.Proof("POST", agent.TokenEndpoint);
        var refreshed = await agent.RefreshAsync(TestAgent.CommandLineClient, tokens["refresh_token"]!, [proof]);
        Assert.Equal(HttpStatusCode.OK, refreshed.Status);
        Assert.Equal("invalid_dpop_proof", (await elsewhere.RefreshAsync(TestAgent.CommandLineClient, tokens["refresh_token"]!, [proof]))["error"]);
        Assert.Equal(HttpStatusCode.OK, (await elsewhere.RefreshAsync(TestAgent.CommandLineClient, refreshed["refresh_token"]!)).Status);
    }

    [Fact]
    public async Task A_nonce_of_one_instance_is_good_at_the_other()
    {
        await using var installation = await Installation.CreateAsync(azurite);
        var first = await installation.StartAsync();
        var demanding = new Dictionary<string, string> { ["Kontext__DPoPNonceRequired"] = "true" };
        await using var second = await KontextServer.StartAsync(installation.Settings["Kontext__Storage"], installation.Settings["Kontext__KeyDirectory"], first.Url, demanding);
        await using var third = await KontextServer.StartAsync(installation.Settings["Kontext__Storage"], installation.Settings["Kontext__KeyDirectory"], first.Url, demanding);
        using var agent = new DPoPAgent(first.Url, key, second.Url);
        using var elsewhere = new DPoPAgent(first.Url, key, third.Url);
        var asked = await agent.RefreshAsync(TestAgent.CommandLineClient, "none");
        Assert.Equal("use_dpop_nonce", asked["error"]);
        var nonce = asked.Headers.GetValues("DPoP-Nonce").Single();
        Assert.Equal("invalid_grant", (await elsewhere.RefreshAsync(TestAgent.CommandLineClient, "none", [key.Proof("POST", agent.TokenEndpoint, nonce: nonce)]))["error"]);
    }

    [Fact]
    public async Task A_certified_client_library_gets_through_with_proofs_and_nonces()
    {
        await using var installation = await Installation.CreateAsync(azurite);
        await using var kontext = await KontextServer.StartAsync(installation.Settings["Kontext__Storage"], installation.Settings["Kontext__KeyDirectory"],
            settings: new Dictionary<string, string> { ["Kontext__DPoPNonceRequired"] = "true" });
        var outcome = await NodeProgram.RunAsync("tests/oauth-clients/dpop.mjs", new Dictionary<string, string>
        {
            ["KONTEXT_URL"] = kontext.Url.OriginalString.TrimEnd('/'),
            ["CLIENT_ID"] = TestAgent.CommandLineClient,
        }, TestContext.Current.CancellationToken);
        Assert.True(outcome.ExitCode == 0, outcome.Output);
        Assert.Equal("exchange", outcome.LastLine);
    }

    private static JsonObject Call => new()
    {
        ["jsonrpc"] = "2.0",
        ["id"] = 1,
        ["method"] = "tools/call",
        ["params"] = new JsonObject { ["name"] = "notes__search_notes", ["arguments"] = new JsonObject { ["query"] = "triage" } },
    };

    private static async Task<string> ClientAsync(TestAgent test, string owner, Uri notes)
    {
        var integration = await test.ApiAsync(HttpMethod.Post, "/integrations", owner, new JsonObject { ["name"] = "notes", ["url"] = notes.OriginalString, ["authMode"] = "server_token", ["serverToken"] = "notes-token-of-team" });
        var created = await test.ApiAsync(HttpMethod.Post, "/applications", owner, new JsonObject
        {
            ["name"] = "Agent with a key",
            ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri), ["dpopBoundAccessTokens"] = true },
        });
        var application = created.Json!["application"]!;
        await test.ApiAsync(HttpMethod.Post, $"/applications/{(string)application["id"]!}/integrations/{(string)integration.Json!["integration"]!["id"]!}", owner);
        return (string)application["clientId"]!;
    }
}

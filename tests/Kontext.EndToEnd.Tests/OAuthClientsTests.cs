using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests;

/// <summary>Client libraries written by people who never heard of us, against the running product.</summary>
public sealed class OAuthClientsTests(AzuriteFixture azurite)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("tests/oauth-clients/openid-client.mjs", "DPoP")]
    [InlineData("tests/oauth-clients/oauth4webapi.mjs", "revocation")]
    public async Task A_certified_client_library_gets_through_everything_it_can_do_here(string program, string lastStep)
    {
        await using var installation = await Installation.CreateAsync(azurite);
        var kontext = await installation.StartAsync();
        var agent = new TestAgent(kontext.Url);
        var owner = await agent.ManagementTokenAsync("olivia");
        var confidential = await ApplicationAsync(agent, owner, "confidential");
        var outcome = await NodeProgram.RunAsync(program, new Dictionary<string, string>
        {
            ["KONTEXT_URL"] = kontext.Url.OriginalString.TrimEnd('/'),
            ["CLIENT_ID"] = (string)confidential["clientId"]!,
            ["CLIENT_SECRET"] = (string)confidential["clientSecret"]!,
            ["PUBLIC_CLIENT_ID"] = (string)(await ApplicationAsync(agent, owner, "public"))["clientId"]!,
        }, Cancelled);
        Assert.True(outcome.ExitCode == 0, outcome.Output);
        Assert.Equal(lastStep, outcome.LastLine);
    }

    private static async Task<JsonNode> ApplicationAsync(TestAgent agent, string owner, string type)
    {
        var created = await agent.ApiAsync(HttpMethod.Post, "/applications", owner, new JsonObject
        {
            ["name"] = $"A {type} client",
            ["oauth"] = new JsonObject { ["type"] = type, ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
        });
        Assert.Equal(HttpStatusCode.Created, created.Status);
        return created.Json!["oauth"]!;
    }
}

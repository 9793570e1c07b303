using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests;

/// <summary>Client libraries written by people who never heard of us, against the running product.</summary>
public sealed class OAuthClientsTests(AzuriteFixture azurite)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("tests/oauth-clients/openid-client.mjs", "revocation confidential")]
    [InlineData("tests/oauth-clients/oauth4webapi.mjs", "revocation")]
    public async Task A_certified_client_library_gets_through_everything_it_can_do_here(string program, string lastStep)
    {
        await using var installation = await Installation.CreateAsync(azurite);
        var kontext = await installation.StartAsync();
        var agent = new TestAgent(kontext.Url);
        var owner = await agent.ManagementTokenAsync("olivia");
        var created = await agent.ApiAsync(HttpMethod.Post, "/applications", owner, new JsonObject
        {
            ["name"] = "Confidential client",
            ["oauth"] = new JsonObject { ["type"] = "confidential", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
        });
        Assert.Equal(HttpStatusCode.Created, created.Status);
        var outcome = await NodeProgram.RunAsync(program, new Dictionary<string, string>
        {
            ["KONTEXT_URL"] = kontext.Url.OriginalString.TrimEnd('/'),
            ["CLIENT_ID"] = (string)created.Json!["oauth"]!["clientId"]!,
            ["CLIENT_SECRET"] = (string)created.Json["oauth"]!["clientSecret"]!,
        }, Cancelled);
        Assert.True(outcome.ExitCode == 0, outcome.Output);
        Assert.Equal(lastStep, outcome.LastLine);
    }
}

using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Api;
using Kontext.Testing;
using Microsoft.AspNetCore.WebUtilities;
using ModelContextProtocol.Authentication;
using ModelContextProtocol.Client;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>The official MCP SDKs authorize on their own, whichever way the client is known.</summary>
[Collection(DocumentClients.Name)]
public sealed class McpSdkAuthorizationTests(DocumentClientFixture fixture)
{
    /// <summary>How the client is known to the server.</summary>
    public enum Known
    {
        /// <summary>It registers itself (RFC 7591).</summary>
        ByRegistration,

        /// <summary>It publishes a metadata document.</summary>
        ByDocument,

        /// <summary>An administrator created it, public.</summary>
        BeforehandPublic,

        /// <summary>An administrator created it, with a secret.</summary>
        BeforehandConfidential,
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static TheoryData<Known> Ways { get; } = new(Enum.GetValues<Known>());

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task The_TypeScript_SDK_authorizes_and_lists_tools(Known known)
    {
        var client = await ClientAsync(known);
        var environment = new Dictionary<string, string> { ["KONTEXT_URL"] = fixture.Server.Url.OriginalString.TrimEnd('/'), ["REDIRECT_URI"] = TestAgent.RedirectUri };
        if (client.DocumentUrl is { } document)
            environment["CLIENT_METADATA_URL"] = document;
        if (client.Id is { } id)
            environment["CLIENT_ID"] = id;
        if (client.Secret is { } secret)
            environment["CLIENT_SECRET"] = secret;
        var outcome = await NodeProgram.RunAsync("tests/mcp-client/authorize.mjs", environment, Cancelled);
        Assert.True(outcome.ExitCode == 0, outcome.Output);
        var said = JsonNode.Parse(outcome.LastLine)!;
        Assert.Equal("mcp:invoke", (string?)said["scope"]);
        if ((client.DocumentUrl ?? client.Id) is { } expected)
            Assert.Equal(expected, (string?)said["clientId"]);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task The_CSharp_SDK_authorizes_and_lists_tools(Known known)
    {
        var client = await ClientAsync(known);
        var asked = 0;
        var transport = new HttpClientTransport(new HttpClientTransportOptions
        {
            Endpoint = new Uri(fixture.Server.Url, "/mcp"),
            OAuth = new ClientOAuthOptions
            {
                RedirectUri = new Uri(TestAgent.RedirectUri),
                ClientId = client.Id,
                ClientSecret = client.Secret,
                ClientMetadataDocumentUri = client.DocumentUrl is { } document ? new Uri(document) : null,
                AuthorizationCallbackHandler = async (authorization, _) =>
                {
                    asked++;
                    using var browser = new FormBrowser();
                    var page = await browser.OpenAsync(authorization.AuthorizationUri, target => target.OriginalString.StartsWith(TestAgent.RedirectUri, StringComparison.Ordinal));
                    page = await browser.SubmitAsync(page, "Sign in", new Dictionary<string, string> { ["username"] = "alice" });
                    page = await browser.SubmitAsync(page, "Allow", null, _ => true);
                    var answer = QueryHelpers.ParseQuery(page.Location!.Query);
                    return new AuthorizationResult { Code = answer["code"].ToString(), State = answer["state"].ToString(), Iss = answer["iss"].ToString() };
                },
            },
        });
        await using var mcp = await McpClient.CreateAsync(transport, cancellationToken: Cancelled);
        Assert.Empty(await mcp.ListToolsAsync(cancellationToken: Cancelled));
        Assert.Equal(1, asked);
    }

    private async Task<(string? Id, string? Secret, string? DocumentUrl)> ClientAsync(Known known)
    {
        switch (known)
        {
            case Known.ByDocument:
                var url = fixture.Host.NewAddress();
                fixture.Host.Publish(url, DocumentHost.Document(url));
                return (null, null, url);
            case Known.BeforehandPublic or Known.BeforehandConfidential:
                var created = await fixture.Agent.ApiAsync(HttpMethod.Post, "/applications", fixture.OwnerToken, new JsonObject
                {
                    ["name"] = ApiCalls.Unique("sdk"),
                    ["oauth"] = new JsonObject { ["type"] = known == Known.BeforehandPublic ? "public" : "confidential", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
                });
                Assert.Equal(HttpStatusCode.Created, created.Status);
                return ((string?)created.Json!["oauth"]!["clientId"], (string?)created.Json["oauth"]!["clientSecret"], null);
            default:
                return (null, null, null);
        }
    }
}

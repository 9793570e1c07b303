using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>The last resort, in an installation of its own: all agents of the organization are cut off, and its administrators are not.</summary>
public sealed class OrganizationCutOffTests : IAsyncLifetime
{
    private readonly KontextFixture kontext = new();

    public ValueTask InitializeAsync() => kontext.InitializeAsync();

    public ValueTask DisposeAsync() => kontext.DisposeAsync();

    [Fact]
    public async Task No_agent_gets_anything_until_an_administrator_reinstates_the_organization()
    {
        var agent = kontext.Agent;
        var integration = await kontext.IntegrationAsync("server_token", new JsonObject { ["name"] = "shared", ["serverToken"] = "shared-token" });
        var (application, _) = await kontext.ApplicationAsync();
        await agent.ApiAsync(HttpMethod.Post, $"/applications/{application}/integrations/{integration}", kontext.OwnerToken);
        using var browser = new FormBrowser();
        var token = (await agent.AuthorizeAsync(browser, "app_" + application, "sam", agent.Gateway))["access_token"]!;
        Assert.Equal(HttpStatusCode.OK, (await agent.ExchangeAsync("app_" + application, token, "shared")).Status);

        var cut = await agent.ApiAsync(HttpMethod.Post, "/revocations", kontext.OwnerToken, new JsonObject { ["type"] = "organization" });
        Assert.Equal(HttpStatusCode.Created, cut.Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await agent.ExchangeAsync("app_" + application, token, "shared")).Status);
        // Rules that are only observed do not open what was cut off.
        await agent.ApiAsync(HttpMethod.Patch, "/policy/settings", kontext.OwnerToken, new JsonObject { ["policyEnabled"] = false });
        Assert.Equal(HttpStatusCode.Forbidden, (await agent.ExchangeAsync("app_" + application, token, "shared")).Status);

        Assert.Equal(HttpStatusCode.OK, (await agent.ApiAsync(HttpMethod.Post, $"/revocations/{cut.Json!["revocation"]!["id"]}/reinstate", kontext.OwnerToken)).Status);
        Assert.Equal(HttpStatusCode.OK, (await agent.ExchangeAsync("app_" + application, token, "shared")).Status);
    }
}

using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Cloud;

/// <summary>The running program on storage that takes tokens of a managed identity only, as in Azure: no key is anywhere.</summary>
public sealed class BearerStorageTests : IAsyncLifetime
{
    private readonly string keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;
    private EntraAzurite azure = null!;

    public async ValueTask InitializeAsync() => azure = await EntraAzurite.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await azure.DisposeAsync();
        Directory.Delete(keys, recursive: true);
    }

    [Fact]
    public async Task Rows_are_inserted_read_listed_and_changed_together_with_tokens_of_a_managed_identity()
    {
        string id;
        await using (var first = await KontextServer.StartAsync(azure.Tables, keys, settings: azure.Environment))
        {
            var agent = new TestAgent(first.Url);
            var token = await agent.ManagementTokenAsync("olivia");
            // An integration and its name are two rows in one transaction; every change is an audit entry.
            id = await AddAsync(agent, token, "tracker", HttpStatusCode.Created);
            await AddAsync(agent, token, "tracker", HttpStatusCode.Conflict);
            Assert.Equal(HttpStatusCode.OK, (await agent.ApiAsync(HttpMethod.Patch, $"/integrations/{id}", token, new JsonObject { ["name"] = "issues" })).Status);
            await AddAsync(agent, token, "tracker", HttpStatusCode.Created);
        }
        // Another process finds what the first one wrote.
        await using var second = await KontextServer.StartAsync(azure.Tables, keys, settings: azure.Environment);
        var another = new TestAgent(second.Url);
        var fresh = await another.ManagementTokenAsync("olivia");
        var listed = await another.ApiAsync(HttpMethod.Get, "/integrations", fresh);
        Assert.Superset(new HashSet<string> { "issues", "tracker" }, listed.Json!["items"]!.AsArray().Select(item => (string)item!["name"]!).ToHashSet());
        Assert.Equal("issues", (string?)(await another.ApiAsync(HttpMethod.Get, $"/integrations/{id}", fresh)).Json!["integration"]!["name"]);
        Assert.NotEmpty((await another.ApiAsync(HttpMethod.Get, "/audit/events?type=admin.change", fresh)).Json!["items"]!.AsArray());
        Assert.All(azure.Resources, resource => Assert.StartsWith("https://storage.azure.com", resource, StringComparison.Ordinal));
        Assert.NotEmpty(azure.Resources);
    }

    private static async Task<string> AddAsync(TestAgent agent, string token, string name, HttpStatusCode expected)
    {
        var answer = await agent.ApiAsync(HttpMethod.Post, "/integrations", token, new JsonObject { ["name"] = name, ["url"] = "https://mcp.example.com/mcp", ["authMode"] = "none" });
        Assert.Equal(expected, answer.Status);
        return (string?)answer.Json?["integration"]?["id"] ?? "";
    }
}

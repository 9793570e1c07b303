using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>What the tests of the management API begin with.</summary>
internal static class ApiCalls
{
    /// <summary>A name no other test has.</summary>
    public static string Unique(string name) => $"{name}-{Guid.NewGuid():n}"[..30];

    /// <summary>An application of the owner; gives its id and the whole answer.</summary>
    public static async Task<(string Id, JsonAnswer Answer)> ApplicationAsync(this KontextFixture kontext, string type = "public", string? token = null)
    {
        var answer = await kontext.Agent.ApiAsync(HttpMethod.Post, "/applications", token ?? kontext.OwnerToken, new JsonObject
        {
            ["name"] = Unique("agent"),
            ["oauth"] = new JsonObject { ["type"] = type, ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
        });
        Assert.Equal(HttpStatusCode.Created, answer.Status);
        return ((string)answer.Json!["application"]!["id"]!, answer);
    }

    /// <summary>An integration of the organization; gives its id.</summary>
    public static async Task<string> IntegrationAsync(this KontextFixture kontext, string authMode, JsonObject? more = null)
    {
        var body = new JsonObject { ["name"] = Unique("service"), ["url"] = "https://mcp.example.com/mcp", ["authMode"] = authMode };
        foreach (var (field, value) in more ?? [])
            body[field] = value?.DeepClone();
        var answer = await kontext.Agent.ApiAsync(HttpMethod.Post, "/integrations", kontext.OwnerToken, body);
        Assert.Equal(HttpStatusCode.Created, answer.Status);
        return (string)answer.Json!["integration"]!["id"]!;
    }

    /// <summary>The newest changes by administrators, as words.</summary>
    public static async Task<IReadOnlyList<string?>> ChangesAsync(this KontextFixture kontext)
    {
        var events = await kontext.Agent.ApiAsync(HttpMethod.Get, "/audit/events?type=admin.change&limit=200", kontext.OwnerToken);
        return [.. events.Json!["items"]!.AsArray().Select(item => (string?)item!["capability"] + " " + (string?)item["target"])];
    }
}

using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.OpenApi;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>Every operation with every role: who may not gets 403, who may does not (contract 1.2). What the reference says about it is what holds.</summary>
public sealed class RolesTests : IAsyncLifetime
{
    // What changes nothing although it is sent with a body.
    private static readonly string[] Questions = ["/policy/check", "/policy/replay"];

    private readonly KontextFixture kontext = new();

    public ValueTask InitializeAsync() => kontext.InitializeAsync();

    public ValueTask DisposeAsync() => kontext.DisposeAsync();

    [Fact]
    public async Task Each_role_may_what_the_reference_says_and_nothing_else()
    {
        var agent = kontext.Agent;
        var tokens = new Dictionary<string, string>
        {
            ["owner"] = kontext.OwnerToken,
            ["admin"] = await agent.ManagementTokenAsync("anna+admin"),
            ["auditor"] = await agent.ManagementTokenAsync("carl+auditor"),
            ["member"] = await agent.ManagementTokenAsync("mia"),
            ["service account"] = await ServiceAccountAsync(),
        };
        var wrong = new List<string>();
        var tried = 0;
        // Ending all of one's sessions ends the token, so it comes last.
        foreach (var operation in ApiReference.Operations.OrderBy(operation => operation is { Method: "DELETE", Path: "/me/sessions" }))
        {
            foreach (var (role, token) in tokens)
            {
                var answer = await agent.ApiAsync(new HttpMethod(operation.Method), Path(operation), token, BodyOf(operation));
                var forbidden = answer.Status == HttpStatusCode.Forbidden;
                if (forbidden != IsForbidden(operation, role) || answer.Status == HttpStatusCode.Unauthorized || answer.Status >= HttpStatusCode.InternalServerError)
                    wrong.Add($"{role}: {operation.Method} {operation.Path} gives {(int)answer.Status} {answer["message"]}");
                tried++;
            }
            var nobody = await agent.ApiAsync(new HttpMethod(operation.Method), Path(operation), "nonsense", BodyOf(operation));
            if (nobody.Status != HttpStatusCode.Unauthorized)
                wrong.Add($"nobody: {operation.Method} {operation.Path} gives {(int)nobody.Status}");
        }
        Assert.True(tried > 400);
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Fact]
    public async Task An_auditor_sees_what_the_owner_sees()
    {
        var (application, _) = await kontext.ApplicationAsync();
        var auditor = await kontext.Agent.ManagementTokenAsync("carl+auditor");
        foreach (var path in new[] { "/applications", $"/applications/{application}", $"/applications/{application}/oauth", $"/applications/{application}/sessions", "/service-accounts", "/policy/rules", "/webhooks", "/integrations" })
        {
            var (own, seen) = (await kontext.Agent.ApiAsync(HttpMethod.Get, path, kontext.OwnerToken), await kontext.Agent.ApiAsync(HttpMethod.Get, path, auditor));
            Assert.Equal((own.Status, own.Json!.ToJsonString()), (seen.Status, seen.Json!.ToJsonString()));
        }
        // An application of somebody else's is not there for a member.
        Assert.Equal(HttpStatusCode.NotFound, (await kontext.Agent.ApiAsync(HttpMethod.Get, $"/applications/{application}", await kontext.Agent.ManagementTokenAsync("mia"))).Status);
    }

    private static bool IsForbidden(ApiOperation operation, string role)
    {
        var reads = operation.Method == "GET" || Questions.Contains(operation.Path);
        // By the key of a catalog entry, which only administrators read; by an id, everybody. The id here is one.
        return role switch
        {
            "owner" or "admin" => false,
            "auditor" => operation.Who != Who.Person && !reads,
            "member" => operation.Who == Who.Privileged,
            "service account" => operation.Who == Who.Person,
            _ => throw new InvalidOperationException(role),
        };
    }

    // Keys that were rotated too often would make the tokens of this test void.
    private static JsonObject? BodyOf(ApiOperation operation) =>
        operation.Body is null ? null : operation.Path == "/signing-keys/rotate" ? new JsonObject { ["kid"] = "none" } : [];

    private static string Path(ApiOperation operation) => string.Join('/', operation.Path.Split('/').Select(part => part == "{traceId}" ? new string('a', 32) : part.StartsWith('{') ? Guid.NewGuid().ToString() : part));

    private async Task<string> ServiceAccountAsync()
    {
        var credentials = (await kontext.Agent.ApiAsync(HttpMethod.Post, "/service-accounts", kontext.OwnerToken, new JsonObject { ["name"] = "robot" })).Json!["credentials"]!;
        return (await kontext.Agent.TokenAsync(new()
        {
            ["grant_type"] = "client_credentials", ["client_id"] = (string)credentials["clientId"]!, ["client_secret"] = (string)credentials["clientSecret"]!, ["scope"] = "management:all",
        }))["access_token"]!;
    }
}

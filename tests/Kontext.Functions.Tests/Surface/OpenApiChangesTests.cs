using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.OpenApi;
using Kontext.Functions.Tests.Api;
using Kontext.Functions.Tests.Mcp;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Surface;

/// <summary>What is answered to every change, and about the single things it makes, fits what the OpenAPI document says; on an organization of its own, which is turned inside out.</summary>
public sealed class OpenApiChangesTests : IAsyncLifetime
{
    // They take a tool whose description changed, work that failed, and a delivery that is not being sent just then. Other tests have those.
    private static readonly HashSet<string> Elsewhere = ["POST /integrations/{id}/tools/accept", "POST /work/failed/{id}/replay", "DELETE /work/failed/{id}", "POST /webhooks/{id}/deliveries/{delivery}/retry"];

    private readonly KontextFixture kontext = new();
    private readonly HashSet<string> tried = [];
    private JsonNode document = null!;
    private McpServerDouble upstream = null!;

    public async ValueTask InitializeAsync()
    {
        await kontext.InitializeAsync();
        upstream = await McpServerDouble.StartAsync(modern: false);
        upstream.Tokens.Add("open");
        document = JsonNode.Parse(await kontext.Server.Http.GetStringAsync(new Uri("/openapi/v1.json", UriKind.Relative)))!;
    }

    public async ValueTask DisposeAsync()
    {
        await upstream.DisposeAsync();
        await kontext.DisposeAsync();
    }

    [Fact]
    public async Task What_is_answered_to_changes_fits_what_the_document_says()
    {
        await DoAsync("PATCH", "/organization", """{"dynamicRegistration":true}""");
        var application = await ApplicationsAsync();
        var service = await IntegrationsAsync(application);
        await SessionsAsync(application, service);
        await PolicyAsync(application, service);
        await OperatingAsync(application);
        await EndingAsync(application, service);
        Assert.Empty(ApiReference.Operations.Where(operation => operation.Method != "GET").Select(operation => $"{operation.Method} {operation.Path}").Except(tried).Except(Elsewhere));
    }

    /// <summary>Applications, but for what they are attached to; gives a public one.</summary>
    private async Task<string> ApplicationsAsync()
    {
        JsonObject Named(string type) => new() { ["name"] = ApiCalls.Unique("agent"), ["oauth"] = new JsonObject { ["type"] = type, ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) } };
        var secret = IdOf(await DoAsync("POST", "/applications", Named("confidential").ToJsonString()), "application");
        await DoAsync("PATCH", "/applications/{id}", """{"description":"changed"}""", secret);
        await DoAsync("POST", "/applications/{id}/rotate-secret", null, secret);
        await DoAsync("PATCH", "/applications/{id}/oauth", """{"scopes":["openid"]}""", secret);
        await DoAsync("PUT", "/applications/{id}/oauth", """{"scopes":["openid"]}""", secret);
        await DoAsync("POST", "/applications/{id}/archive", null, secret);
        return IdOf(await DoAsync("POST", "/applications", Named("public").ToJsonString()), "application");
    }

    /// <summary>Integrations, connections and providers; gives an integration that is attached.</summary>
    private async Task<string> IntegrationsAsync(string application)
    {
        JsonObject Named(string mode) => new() { ["name"] = ApiCalls.Unique("service"), ["url"] = upstream.Url.AbsoluteUri, ["authMode"] = mode };
        var shared = Named("server_token");
        shared["serverToken"] = "open";
        var service = IdOf(await DoAsync("POST", "/integrations", shared.ToJsonString()), "integration");
        await DoAsync("PATCH", "/integrations/{id}", """{"tokenLabel":"changed"}""", service);
        await DoAsync("POST", "/integrations/{id}/validate", null, service);
        var provided = IdOf(await DoAsync("POST", "/integrations", Named("oauth").ToJsonString()), "integration");
        await DoAsync("PUT", "/integrations/{id}/oauth", """{"clientId":"our-app","clientSecret":"our-secret"}""", provided);
        await DoAsync("DELETE", "/integrations/{id}/oauth", null, provided);
        var personal = IdOf(await DoAsync("POST", "/integrations", Named("user_token").ToJsonString()), "integration");
        await DoAsync("POST", "/integrations/{id}/connection", """{"token":"open"}""", personal);
        await DoAsync("POST", "/integrations/{id}/connection/validate", null, personal);
        await DoAsync("DELETE", "/integrations/{id}/connection", null, personal);
        await DoAsync("POST", "/integrations/{id}/connection", """{"token":"open"}""", personal);
        var person = (string)(await DoAsync("GET", "/integrations/{id}/connections", null, personal))["items"]![0]!["userId"]!;
        await DoAsync("DELETE", "/integrations/{id}/connections/{user}", null, personal, person);

        var provider = IdOf(await DoAsync("POST", "/providers", """{"type":"custom","displayName":"weather","authMethod":"org_key","key":"shared"}"""), "provider");
        await DoAsync("PATCH", "/providers/{id}", """{"displayName":"climate"}""", provider);
        await DoAsync("PUT", "/applications/{id}/integrations", $$"""{"integrationIds":["{{service}}"]}""", application);
        await DoAsync("DELETE", "/applications/{id}/integrations/{integration}", null, application, service);
        await DoAsync("POST", "/applications/{id}/integrations/{integration}", null, application, service);
        var revision = (int)(await DoAsync("GET", "/applications/{id}/providers", null, application))["revision"]!;
        await DoAsync("PUT", "/applications/{id}/providers", $$"""{"expectedRevision":{{revision}},"items":[{"providerId":"{{service}}"}]}""", application);
        return service;
    }

    /// <summary>What an agent does, what it asks for, and how that ends.</summary>
    private async Task SessionsAsync(string application, string service)
    {
        var name = (string)(await DoAsync("GET", "/integrations/{id}", null, service))["integration"]!["name"]!;
        await DoAsync("PATCH", "/applications/{id}", """{"toolDiscovery":"search"}""", application);
        var rule = IdOf(await DoAsync("POST", "/policy/rules", $$"""{"action":"ask","level":"org","integrationId":"{{service}}"}"""), "rule");
        await DoAsync("GET", "/policy/rules/{id}", null, rule);
        using var browser = new FormBrowser();
        async Task<string> TokenAsync() => (await kontext.Agent.AuthorizeAsync(browser, "app_" + application, "alice", kontext.Agent.Gateway))["access_token"]!;
        var token = await TokenAsync();
        var asked = new Uri((await kontext.Agent.ExchangeAsync("app_" + application, token, name))["approval_url"]!);
        var alice = await kontext.Agent.ManagementTokenAsync("alice");
        await DoAsAsync(alice, "POST", "/me/approvals/{id}", """{"decision":"once"}""", asked.Segments[^1]);
        Assert.Equal(HttpStatusCode.OK, (await kontext.Agent.ExchangeAsync("app_" + application, token, name)).Status);
        await DoAsync("GET", "/traces/{traceId}", null, (string)(await DoAsync("GET", "/traces", null))["items"]![0]!["traceId"]!);
        Assert.Equal(HttpStatusCode.OK, (await kontext.Agent.McpAsync(token, "tools/call", new JsonObject { ["name"] = "REQUEST_CAPABILITY", ["arguments"] = new JsonObject { ["capability_name"] = "salesforce" } })).Status);
        await DoAsync("POST", "/capability-requests/{id}/resolve", """{"resolution":"granted"}""", (string)(await DoAsync("GET", "/capability-requests", null))["items"]![0]!["id"]!);

        async Task<string> NewestAsync() => (string)(await DoAsync("GET", "/applications/{id}/sessions", null, application))["items"]![0]!["id"]!;
        await DoAsync("GET", "/applications/{id}/sessions/{session}", null, application, await NewestAsync());
        await DoAsync("DELETE", "/applications/{id}/sessions/{session}", null, application, await NewestAsync());
        await TokenAsync();
        await DoAsync("DELETE", "/applications/{id}/sessions", null, application);
        await TokenAsync();
        await DoAsAsync(alice, "DELETE", "/me/sessions/{session}", null, await NewestAsync());
        await DoAsAsync(alice, "DELETE", "/me/sessions", null);
    }

    private async Task PolicyAsync(string application, string service)
    {
        await DoAsync("PATCH", "/policy/settings", """{"policyEnabled":true}""");
        var rule = IdOf(await DoAsync("POST", "/policy/rules", """{"action":"deny","level":"org","toolName":"delete_*","conditions":[{"path":"arguments.owner","operator":"one_of","values":["acme"]}]}"""), "rule");
        await DoAsync("GET", "/policy/rules/{id}", null, rule);
        await DoAsync("PUT", "/policy/rules/{id}", """{"action":"allow","level":"org","toolName":"delete_*"}""", rule);
        await DoAsync("POST", "/policy/check", $$"""{"applicationId":"{{application}}","userId":"me","integrationId":"{{service}}"}""");
        await DoAsync("POST", "/policy/replay", """{"hours":1,"rules":[{"action":"deny","level":"org"}]}""");
        await DoAsync("DELETE", "/policy/rules/{id}", null, rule);
        await DoAsync("POST", "/policy/import?dryRun=true", """{"schemaVersion":1,"rules":[{"action":"deny","level":"org"}]}""");
        var revision = (int)(await DoAsync("GET", "/policy/export", null))["revision"]!;
        await DoAsync("PUT", "/policy/rules", $$"""{"expectedRevision":{{revision}},"rules":[{"action":"allow","level":"org"}]}""");
    }

    private async Task OperatingAsync(string application)
    {
        var account = IdOf(await DoAsync("POST", "/service-accounts", """{"name":"robot"}"""), "serviceAccount");
        await DoAsync("GET", "/service-accounts/{id}", null, account);
        await DoAsync("PATCH", "/service-accounts/{id}", """{"description":"changed"}""", account);
        await DoAsync("POST", "/service-accounts/{id}/rotate-secret", null, account);
        await DoAsync("DELETE", "/service-accounts/{id}", null, account);
        var webhook = IdOf(await DoAsync("POST", "/webhooks", """{"url":"https://hooks.example.com/in"}"""), "webhook");
        await DoAsync("GET", "/webhooks/{id}", null, webhook);
        await DoAsync("PATCH", "/webhooks/{id}", """{"description":"changed"}""", webhook);
        await DoAsync("POST", "/webhooks/{id}/rotate-secret", null, webhook);
        await DoAsync("POST", "/webhooks/{id}/test", null, webhook);
        await DoAsync("GET", "/webhooks/{id}/deliveries", null, webhook);
        await DoAsync("DELETE", "/webhooks/{id}", null, webhook);
        var revocation = IdOf(await DoAsync("POST", "/revocations", $$"""{"type":"application","applicationId":"{{application}}"}"""), "revocation");
        await DoAsync("GET", "/revocations/{id}", null, revocation);
        await DoAsync("POST", "/revocations/{id}/continue", null, revocation);
        await DoAsync("POST", "/revocations/{id}/reinstate", null, revocation);
        await DoAsync("POST", "/signing-keys/rotate", null);
        await DoAsync("POST", "/data-key/rotate", null);
    }

    private async Task EndingAsync(string application, string service)
    {
        await DoAsync("DELETE", "/integrations/{id}", null, service);
        await DoAsync("DELETE", "/applications/{id}", null, application);
    }

    private Task<JsonNode> DoAsync(string method, string path, string? body, params string[] ids) => DoAsAsync(kontext.OwnerToken, method, path, body, ids);

    /// <summary>Does it with success, and holds the answer against the document.</summary>
    private async Task<JsonNode> DoAsAsync(string token, string method, string path, string? body, params string[] ids)
    {
        var (places, operation) = (new Queue<string>(ids), path.Split('?')[0]);
        var filled = string.Join('/', path.Split('/').Select(part => part.StartsWith('{') ? places.Dequeue() : part));
        var answer = await kontext.Agent.ApiAsync(new HttpMethod(method), filled, token, body is null ? null : JsonNode.Parse(body));
        Assert.True((int)answer.Status is >= 200 and < 300, $"{method} {filled}: {(int)answer.Status} {answer.Json}");
        OpenApiFit.Demand(document, method, operation, answer);
        tried.Add($"{method} {operation}");
        return answer.Json ?? new JsonObject();
    }

    private static string IdOf(JsonNode answer, string name) => (string)answer[name]!["id"]!;
}

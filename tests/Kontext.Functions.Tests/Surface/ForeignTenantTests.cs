using System.Net;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Functions.OpenApi;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Surface;

/// <summary>Two organizations in one storage: with any id of the other one, every route answers as it does for an id that nobody has (contract 7, number 1).</summary>
public sealed class ForeignTenantTests : IAsyncLifetime
{
    private static readonly string GlobexClient = Ids.Named<AppId>("command line\nglobex").ClientId;

    private readonly DirectoryInfo keys = Directory.CreateTempSubdirectory("kontext-keys-");
    private KontextServer server = null!;
    private TestAgent agent = null!;
    private string theirs = "";
    private string ours = "";

    public async ValueTask InitializeAsync()
    {
        server = await KontextServer.StartAsync("memory", keys.FullName, settings: new Dictionary<string, string> { ["Kontext__Organizations__globex__Name"] = "Globex" });
        agent = new TestAgent(server.Url);
        theirs = await agent.ManagementTokenAsync("olivia");
        using var browser = new FormBrowser();
        ours = (await agent.AuthorizeAsync(browser, GlobexClient, "gloria", agent.Api, "openid management:all"))["access_token"]!;
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        keys.Delete(recursive: true);
    }

    [Fact]
    public async Task Every_route_answers_for_a_foreign_id_as_for_an_unknown_one()
    {
        var foreign = await WorldAsync(theirs);
        var own = await WorldAsync(ours);
        var (tried, wrong) = (0, new List<string>());
        foreach (var operation in ApiReference.Operations.Where(operation => operation.Path.Contains('{', StringComparison.Ordinal)))
        {
            var places = operation.Path.Split('/').Where(part => part.StartsWith('{')).ToList();
            // Each place in turn holds a foreign id, the others an own one; then all of them foreign ones.
            foreach (var at in places.Count == 1 ? [0] : Enumerable.Range(-1, places.Count + 1))
            {
                foreach (var body in operation.Body is null ? new string?[] { null } : ["{}", BodyFor(operation, own)])
                {
                    var (there, nowhere) = (Fill(operation, index => at < 0 || index == at ? foreign : own), Fill(operation, index => at < 0 || index == at ? null : own));
                    var seen = await CallAsync(operation, there.Path, body);
                    var unknown = await CallAsync(operation, nowhere.Path, body);
                    tried++;
                    if (seen.Status != unknown.Status || Same(seen, there.Ids) != Same(unknown, nowhere.Ids))
                        wrong.Add($"{operation.Method} {there.Path} ({operation.Path}): {(int)seen.Status} {Same(seen, there.Ids)} instead of {(int)unknown.Status} {Same(unknown, nowhere.Ids)}");
                    else if (seen.Status is not (HttpStatusCode.NotFound or HttpStatusCode.BadRequest) && !Exceptions.Contains((operation.Method, operation.Path)))
                        wrong.Add($"{operation.Method} {operation.Path} answers {(int)seen.Status} for an id that is not there");
                }
            }
        }
        Assert.True(tried > 70);
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        // And nothing of the other organization was touched.
        Assert.Equal(foreign["state"], await StateAsync(theirs, foreign));
    }

    [Fact]
    public async Task Ids_in_bodies_and_queries_of_another_organization_are_unknown()
    {
        var foreign = await WorldAsync(theirs);
        var own = await WorldAsync(ours);
        foreach (var (method, path, body) in new (HttpMethod, string, Func<IReadOnlyDictionary<string, string>, string>)[]
        {
            (HttpMethod.Post, "/revocations", world => $$"""{"type":"application","applicationId":"{{world["application"]}}"}"""),
            (HttpMethod.Post, "/revocations", world => $$"""{"type":"user","userId":"{{world["user"]}}"}"""),
            (HttpMethod.Post, "/revocations", world => $$"""{"type":"integration","integrationId":"{{world["integration"]}}"}"""),
            (HttpMethod.Post, "/revocations", world => $$"""{"type":"session","applicationId":"{{world["application"]}}","sessionId":"{{world["session"]}}"}"""),
            (HttpMethod.Post, "/revocations", world => $$"""{"type":"connection","userId":"{{world["user"]}}","integrationId":"{{world["integration"]}}"}"""),
            (HttpMethod.Put, $"/applications/{own["application"]}/integrations", world => $$"""{"integrationIds":["{{world["integration"]}}"]}"""),
            (HttpMethod.Put, $"/applications/{own["application"]}/providers", world => $$"""{"expectedRevision":1,"items":[{"providerId":"{{world["integration"]}}"}]}"""),
            (HttpMethod.Post, "/policy/check", world => $$"""{"applicationId":"{{world["application"]}}","integrationId":"{{world["integration"]}}"}"""),
        })
        {
            var unknown = new Dictionary<string, string> { ["application"] = Guid.NewGuid().ToString(), ["integration"] = Guid.NewGuid().ToString(), ["user"] = Guid.NewGuid().ToString(), ["session"] = Guid.NewGuid().ToString() };
            var seen = await agent.ApiAsync(method, path, ours, JsonNode.Parse(body(foreign)));
            var nowhere = await agent.ApiAsync(method, path, ours, JsonNode.Parse(body(unknown)));
            Assert.True(seen.Status is HttpStatusCode.NotFound or HttpStatusCode.BadRequest, $"{path} {body(foreign)} gives {(int)seen.Status} {seen.Json}");
            Assert.Equal((nowhere.Status, nowhere["message"]), (seen.Status, seen["message"]));
        }
        foreach (var path in new[] { $"/traces?userId={foreign["user"]}", $"/traces?agentId={foreign["application"]}", $"/traces?sessionId={foreign["session"]}", $"/audit/events?applicationId={foreign["application"]}" })
            Assert.Empty((await agent.ApiAsync(HttpMethod.Get, path, ours)).Json!["items"]!.AsArray());
        Assert.Equal(0, (int)(await agent.ApiAsync(HttpMethod.Get, $"/traces/stats?userId={foreign["user"]}", ours)).Json!["totalEvents"]!);
        Assert.Equal(foreign["state"], await StateAsync(theirs, foreign));
    }

    [Fact]
    public async Task Cutting_off_one_organization_stops_no_agent_of_another_and_shows_nothing_to_it()
    {
        var (foreign, own) = (await WorldAsync(theirs), await WorldAsync(ours));
        using var browser = new FormBrowser();
        var (theirClient, ourClient) = ("app_" + foreign["application"], "app_" + own["application"]);
        var their = await agent.AuthorizeAsync(browser, theirClient, "sam", agent.Gateway);
        Task<JsonAnswer> StolenAsync() => agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = ourClient, ["refresh_token"] = their["refresh_token"]! });
        var before = await StolenAsync();
        Assert.Equal("invalid_grant", before["error"]);

        Assert.Equal(HttpStatusCode.Created, (await agent.ApiAsync(HttpMethod.Post, "/revocations", theirs, new JsonObject { ["type"] = "organization" })).Status);
        Assert.Equal("access_denied", (await agent.ExchangeAsync(theirClient, their["access_token"]!, "mcp-gateway"))["error"]);
        Assert.Equal(before.Json!.ToJsonString(), (await StolenAsync()).Json!.ToJsonString());
        using var another = new FormBrowser();
        Assert.Equal(HttpStatusCode.OK, (await agent.AuthorizeAsync(another, ourClient, "sam", agent.Gateway)).Status);
    }

    /// <summary>Routes that answer success whether the thing is there or not. This list may only get shorter.</summary>
    private static readonly HashSet<(string Method, string Path)> Exceptions = [("DELETE", "/applications/{id}/integrations/{integration}"), ("GET", "/providers/{key}/scopes"), ("GET", "/provider-catalog/{key}")];

    /// <summary>One of everything that has an id.</summary>
    private async Task<Dictionary<string, string>> WorldAsync(string token)
    {
        var world = new Dictionary<string, string>();
        async Task<JsonNode> MakeAsync(string path, JsonObject body)
        {
            var made = await agent.ApiAsync(HttpMethod.Post, path, token, body);
            Assert.True((int)made.Status is 200 or 201, $"{path}: {made.Json}");
            return made.Json!;
        }
        var name = $"w{Guid.NewGuid():n}"[..12];
        world["application"] = (string)(await MakeAsync("/applications", new JsonObject { ["name"] = name, ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) } }))["application"]!["id"]!;
        world["integration"] = (string)(await MakeAsync("/integrations", new JsonObject { ["name"] = name, ["url"] = "https://mcp.example.com/mcp", ["authMode"] = "server_token", ["serverToken"] = "shared" }))["integration"]!["id"]!;
        await agent.ApiAsync(HttpMethod.Post, $"/applications/{world["application"]}/integrations/{world["integration"]}", token);
        world["serviceAccount"] = (string)(await MakeAsync("/service-accounts", new JsonObject { ["name"] = name }))["serviceAccount"]!["id"]!;
        world["webhook"] = (string)(await MakeAsync("/webhooks", new JsonObject { ["url"] = "https://hooks.example.com/in" }))["webhook"]!["id"]!;
        world["rule"] = (string)(await MakeAsync("/policy/rules", new JsonObject { ["action"] = "allow", ["scope"] = "server", ["level"] = "org", ["integrationId"] = world["integration"] }))["rule"]!["id"]!;
        using var browser = new FormBrowser();
        var tokens = await agent.AuthorizeAsync(browser, "app_" + world["application"], "sam", agent.Gateway);
        Assert.Equal(HttpStatusCode.OK, (await agent.ExchangeAsync("app_" + world["application"], tokens["access_token"]!, name)).Status);
        var session = (await agent.ApiAsync(HttpMethod.Get, $"/applications/{world["application"]}/sessions", token)).Json!["items"]![0]!;
        (world["session"], world["user"]) = ((string)session["id"]!, (string)session["userId"]!);
        world["trace"] = (string)(await agent.ApiAsync(HttpMethod.Get, $"/traces?agentId={world["application"]}", token)).Json!["items"]![0]!["traceId"]!;
        var victim = (string)(await MakeAsync("/integrations", new JsonObject { ["name"] = name + "x", ["url"] = "https://mcp.example.com/mcp" }))["integration"]!["id"]!;
        world["revocation"] = (string)(await MakeAsync("/revocations", new JsonObject { ["type"] = "integration", ["integrationId"] = victim }))["revocation"]!["id"]!;
        world["state"] = await StateAsync(token, world);
        return world;
    }

    private async Task<string> StateAsync(string token, Dictionary<string, string> world)
    {
        var state = new List<string>();
        foreach (var path in new[]
        {
            $"/applications/{world["application"]}/oauth", $"/applications/{world["application"]}/providers", $"/integrations/{world["integration"]}", $"/service-accounts/{world["serviceAccount"]}",
            $"/webhooks/{world["webhook"]}", $"/policy/rules/{world["rule"]}", $"/revocations/{world["revocation"]}",
        })
        {
            var read = await agent.ApiAsync(HttpMethod.Get, path, token);
            Assert.Equal(HttpStatusCode.OK, read.Status);
            state.Add(read.Json!.ToJsonString());
        }
        return string.Join('\n', state);
    }

    /// <summary>The path with ids of the worlds, or ids that nobody has.</summary>
    private static (string Path, List<string> Ids) Fill(ApiOperation operation, Func<int, Dictionary<string, string>?> worldOf)
    {
        var (ids, place) = (new List<string>(), 0);
        var parts = operation.Path.Split('/');
        var path = string.Join('/', parts.Select((part, index) =>
        {
            if (!part.StartsWith('{'))
                return part;
            var kind = part switch
            {
                "{session}" => "session",
                "{integration}" => "integration",
                "{user}" => "user",
                "{traceId}" => "trace",
                "{delivery}" => "delivery",
                "{key}" => "integration",
                _ => parts[1] switch { "applications" => "application", "integrations" or "providers" => "integration", "service-accounts" => "serviceAccount", "webhooks" => "webhook", "policy" => "rule", "revocations" => "revocation", _ => "none" },
            };
            var id = worldOf(place++)?.GetValueOrDefault(kind) ?? (kind == "trace" ? $"{Guid.NewGuid():n}" : Guid.NewGuid().ToString());
            ids.Add(id);
            return id;
        }));
        return (path, ids);
    }

    /// <summary>A body that would be accepted, so that refusing it cannot hide what happens to the id.</summary>
    private static string BodyFor(ApiOperation operation, Dictionary<string, string> own) => operation.Path switch
    {
        "/applications/{id}" => """{"description":"changed"}""",
        "/applications/{id}/oauth" => """{"scopes":["openid"]}""",
        "/applications/{id}/integrations" => $$"""{"integrationIds":["{{own["integration"]}}"]}""",
        "/applications/{id}/providers" => $$"""{"expectedRevision":1,"items":[{"providerId":"{{own["integration"]}}"}]}""",
        "/integrations/{id}" => """{"tokenLabel":"changed"}""",
        "/integrations/{id}/oauth" => """{"clientId":"changed"}""",
        "/integrations/{id}/connection" => """{"token":"changed"}""",
        "/integrations/{id}/tools/accept" => """{"name":"tool","hash":"x"}""",
        "/providers/{id}" => """{"displayName":"changed"}""",
        "/service-accounts/{id}" => """{"description":"changed"}""",
        "/webhooks/{id}" => """{"description":"changed"}""",
        "/capability-requests/{id}/resolve" => """{"resolution":"granted"}""",
        "/policy/rules/{id}" => """{"action":"deny","scope":"server","level":"org"}""",
        _ => "{}",
    };

    private Task<JsonAnswer> CallAsync(ApiOperation operation, string path, string? body) => agent.ApiAsync(new HttpMethod(operation.Method), path, ours, body is null ? null : JsonNode.Parse(body));

    private static string Same(JsonAnswer answer, List<string> ids) => ids.Aggregate(answer.Json?.ToJsonString() ?? "", (text, id) => text.Replace(id, "ID", StringComparison.Ordinal));
}

using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Work;
using Kontext.Functions.OpenApi;
using Kontext.Functions.Work;
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
        // As the host starts it: what is queued waits until a trigger brings it.
        server = await KontextServer.StartAsync("memory", keys.FullName, settings: new Dictionary<string, string> { ["Kontext__Organizations__globex__Name"] = "Globex" }, handler: true);
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
                    var (there, nowhere) = (Fill(operation, (index, kind) => (at < 0 || index == at ? foreign : own)[kind]), Fill(operation, (index, kind) => at < 0 || index == at ? Unknown(foreign[kind]) : own[kind]));
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
        var revision = (await agent.ApiAsync(HttpMethod.Get, "/policy/rules", ours)).Headers.ETag!.Tag.Trim('"');
        (HttpMethod, string, Func<IReadOnlyDictionary<string, string>, string>)[] questions =
        [
            (HttpMethod.Post, "/revocations", world => $$"""{"type":"application","applicationId":"{{world["application"]}}"}"""),
            (HttpMethod.Post, "/revocations", world => $$"""{"type":"user","userId":"{{world["user"]}}"}"""),
            (HttpMethod.Post, "/revocations", world => $$"""{"type":"integration","integrationId":"{{world["integration"]}}"}"""),
            (HttpMethod.Post, "/revocations", world => $$"""{"type":"session","applicationId":"{{world["application"]}}","sessionId":"{{world["session"]}}"}"""),
            (HttpMethod.Post, "/revocations", world => $$"""{"type":"connection","userId":"{{world["user"]}}","integrationId":"{{world["integration"]}}"}"""),
            (HttpMethod.Put, $"/applications/{own["application"]}/integrations", world => $$"""{"integrationIds":["{{world["integration"]}}"]}"""),
            (HttpMethod.Put, $"/applications/{own["application"]}/providers", world => $$"""{"expectedRevision":1,"items":[{"providerId":"{{world["integration"]}}"}]}"""),
            (HttpMethod.Post, "/policy/check", world => $$"""{"applicationId":"{{world["application"]}}","integrationId":"{{world["integration"]}}"}"""),
            (HttpMethod.Post, "/policy/check", world => $$"""{"applicationId":"{{own["application"]}}","integrationId":"{{own["integration"]}}","userId":"{{world["user"]}}"}"""),
            (HttpMethod.Post, "/policy/check", world => $$"""{"applicationId":"{{own["application"]}}","integrationId":"{{own["integration"]}}","userId":"{{own["user"]}}","sessionId":"{{world["session"]}}"}"""),
            (HttpMethod.Post, "/policy/check", world => $$"""{"applicationId":"{{own["application"]}}","integrationId":"{{world["integration"]}}","userId":"{{own["user"]}}"}"""),
            .. new Func<IReadOnlyDictionary<string, string>, string>[]
            {
                world => $$"""{"action":"allow","level":"org","integrationId":"{{world["integration"]}}"}""",
                world => $$"""{"action":"allow","level":"agent","applicationId":"{{world["application"]}}"}""",
                world => $$"""{"action":"allow","level":"user","userId":"{{world["user"]}}"}""",
            }.SelectMany(rule => new (HttpMethod, string, Func<IReadOnlyDictionary<string, string>, string>)[]
            {
                (HttpMethod.Post, "/policy/rules", rule),
                (HttpMethod.Put, $"/policy/rules/{own["rule"]}", rule),
                (HttpMethod.Put, "/policy/rules", world => $$"""{"expectedRevision":{{revision}},"rules":[{{rule(world)}}]}"""),
                (HttpMethod.Post, $"/policy/import?expectedRevision={revision}", world => $$"""{"schemaVersion":1,"rules":[{{rule(world)}}]}"""),
                (HttpMethod.Post, "/policy/import?dryRun=true", world => $$"""{"schemaVersion":1,"rules":[{{rule(world)}}]}"""),
                (HttpMethod.Post, "/policy/replay", world => $$"""{"hours":1,"rules":[{{rule(world)}}]}"""),
            }),
        ];
        foreach (var (method, path, body) in questions)
        {
            var unknown = new Dictionary<string, string> { ["application"] = Guid.NewGuid().ToString(), ["integration"] = Guid.NewGuid().ToString(), ["user"] = Guid.NewGuid().ToString(), ["session"] = Guid.NewGuid().ToString() };
            var seen = await agent.ApiAsync(method, path, ours, JsonNode.Parse(body(foreign)));
            var nowhere = await agent.ApiAsync(method, path, ours, JsonNode.Parse(body(unknown)));
            Assert.True(seen.Status is HttpStatusCode.NotFound or HttpStatusCode.BadRequest, $"{path} {body(foreign)} gives {(int)seen.Status} {seen.Json}");
            Assert.Equal((nowhere.Status, nowhere["message"]), (seen.Status, seen["message"]));
        }
        foreach (var (path, kind) in new[]
        {
            ("/policy/access?applicationId=ID&userId=me", "application"),
            ($"/policy/access?applicationId={own["application"]}&userId=ID", "user"),
            ($"/policy/access?applicationId={own["application"]}&userId={own["user"]}&sessionId=ID", "session"),
        })
        {
            var seen = await agent.ApiAsync(HttpMethod.Get, path.Replace("ID", foreign[kind], StringComparison.Ordinal), ours);
            var nowhere = await agent.ApiAsync(HttpMethod.Get, path.Replace("ID", Unknown(foreign[kind]), StringComparison.Ordinal), ours);
            Assert.Equal((HttpStatusCode.NotFound, nowhere["message"]), (seen.Status, seen["message"]));
            Assert.Equal(HttpStatusCode.NotFound, nowhere.Status);
        }
        Assert.Equal($"\"{revision}\"", (await agent.ApiAsync(HttpMethod.Get, "/policy/rules", ours)).Headers.ETag!.Tag);
        foreach (var path in new[] { $"/audit/events?userId={foreign["user"]}", $"/audit/events?integrationId={foreign["integration"]}", $"/traces?userId={foreign["user"]}", $"/traces?agentId={foreign["application"]}", $"/traces?sessionId={foreign["session"]}", $"/audit/events?applicationId={foreign["application"]}" })
            Assert.Empty((await agent.ApiAsync(HttpMethod.Get, path, ours)).Json!["items"]!.AsArray());
        Assert.Equal(0, (int)(await agent.ApiAsync(HttpMethod.Get, $"/traces/stats?userId={foreign["user"]}", ours)).Json!["totalEvents"]!);
        Assert.Equal(foreign["state"], await StateAsync(theirs, foreign));
    }

    [Fact]
    public async Task Names_and_ids_of_another_organization_are_unknown_to_gateway_proxy_exchange_partners_and_pages()
    {
        var (foreign, own) = (await WorldAsync(theirs), await WorldAsync(ours));
        var client = "app_" + own["application"];
        using var browser = new FormBrowser();
        var token = (await agent.AuthorizeAsync(browser, client, "sam", agent.Gateway))["access_token"]!;
        async Task SameAsync(string known, Func<string, Task<(HttpStatusCode Status, string Text)>> ask, params HttpStatusCode[] refusals)
        {
            var unknown = Unknown(known);
            var (seen, nowhere) = (await ask(known), await ask(unknown));
            Assert.Equal((nowhere.Status, nowhere.Text.Replace(unknown, "IT", StringComparison.Ordinal)), (seen.Status, seen.Text.Replace(known, "IT", StringComparison.Ordinal)));
            Assert.Contains(seen.Status, refusals);
        }
        static (HttpStatusCode, string) Of(JsonAnswer answer) => (answer.Status, answer.Json?.ToJsonString() ?? "");
        async Task<(HttpStatusCode, string)> GetAsync(string path)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server.Url, path));
            request.Headers.Authorization = new("Bearer", token);
            using var answer = await server.Http.SendAsync(request);
            return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
        }

        foreach (var known in new[] { foreign["name"], foreign["integration"] })
        {
            await SameAsync(known, async name => Of(await agent.ExchangeAsync(client, token, name)), HttpStatusCode.BadRequest);
            await SameAsync(known, async name => Of(await agent.McpAsync(token, "tools/list", path: $"/mcp/{name}")), HttpStatusCode.NotFound, HttpStatusCode.BadRequest, HttpStatusCode.OK);
            await SameAsync(known, async name => Of(await agent.McpAsync(token, "tools/call", new JsonObject { ["name"] = $"{name}__echo", ["arguments"] = new JsonObject() })), HttpStatusCode.OK, HttpStatusCode.BadRequest);
            await SameAsync(known, name => GetAsync($"/proxy/{name}/path"), HttpStatusCode.NotFound, HttpStatusCode.BadRequest);
            await SameAsync(known, name => GetAsync($"/mcp/integrations/{name}"), HttpStatusCode.NotFound);
        }
        await SameAsync(foreign["application"], async id =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server.Url, "/partner/connect-session")) { Content = new StringContent(new JsonObject { ["applicationId"] = id }.ToJsonString(), Encoding.UTF8, "application/json") };
            request.Headers.Authorization = new("Bearer", "nonsense");
            request.Headers.Add("X-Api-Key", "nonsense");
            using var answer = await server.Http.SendAsync(request);
            return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
        }, HttpStatusCode.Unauthorized, HttpStatusCode.Forbidden);
        await SameAsync(foreign["approval"], async id =>
        {
            var page = await browser.OpenAsync(new Uri(server.Url, $"/approvals/{id}"));
            return (page.Status, page.Document.QuerySelector("main")?.TextContent ?? page.Text);
        }, HttpStatusCode.NotFound);
        // The person's own is there: it is not for want of a sign-in that the other one is not.
        Assert.Equal(HttpStatusCode.OK, (await browser.OpenAsync(new Uri(server.Url, $"/approvals/{own["approval"]}"))).Status);
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
        world["name"] = name;
        world["application"] = (string)(await MakeAsync("/applications", new JsonObject { ["name"] = name, ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) }, ["toolDiscovery"] = "search" }))["application"]!["id"]!;
        world["integration"] = (string)(await MakeAsync("/integrations", new JsonObject { ["name"] = name, ["url"] = "https://mcp.example.com/mcp", ["authMode"] = "server_token", ["serverToken"] = "shared" }))["integration"]!["id"]!;
        await agent.ApiAsync(HttpMethod.Post, $"/applications/{world["application"]}/integrations/{world["integration"]}", token);
        world["serviceAccount"] = (string)(await MakeAsync("/service-accounts", new JsonObject { ["name"] = name }))["serviceAccount"]!["id"]!;
        world["webhook"] = (string)(await MakeAsync("/webhooks", new JsonObject { ["url"] = "https://hooks.example.com/in" }))["webhook"]!["id"]!;
        world["rule"] = (string)(await MakeAsync("/policy/rules", new JsonObject { ["action"] = "allow", ["scope"] = "server", ["level"] = "org", ["integrationId"] = world["integration"] }))["rule"]!["id"]!;
        var asking = (string)(await MakeAsync("/integrations", new JsonObject { ["name"] = name + "q", ["url"] = "https://mcp.example.com/mcp", ["authMode"] = "server_token", ["serverToken"] = "shared" }))["integration"]!["id"]!;
        await agent.ApiAsync(HttpMethod.Post, $"/applications/{world["application"]}/integrations/{asking}", token);
        await MakeAsync("/policy/rules", new JsonObject { ["action"] = "ask", ["scope"] = "server", ["level"] = "org", ["integrationId"] = asking });
        using var browser = new FormBrowser();
        var tokens = await agent.AuthorizeAsync(browser, "app_" + world["application"], "sam", agent.Gateway);
        Assert.Equal(HttpStatusCode.OK, (await agent.ExchangeAsync("app_" + world["application"], tokens["access_token"]!, name)).Status);
        world["approval"] = new Uri((await agent.ExchangeAsync("app_" + world["application"], tokens["access_token"]!, name + "q"))["approval_url"]!).Segments[^1];
        Assert.Equal(HttpStatusCode.OK, (await agent.McpAsync(tokens["access_token"]!, "tools/call", new JsonObject { ["name"] = "REQUEST_CAPABILITY", ["arguments"] = new JsonObject { ["capability_name"] = name + "c" } })).Status);
        world["request"] = (string)Assert.Single((await agent.ApiAsync(HttpMethod.Get, "/capability-requests", token)).Json!["items"]!.AsArray(), item => (string?)item!["capability"] == name + "c")!["id"]!;
        world["delivery"] = (string)(await agent.ApiAsync(HttpMethod.Post, $"/webhooks/{world["webhook"]}/test", token)).Json!["delivery"]!["id"]!;
        world["work"] = await FailedAsync(token, world);
        var session = (await agent.ApiAsync(HttpMethod.Get, $"/applications/{world["application"]}/sessions", token)).Json!["items"]![0]!;
        (world["session"], world["user"]) = ((string)session["id"]!, (string)session["userId"]!);
        world["trace"] = (string)(await agent.ApiAsync(HttpMethod.Get, $"/traces?agentId={world["application"]}", token)).Json!["items"]![0]!["traceId"]!;
        var victim = (string)(await MakeAsync("/integrations", new JsonObject { ["name"] = name + "x", ["url"] = "https://mcp.example.com/mcp" }))["integration"]!["id"]!;
        world["revocation"] = (string)(await MakeAsync("/revocations", new JsonObject { ["type"] = "integration", ["integrationId"] = victim }))["revocation"]!["id"]!;
        world["state"] = await StateAsync(token, world);
        return world;
    }

    /// <summary>Has the host move a message aside that failed too often; gives the id it is kept under.</summary>
    private async Task<string> FailedAsync(string token, Dictionary<string, string> world)
    {
        var org = OrgId.Parse((string)(await agent.ApiAsync(HttpMethod.Get, "/organization", token)).Json!["organization"]!["id"]!, null);
        var message = WorkMessage.Write(new DeliverWebhook(org, WebhookId.Parse(world["webhook"], null), DeliveryId.Parse(world["delivery"], null), 1));
        using var content = new StringContent($$$"""{"Data":{"message":"{{{Convert.ToBase64String(message)}}}"},"Metadata":{"DequeueCount":"1"}}""", Encoding.UTF8, "application/json");
        using var response = await server.Http.PostAsync(new Uri("/fn_queue_poison", UriKind.Relative), content);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return (string)Assert.Single((await agent.ApiAsync(HttpMethod.Get, "/work/failed", token)).Json!["items"]!.AsArray())!["id"]!;
    }

    private async Task<string> StateAsync(string token, Dictionary<string, string> world)
    {
        var state = new List<string>();
        foreach (var path in new[]
        {
            $"/applications/{world["application"]}/oauth", $"/applications/{world["application"]}/providers", $"/integrations/{world["integration"]}", $"/service-accounts/{world["serviceAccount"]}",
            $"/webhooks/{world["webhook"]}", $"/webhooks/{world["webhook"]}/deliveries", $"/policy/rules/{world["rule"]}", $"/revocations/{world["revocation"]}", "/capability-requests", "/work/failed",
        })
        {
            var read = await agent.ApiAsync(HttpMethod.Get, path, token);
            Assert.Equal(HttpStatusCode.OK, read.Status);
            // Deliveries are tried again meanwhile by themselves.
            state.Add(path.EndsWith("/deliveries", StringComparison.Ordinal) ? string.Join(' ', read.Json!["items"]!.AsArray().Select(item => (string?)item!["id"])) : read.Json!.ToJsonString());
        }
        return string.Join('\n', state);
    }

    /// <summary>The path with ids of the worlds, or ids that nobody has.</summary>
    private static (string Path, List<string> Ids) Fill(ApiOperation operation, Func<int, string, string> idOf)
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
                _ => parts[1] switch
                {
                    "applications" => "application",
                    "integrations" or "providers" => "integration",
                    "service-accounts" => "serviceAccount",
                    "webhooks" => "webhook",
                    "policy" => "rule",
                    "revocations" => "revocation",
                    "me" => "approval",
                    "capability-requests" => "request",
                    "work" => "work",
                    _ => throw new InvalidOperationException($"There is nothing in the world to ask {operation.Path} for."),
                },
            };
            var id = idOf(place++, kind);
            ids.Add(id);
            return id;
        }));
        return (path, ids);
    }

    /// <summary>An id that nobody has, and that looks like this one.</summary>
    private static string Unknown(string known) =>
        Guid.TryParseExact(known, "D", out _) ? Guid.NewGuid().ToString()
        : TracePart.IsTraceId(known) ? $"{Guid.NewGuid():n}"
        : string.Concat(known.Select(character => char.IsAsciiLetterOrDigit(character) ? (char)('a' + Random.Shared.Next(26)) : character));

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
        "/me/approvals/{id}" => """{"decision":"once"}""",
        "/capability-requests/{id}/resolve" => """{"resolution":"granted"}""",
        "/policy/rules/{id}" => """{"action":"deny","scope":"server","level":"org"}""",
        _ => "{}",
    };

    private Task<JsonAnswer> CallAsync(ApiOperation operation, string path, string? body) => agent.ApiAsync(new HttpMethod(operation.Method), path, ours, body is null ? null : JsonNode.Parse(body));

    private static string Same(JsonAnswer answer, List<string> ids) => ids.Aggregate(answer.Json?.ToJsonString() ?? "", (text, id) => text.Replace(id, "ID", StringComparison.Ordinal));
}

using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Triggers;
using Kontext.Testing;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Kontext.Functions.Tests.Hostile;

/// <summary>Every route outside of the management API: the pages, /oauth2, /mcp, /proxy, /partner and the rest, as somebody signed in, with a token and as nobody.</summary>
public sealed class SurfacesTests : IAsyncLifetime
{
    private static readonly string[] Fields =
    [
        "csrf", "session", "integration", "token", "state", "code", "iss", "error", "error_description", "username", "password", "return_to", "organization", "name", "id", "action", "scope", "client_id", "client_secret", "redirect_uri", "grant_type", "refresh_token", "code_verifier", "resource", "audience", "subject_token",
        "subject_token_type", "actor_token", "actor_token_type", "requested_token_type", "device_code", "user_code", "request", "request_uri", "decision", "confirmed", "client_assertion", "client_assertion_type", "token_type_hint", "login_hint", "max_age", "prompt", "response_type", "code_challenge", "code_challenge_method", "claims", "field", "return_url",
    ];

    // One for each test: what owners post at random changes the installation, too.
    private readonly HostileWorld world = new();
    private readonly Verdict verdict = new();
    private readonly Dice dice = new(7);

    public ValueTask InitializeAsync() => world.InitializeAsync();

    public ValueTask DisposeAsync() => world.DisposeAsync();

    [Fact]
    public async Task No_route_breaks_whoever_asks_and_whatever_is_asked()
    {
        var routes = await RoutesAsync();
        using var browser = new FormBrowser();
        var client = await RegisterAsync();
        var gateway = (await world.Agent.AuthorizeAsync(browser, client, KontextFixture.Owner, world.Agent.Gateway, "openid mcp:invoke"))["access_token"]!;
        var (cookie, csrf) = await SignedInAsync("olivia");
        var (memberCookie, _) = await SignedInAsync("mallory");
        Func<HttpRequestMessage, HttpRequestMessage>[] callers = [request => With(request, "Cookie", cookie), request => With(request, "Cookie", memberCookie), request => With(request, "Authorization", "Bearer " + gateway), request => request];
        foreach (var (method, template) in routes)
        {
            var requests = Requests(method, template, csrf).ToList();
            await Parallel.ForEachAsync(requests, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (make, _) =>
            {
                foreach (var caller in callers)
                {
                    var (request, what) = make();
                    using var sent = caller(request);
                    await verdict.SendAsync(world.Http, sent, what);
                }
            });
            // Signing out, or signing in as somebody else, is what some routes are for.
            if (!await StillAsync(cookie))
                (cookie, csrf) = await SignedInAsync("olivia");
            if (!await StillAsync(memberCookie))
                (memberCookie, _) = await SignedInAsync("mallory");
        }
        Assert.True(routes.Count > 100 && verdict.Sent > 8_000, $"{routes.Count} routes, {verdict.Sent} requests");
        TestContext.Current.TestOutputHelper?.WriteLine($"{routes.Count} routes, {verdict.Sent} requests");
        verdict.Hold();
        await world.LivesAsync();
    }

    [Fact]
    public async Task No_message_to_the_gateway_breaks_it()
    {
        using var browser = new FormBrowser();
        var gateway = (await world.Agent.AuthorizeAsync(browser, await RegisterAsync(), KontextFixture.Owner, world.Agent.Gateway, "openid mcp:invoke"))["access_token"]!;
        var messages = Messages().ToList();
        await Parallel.ForEachAsync(messages, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (message, _) =>
        {
            using var request = world.Request("POST", message.Path, gateway, message.Body);
            request.Headers.TryAddWithoutValidation("Accept", "application/json, text/event-stream");
            foreach (var (name, value) in message.Headers)
                request.Headers.TryAddWithoutValidation(name, value);
            var text = Encoding.UTF8.GetString(message.Body);
            await verdict.SendAsync(world.Http, request, text[..Math.Min(text.Length, 300)] + " " + string.Join(' ', message.Headers));
        });
        Assert.True(verdict.Sent > 1_500, $"{verdict.Sent} messages");
        TestContext.Current.TestOutputHelper?.WriteLine($"{verdict.Sent} messages");
        verdict.Hold();
        await world.LivesAsync();
    }

    /// <summary>A page is many calls of the management API, and one request.</summary>
    [Fact]
    public async Task Pages_that_ask_much_leave_room_for_everybody()
    {
        var (cookie, _) = await SignedInAsync(KontextFixture.Owner);
        for (var visit = 0; visit < 40; visit++)
        {
            using var page = await world.Http.SendAsync(With(world.Request("GET", "/console"), "Cookie", cookie));
            Assert.Equal(HttpStatusCode.OK, page.StatusCode);
        }
    }

    private IEnumerable<(string Path, byte[] Body, (string, string)[] Headers)> Messages()
    {
        string[] methods =
        [
            "initialize", "ping", "tools/list", "tools/call", "resources/list", "resources/read", "resources/templates/list", "resources/subscribe", "prompts/list", "prompts/get", "completion/complete", "logging/setLevel", "server/discover", "subscriptions/listen", "tasks/get", "tasks/list",
            "tasks/cancel", "tasks/result", "notifications/initialized", "notifications/cancelled", "notifications/progress", "notifications/roots/list_changed", "x", "", "\\ud800", "tools/call\\u0000", "rpc.discover", "__proto__",
        ];
        string[] versions = ["2025-03-26", "2025-06-18", "2025-11-25", "DRAFT-2026-v1", "2026-07-28", ""];
        string[] tools = ["search_tools", "call_tool", "request_capability", "connect_integration", "x:y", ":", "x:", "\\ud800:y", "../x", "list_integrations"];
        foreach (var method in methods)
        {
            var version = dice.Pick(versions);
            (string, string)[] headers = version.Length == 0 ? [] : [("MCP-Protocol-Version", version)];
            yield return ("/mcp", Encoding.UTF8.GetBytes($$"""{"jsonrpc":"2.0","id":1,"method":"{{method}}"}"""), headers);
            foreach (var part in new[] { "name", "arguments", "cursor", "uri", "_meta", "level", "ref", "argument", "taskId", "requestId", "protocolVersion", "capabilities", "clientInfo", "progressToken", "inputResponses", "requestState", "task", "notifications" })
            {
                foreach (var value in dice.Some(Nastiness.Json, 3))
                    yield return ("/mcp", Encoding.UTF8.GetBytes($$$"""{"jsonrpc":"2.0","id":1,"method":"{{{method}}}","params":{"{{{part}}}":{{{value}}}}}"""), headers);
            }
            foreach (var value in dice.Some(Nastiness.Json, 8))
            {
                yield return ("/mcp", Encoding.UTF8.GetBytes($$"""{"jsonrpc":"2.0","id":1,"method":"{{method}}","params":{{value}}}"""), headers);
                yield return ("/mcp", Encoding.UTF8.GetBytes($$$"""{"jsonrpc":"2.0","id":{{{value}}},"method":"{{{method}}}","params":{}}"""), headers);
            }
        }
        foreach (var value in Nastiness.Json)
        {
            yield return ("/mcp", Encoding.UTF8.GetBytes(value), []);
            yield return ("/mcp", Encoding.UTF8.GetBytes($$"""{"jsonrpc":{{value}},"id":1,"method":"tools/list"}"""), []);
            yield return ("/mcp", Encoding.UTF8.GetBytes($$"""{"jsonrpc":"2.0","id":1,"method":{{value}}}"""), []);
            yield return ("/mcp", Encoding.UTF8.GetBytes($$"""{"jsonrpc":"2.0","id":1,"result":{{value}}}"""), []);
            yield return ("/mcp", Encoding.UTF8.GetBytes($$"""{"jsonrpc":"2.0","id":1,"error":{{value}}}"""), []);
            foreach (var tool in tools)
            {
                var name = dice.Pick(["query", "tool_name", "tool_arguments", "name", "capability_name", "reason", "integration", "limit"]);
                yield return ("/mcp", Encoding.UTF8.GetBytes($$$$"""{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"{{{{tool}}}}","arguments":{"{{{{name}}}}":{{{{value}}}}}}}"""), [("MCP-Protocol-Version", dice.Pick(versions[..^1]))]);
            }
        }
        foreach (var body in Nastiness.Bodies("""{"jsonrpc":"2.0","id":1,"method":"tools/list"}"""))
        {
            yield return ("/mcp", body, []);
            yield return ("/mcp/x", body, []);
        }
        foreach (var (name, value) in Nastiness.Headers.Where(header => header.Name != "Authorization"))
            yield return ("/mcp", """{"jsonrpc":"2.0","id":1,"method":"tools/list"}"""u8.ToArray(), [(name, value)]);
        foreach (var segment in Nastiness.Segments)
            yield return ("/mcp/" + segment, """{"jsonrpc":"2.0","id":1,"method":"tools/list"}"""u8.ToArray(), []);
    }

    private IEnumerable<Func<(HttpRequestMessage Request, string What)>> Requests(string method, string template, string csrf)
    {
        var usual = Fill(template, "00000000-0000-4000-8000-000000000000");
        var isWrite = method is "POST" or "PUT" or "PATCH" or "DELETE";
        yield return () => (world.Request(method, usual), "as it is");
        var segments = dice.Some(Nastiness.Segments, 8).ToList();
        foreach (var segment in segments)
        {
            var target = template.Contains('{', StringComparison.Ordinal) ? Fill(template, segment) : usual + "/" + segment;
            yield return () => (world.Request(method, target), segment);
        }
        foreach (var value in dice.Some(Nastiness.Text, 6))
        {
            var name = dice.Pick(Fields);
            yield return () => (world.Request(method, $"{usual}?{name}={Uri.EscapeDataString(value)}&{dice.Pick(Fields)}=%ff%00"), $"?{name}={value}");
        }
        yield return () => (world.Request(method, usual + "?session=a&session=b&state=c&state=d&id=&id="), "twice in the query");
        foreach (var (name, value) in dice.Some(Nastiness.Headers, 5))
            yield return () => (With(world.Request(method, usual), name, value), $"{name}: {value}");
        if (!isWrite)
            yield break;
        for (var form = 0; form < 10; form++)
        {
            var fields = new StringBuilder("csrf=").Append(Uri.EscapeDataString(csrf));
            for (var field = 0; field < 6; field++)
                fields.Append('&').Append(dice.Pick(Fields)).Append('=').Append(Uri.EscapeDataString(dice.Pick(Nastiness.Text)));
            var text = fields.ToString();
            yield return () => (world.Request(method, usual, body: Encoding.ASCII.GetBytes(text), contentType: "application/x-www-form-urlencoded"), text[..Math.Min(text.Length, 300)]);
        }
        var bodies = new (string What, byte[] Body, string? Type)[]
        {
            ("a form without UTF-8", "csrf=%ff%fe&name=%ed%a0%80&id=%00&=&&&=x"u8.ToArray(), "application/x-www-form-urlencoded"),
            ("a raw form", [.. "name="u8, 0xff, 0xfe, 0], "application/x-www-form-urlencoded"),
            ("a thousand fields", Encoding.ASCII.GetBytes(string.Join('&', Enumerable.Range(0, 1500).Select(index => $"f{index}=x"))), "application/x-www-form-urlencoded"),
            ("a long key", Encoding.ASCII.GetBytes(new string('k', 60_000) + "=x"), "application/x-www-form-urlencoded"),
            ("a megabyte", Encoding.ASCII.GetBytes("name=" + new string('a', 1_000_000)), "application/x-www-form-urlencoded"),
            ("multipart", "--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\nx\r\n--x--"u8.ToArray(), "multipart/form-data; boundary=x"),
            ("half a multipart", "--x\r\nContent"u8.ToArray(), "multipart/form-data; boundary=x"),
            ("JSON", "{\"csrf\":\"\\ud800\"}"u8.ToArray(), "application/json"),
            ("deep JSON", Encoding.ASCII.GetBytes(new string('[', 10_000)), "application/json"),
            ("null", "null"u8.ToArray(), "application/json"),
        };
        foreach (var (what, body, type) in dice.Some(bodies, 6))
            yield return () => (world.Request(method, usual, body: body, contentType: type), what);
        foreach (var type in dice.Some(Nastiness.ContentTypes, 5))
            yield return () => (world.Request(method, usual, body: "csrf=x&a=b"u8.ToArray(), contentType: type), $"Content-Type: {type}");
    }

    private static string Fill(string template, string segment) => string.Join('/', template.Split('/').Select(part => part.StartsWith('{') ? segment : part));

    /// <summary>The routes the program has, apart from those of the management API and the triggers, which other tests take.</summary>
    private static async Task<List<(string Method, string Template)>> RoutesAsync()
    {
        await using var app = new HandlerApp();
        return [.. app.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => !endpoint.RoutePattern.RawText!.StartsWith("/api/v1", StringComparison.Ordinal) && !endpoint.RoutePattern.RawText.StartsWith("/fn", StringComparison.Ordinal))
            .SelectMany(endpoint => (endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? ["GET", "POST"]).Select(method => (method, endpoint.RoutePattern.RawText!)))
            .Distinct().OrderBy(route => route.Item2, StringComparer.Ordinal)];
    }

    private async Task<string> RegisterAsync() => (await TestAgent.CallAsync(world.Server.Url, HttpMethod.Post, "/oauth2/register", null, new JsonObject
    {
        ["client_name"] = "Hostile", ["redirect_uris"] = new JsonArray(TestAgent.RedirectUri), ["token_endpoint_auth_method"] = "none", ["grant_types"] = new JsonArray("authorization_code", "refresh_token"),
    }))["client_id"]!;

    /// <summary>Signs in by hand; gives the browser's cookies and its CSRF token.</summary>
    private async Task<(string Cookie, string Csrf)> SignedInAsync(string user)
    {
        using var form = await world.Http.GetAsync(world.Address("/login?organization=dev"));
        var visitor = form.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
        var csrf = Field(await form.Content.ReadAsStringAsync());
        using var request = With(world.Request("POST", "/login", body: Encoding.UTF8.GetBytes($"csrf={csrf}&organization=dev&username={user}"), contentType: "application/x-www-form-urlencoded"), "Cookie", visitor);
        using var answer = await world.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.SeeOther, answer.StatusCode);
        var cookie = visitor + "; " + answer.Headers.GetValues("Set-Cookie").Single(value => value.StartsWith("kontext-session", StringComparison.Ordinal)).Split(';')[0];
        using var page = await world.Http.SendAsync(With(world.Request("GET", "/sessions"), "Cookie", cookie));
        return (cookie, Field(await page.Content.ReadAsStringAsync()));
    }

    private async Task<bool> StillAsync(string cookie)
    {
        using var page = await world.Http.SendAsync(With(world.Request("GET", "/sessions"), "Cookie", cookie));
        return page.StatusCode == HttpStatusCode.OK;
    }

    private static string Field(string page) => new AngleSharp.Html.Parser.HtmlParser().ParseDocument(page).QuerySelector("input[name=csrf]")?.GetAttribute("value") ?? throw new InvalidOperationException("The page has no form: " + page);

    private static HttpRequestMessage With(HttpRequestMessage request, string name, string value)
    {
        if (name == "Authorization")
            request.Headers.Authorization = null;
        request.Headers.TryAddWithoutValidation(name, value);
        return request;
    }
}

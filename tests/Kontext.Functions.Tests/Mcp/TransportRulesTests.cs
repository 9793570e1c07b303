using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Domain;

namespace Kontext.Functions.Tests.Mcp;

public sealed class TransportRulesTests
{
    [Theory]
    [InlineData("{", 400, -32700)]
    [InlineData("[]", 400, -32600)]
    [InlineData("""[{"jsonrpc":"2.0","id":1,"method":"ping"}]""", 400, -32600)]
    [InlineData("""{"id":1,"method":"ping"}""", 400, -32600)]
    [InlineData("""{"jsonrpc":"2.0","id":null,"method":"ping"}""", 400, -32600)]
    [InlineData("""{"jsonrpc":"2.0","id":{},"method":"ping"}""", 400, -32600)]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":7}""", 400, -32600)]
    [InlineData("""{"jsonrpc":"2.0","id":1}""", 400, -32600)]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}""", 400, -32600)]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}""", 400, -32700)]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"nobody__tool"}}""", 200, -32602)]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}""", 200, -32602)]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7}}""", 200, -32602)]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"!"}}""", 200, -32602)]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"no/such"}""", 200, -32601)]
    public async Task What_is_not_a_proper_request_is_named_as_what_it_is(string body, int status, int code)
    {
        await using var gateway = await GatewayApp.StartAsync(new GatewayPorts());

        using var response = await gateway.SendAsync(Post(body));

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(code, (int)JsonNode.Parse(await response.Content.ReadAsStringAsync())!["error"]!["code"]!);
    }

    [Theory]
    [InlineData("MCP-Protocol-Version", null, 400, -32020)]
    [InlineData("MCP-Protocol-Version", "2025-11-25", 400, -32020)]
    [InlineData("Mcp-Method", null, 400, -32020)]
    [InlineData("Mcp-Method", "tools/list", 400, -32020)]
    [InlineData("Mcp-Name", null, 400, -32020)]
    [InlineData("Mcp-Name", "github__other", 400, -32020)]
    [InlineData("Mcp-Name", "=?base64?!!?=", 400, -32020)]
    public async Task Headers_that_do_not_mirror_the_body_are_refused(string header, string? value, int status, int code)
    {
        await using var gateway = await GatewayApp.StartAsync(new GatewayPorts());

        using var response = await gateway.SendAsync(true, "tools/call", new JsonObject { ["name"] = "github__echo" }, change: message =>
        {
            message.Headers.Remove(header);
            if (value is not null)
                message.Headers.TryAddWithoutValidation(header, value);
        });

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(code, (int)(await GatewayApp.MessagesAsync(response))[0]["error"]!["code"]!);
    }

    [Fact]
    public async Task A_name_in_base64_is_decoded_before_it_is_compared()
    {
        await using var gateway = await GatewayApp.StartAsync(new GatewayPorts());

        using var response = await gateway.SendAsync(true, "tools/call", new JsonObject { ["name"] = "größe__tool" }, change: message =>
        {
            message.Headers.Remove("Mcp-Name");
            message.Headers.TryAddWithoutValidation("Mcp-Name", "=?base64?" + Convert.ToBase64String(Encoding.UTF8.GetBytes("größe__tool")) + "?=");
        });

        Assert.Equal(-32602, (int)(await GatewayApp.MessagesAsync(response))[0]["error"]!["code"]!);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task Missing_metadata_and_unknown_revisions_are_told_apart()
    {
        await using var gateway = await GatewayApp.StartAsync(new GatewayPorts());
        const string Meta = "\"io.modelcontextprotocol/protocolVersion\":\"{0}\"";
        string Body(string meta) => $$$"""{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{ {{{meta}}} } } }""";

        using var noCapabilities = await gateway.SendAsync(Post(Body(Meta.Replace("{0}", "2026-07-28", StringComparison.Ordinal)), ("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "server/discover")));
        using var noVersion = await gateway.SendAsync(Post(Body("\"io.modelcontextprotocol/clientCapabilities\":{}"), ("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "server/discover")));
        using var future = await gateway.SendAsync(Post(Body(Meta.Replace("{0}", "2030-01-01", StringComparison.Ordinal)), ("MCP-Protocol-Version", "2030-01-01"), ("Mcp-Method", "server/discover")));
        using var past = await gateway.SendAsync(Post("""{"jsonrpc":"2.0","id":1,"method":"ping"}""", ("MCP-Protocol-Version", "2019-01-01")));

        Assert.Equal([(400, -32602), (400, -32602), (400, -32022), (400, -32022)], [await OutcomeOf(noCapabilities), await OutcomeOf(noVersion), await OutcomeOf(future), await OutcomeOf(past)]);
        var data = JsonNode.Parse(await future.Content.ReadAsStringAsync())!["error"]!["data"]!;
        Assert.Equal("2030-01-01", (string?)data["requested"]);
        Assert.Contains("2026-07-28", data["supported"]!.AsArray().Select(version => (string?)version));
    }

    [Fact]
    public async Task An_unknown_method_is_404_with_a_body_for_modern_clients()
    {
        await using var gateway = await GatewayApp.StartAsync(new GatewayPorts());

        using var unknown = await gateway.SendAsync(true, "no/such");
        using var removed = await gateway.SendAsync(true, "ping");

        Assert.Equal((404, -32601), await OutcomeOf(unknown));
        Assert.Equal((404, -32601), await OutcomeOf(removed));
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("DELETE")]
    public async Task Only_posts_are_served(string method)
    {
        await using var gateway = await GatewayApp.StartAsync(new GatewayPorts());

        using var response = await gateway.SendAsync(new HttpRequestMessage(new HttpMethod(method), "/mcp"));
        using var single = await gateway.SendAsync(new HttpRequestMessage(new HttpMethod(method), "/mcp/github"));

        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
        Assert.Equal(["POST"], response.Content.Headers.Allow);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, single.StatusCode);
    }

    [Fact]
    public async Task Size_content_type_accept_and_origin_are_enforced()
    {
        await using var gateway = await GatewayApp.StartAsync(new GatewayPorts());
        const string Ping = """{"jsonrpc":"2.0","id":1,"method":"ping"}""";
        async Task<int> StatusOf(Action<HttpRequestMessage> change, string body = Ping)
        {
            var message = Post(body);
            change(message);
            using var response = await gateway.SendAsync(message);
            return (int)response.StatusCode;
        }
        void Accept(HttpRequestMessage message, string value)
        {
            message.Headers.Accept.Clear();
            message.Headers.TryAddWithoutValidation("Accept", value);
        }

        Assert.Equal(200, await StatusOf(_ => { }));
        Assert.Equal(200, await StatusOf(message => Accept(message, "*/*")));
        Assert.Equal(200, await StatusOf(message => message.Headers.TryAddWithoutValidation("Origin", "http://localhost:7071")));
        Assert.Equal(406, await StatusOf(message => Accept(message, "application/json")));
        Assert.Equal(406, await StatusOf(message => message.Headers.Accept.Clear()));
        Assert.Equal(415, await StatusOf(message => message.Content!.Headers.ContentType = new MediaTypeHeaderValue("text/plain")));
        Assert.Equal(403, await StatusOf(message => message.Headers.TryAddWithoutValidation("Origin", "https://evil.example")));
        Assert.Equal(403, await StatusOf(message => message.Headers.TryAddWithoutValidation("Origin", "http://localhost:1234")));
        Assert.Equal(413, await StatusOf(_ => { }, "{\"x\":\"" + new string('x', 4 * 1024 * 1024) + "\"}"));
    }

    [Fact]
    public async Task Our_own_pages_may_read_refusals_too_and_others_nothing()
    {
        await using var gateway = await GatewayApp.StartAsync(new GatewayPorts(), refused: new Failure(FailureCode.InvalidToken, "The token is not valid."));
        async Task<HttpResponseMessage> AskAsync(string method, string origin)
        {
            var message = new HttpRequestMessage(new HttpMethod(method), "/mcp");
            message.Headers.Add("Origin", origin);
            message.Headers.Add("Access-Control-Request-Headers", "authorization, mcp-param-region");
            return await gateway.SendAsync(message);
        }

        using var own = await AskAsync("OPTIONS", "http://localhost:7071");
        using var foreign = await AskAsync("OPTIONS", "https://evil.example");
        using var refused = await AskAsync("POST", "http://localhost:7071");

        Assert.Equal("authorization, mcp-param-region", own.Headers.GetValues("Access-Control-Allow-Headers").Single());
        Assert.Equal("http://localhost:7071", own.Headers.GetValues("Access-Control-Allow-Origin").Single());
        Assert.False(foreign.Headers.Contains("Access-Control-Allow-Origin"));
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.Contains("WWW-Authenticate", refused.Headers.GetValues("Access-Control-Expose-Headers").Single());
    }

    [Fact]
    public async Task Older_clients_are_greeted_in_the_revision_they_ask_for_and_need_no_session()
    {
        await using var gateway = await GatewayApp.StartAsync(new GatewayPorts());
        async Task<string?> VersionFor(string asked) =>
            (string?)(await gateway.AskAsync(false, "initialize", new JsonObject { ["protocolVersion"] = asked, ["capabilities"] = new JsonObject(), ["clientInfo"] = new JsonObject() }))["result"]!["protocolVersion"];

        Assert.Equal("2025-03-26", await VersionFor("2025-03-26"));
        Assert.Equal("2024-11-05", await VersionFor("2024-11-05"));
        Assert.Equal("2025-11-25", await VersionFor("1999-01-01"));
        Assert.Equal("2025-11-25", await VersionFor("2026-07-28"));
        using var notified = await gateway.SendAsync(Post("""{"jsonrpc":"2.0","method":"notifications/initialized"}"""));
        Assert.Equal(HttpStatusCode.Accepted, notified.StatusCode);
        Assert.Empty((await gateway.AskAsync(false, "ping"))["result"]!.AsObject());
    }

    [Fact]
    public async Task Unknown_and_foreign_integrations_look_the_same()
    {
        var ports = new GatewayPorts();
        await using var gateway = await GatewayApp.StartAsync(ports);
        using var unknown = await gateway.SendAsync(false, "tools/list", path: "/mcp/slack");
        var archived = GatewayApp.Connect(ports, "slack", new Uri("http://127.0.0.1:9/"));
        ports.Integrations[0] = archived with { Archived = true };
        using var hidden = await gateway.SendAsync(false, "tools/list", path: "/mcp/slack");

        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, hidden.StatusCode);
        Assert.Equal(await unknown.Content.ReadAsStringAsync(), await hidden.Content.ReadAsStringAsync());
    }

    private static HttpRequestMessage Post(string body, params (string Name, string Value)[] headers)
    {
        var message = new HttpRequestMessage(HttpMethod.Post, "/mcp") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        message.Headers.Accept.ParseAdd("application/json, text/event-stream");
        foreach (var (name, value) in headers)
            message.Headers.TryAddWithoutValidation(name, value);
        return message;
    }

    private static async Task<(int Status, int Code)> OutcomeOf(HttpResponseMessage response) =>
        ((int)response.StatusCode, (int)JsonNode.Parse(await response.Content.ReadAsStringAsync())!["error"]!["code"]!);
}

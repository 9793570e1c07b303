using System.Text;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Domain.Policies;
using Microsoft.AspNetCore.Http;

namespace Kontext.Functions.Tests.Mcp;

/// <summary>Rules about single resources and prompts hold wherever the agent may come to know of them.</summary>
public sealed class ListedItemsTests
{
    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task What_a_rule_denies_by_name_is_neither_listed_nor_given(bool client, bool server)
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: server);
        upstream.ResourcesJson = """[{"uri":"secret://1","name":"no"},{"uri":"demo://1","name":"yes","x-unknown":[1,2.50]},{"name":"nameless"}],"nextCursor":"c2" """;
        upstream.TemplatesJson = """[{"uriTemplate":"demo://{id}","name":"yes"},{"uriTemplate":"secret://{id}","name":"no"}]""";
        upstream.PromptsJson = """[{"name":"greet"},{"name":"leak"}]""";
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        DenySecrets(ports);
        await using var gateway = await GatewayApp.StartAsync(ports);
        Task<JsonNode> AskAsync(string method, JsonObject? parameters = null) => gateway.AskAsync(client, method, parameters, "/mcp/github");

        var resources = await AskAsync("resources/list");
        var templates = await AskAsync("resources/templates/list");
        var prompts = await AskAsync("prompts/list");
        var denied = (await AskAsync("prompts/get", new JsonObject { ["name"] = "leak" }))["error"]!;
        var got = await AskAsync("prompts/get", new JsonObject { ["name"] = "greet" });

        Assert.Equal("""[{"uri":"demo://1","name":"yes","x-unknown":[1,2.50]}]""", resources["result"]!["resources"]!.ToJsonString());
        Assert.Equal("c2", (string?)resources["result"]!["nextCursor"]);
        Assert.Equal("demo://{id}", (string?)Assert.Single(templates["result"]!["resourceTemplates"]!.AsArray())!["uriTemplate"]);
        Assert.Equal("greet", (string?)Assert.Single(prompts["result"]!["prompts"]!.AsArray())!["name"]);
        Assert.Equal("kontext_policy_denied", (string?)denied["data"]!["code"]);
        Assert.NotNull(got["result"]!["messages"]);
        Assert.Equal("greet", (string?)Assert.Single(upstream.SeenOf("prompts/get")).Body["params"]!["name"]);
    }

    [Fact]
    public async Task What_waits_for_an_approval_is_listed()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        upstream.PromptsJson = """[{"name":"greet"}]""";
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        AllowAll(ports);
        ports.Rules.Add(Rule("ask", PolicyEffect.Ask, "prompts/get"));
        await using var gateway = await GatewayApp.StartAsync(ports);

        Assert.Single((await gateway.AskAsync(modern: true, "prompts/list", path: "/mcp/github"))["result"]!["prompts"]!.AsArray());
    }

    [Fact]
    public async Task A_list_that_is_too_long_to_be_looked_through_is_refused()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        upstream.ResourcesJson = $$"""[{"uri":"secret://1","name":"{{new string('x', 5 * 1024 * 1024)}}"}]""";
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        var refused = await gateway.AskAsync(modern: true, "resources/list", path: "/mcp/github");

        Assert.Equal("github answered resources/list with more than 4 MiB.", (string?)refused["error"]!["message"]);
        Assert.Equal("error_remote", ports.Audit.Last(happened => happened.Type == "api.call").Status);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Only_what_is_denied_whichever_it_is_about_is_not_announced(bool client)
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        DenySecrets(ports);
        await using var gateway = await GatewayApp.StartAsync(ports);
        async Task<JsonObject> CapabilitiesAsync() =>
            (await (client ? gateway.AskAsync(true, "server/discover", path: "/mcp/github") : gateway.AskAsync(false, "initialize", new JsonObject { ["protocolVersion"] = "2025-11-25", ["capabilities"] = new JsonObject(), ["clientInfo"] = new JsonObject() }, "/mcp/github")))["result"]!["capabilities"]!.AsObject();

        var some = await CapabilitiesAsync();
        ports.Rules.Add(Rule("none", PolicyEffect.Deny, "prompts/get"));
        var none = await CapabilitiesAsync();
        ports.Organization = ports.Organization with { PolicyEnabled = false };
        var observed = await CapabilitiesAsync();

        Assert.Equal((true, true), (some.ContainsKey("resources"), some.ContainsKey("prompts")));
        Assert.Equal((true, false), (none.ContainsKey("resources"), none.ContainsKey("prompts")));
        Assert.True(observed.ContainsKey("prompts"));
    }

    [Theory]
    [InlineData(true, "resources/subscribe")]
    [InlineData(true, "resources/read")]
    [InlineData(false, "resources/subscribe")]
    [InlineData(false, "resources/read")]
    public async Task An_older_client_subscribes_to_no_resource_that_policy_denies(bool server, string denied)
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: server);
        upstream.Capabilities = """{"resources":{"subscribe":true}}""";
        upstream.Fault = (context, body) => (string?)body["method"] == "resources/subscribe" ? AnswerAsync(context, body, "{}") : Task.FromResult(false);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        AllowAll(ports);
        ports.Rules.Add(Rule("secrets", PolicyEffect.Deny, denied, new PolicyCondition("arguments.uri", ConditionOperator.StartsWith, ["secret://"])));
        await using var gateway = await GatewayApp.StartAsync(ports);
        var session = await GatewaySession.OpenAsync(gateway, "/mcp/github");

        var refused = await session.AskAsync("resources/subscribe", new JsonObject { ["uri"] = "secret://1" });
        var subscribed = await session.AskAsync("resources/subscribe", new JsonObject { ["uri"] = "demo://1" });

        Assert.Equal("kontext_policy_denied", (string?)refused["error"]!["data"]!["code"]);
        Assert.Empty(subscribed["result"]!.AsObject());
        Assert.DoesNotContain(upstream.SeenOf("resources/subscribe"), seen => (string?)seen.Body["params"]!["uri"] == "secret://1");
        Assert.Contains(ports.Audit, happened => happened is { ErrorType: "kontext_policy_denied", Target: "secret://1" } && happened.Capability == $"github:{denied}");
    }

    [Fact]
    public async Task A_subscription_covers_what_policy_lets_the_client_hear_of_and_as_long_as_it_does()
    {
        var more = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        upstream.Capabilities = """{"resources":{"subscribe":true,"listChanged":true}}""";
        upstream.Fault = async (context, body) =>
        {
            if ((string?)body["method"] != "subscriptions/listen")
                return false;
            context.Response.ContentType = "text/event-stream";
            await SayAsync(context, """{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"demo://1"}}""");
            await more.Task.WaitAsync(context.RequestAborted);
            await SayAsync(context, """{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"demo://1"}}""");
            await SayAsync(context, """{"jsonrpc":"2.0","method":"notifications/resources/list_changed"}""");
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            return true;
        };
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        DenySecrets(ports);
        await using var gateway = await GatewayApp.StartAsync(ports);

        using var response = await gateway.SendAsync(true, "subscriptions/listen", new JsonObject { ["notifications"] = new JsonObject { ["resourcesListChanged"] = true, ["resourceSubscriptions"] = new JsonArray("demo://1", "secret://1") } }, "/mcp/github");
        var heard = new List<JsonNode>();
        await foreach (var message in GatewaySession.EventsAsync(response))
        {
            heard.Add(message);
            if (heard.Count == 2)
            {
                ports.Rules.Add(Rule("now", PolicyEffect.Deny, "resources/read"));
                more.SetResult();
            }
            if (heard.Count == 3)
                break;
        }

        Assert.Equal("""["demo://1"]""", heard[0]["params"]!["notifications"]!["resourceSubscriptions"]!.ToJsonString());
        Assert.Equal("""["demo://1"]""", Assert.Single(upstream.SeenOf("subscriptions/listen")).Body["params"]!["notifications"]!["resourceSubscriptions"]!.ToJsonString());
        Assert.Equal(["notifications/resources/updated", "notifications/resources/list_changed"], heard.Skip(1).Select(message => (string?)message["method"]));
    }

    [Fact]
    public async Task An_answer_is_not_taken_to_a_call_that_policy_denies_by_now()
    {
        var answered = 0;
        await using var upstream = await McpServerDouble.StartAsync(modern: false);
        upstream.Fault = async (context, body) =>
        {
            if (body["result"] is not null)
                Interlocked.Increment(ref answered);
            if ((string?)body["method"] != "tools/call")
                return false;
            context.Response.ContentType = "text/event-stream";
            await SayAsync(context, """{"jsonrpc":"2.0","id":"q1","method":"elicitation/create","params":{"message":"Sure?","requestedSchema":{"type":"object","properties":{}}}}""");
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            return true;
        };
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        AllowAll(ports);
        await using var gateway = await GatewayApp.StartAsync(ports);
        JsonObject Asked() => new() { ["elicitation"] = new JsonObject() };
        var asked = await gateway.CallAsync(modern: true, "github__echo", capabilities: Asked());
        ports.Rules.Add(Rule("now", PolicyEffect.Deny, "echo"));

        var refused = await gateway.AskAsync(modern: true, "tools/call", new JsonObject
        {
            ["name"] = "github__echo", ["requestState"] = (string?)asked["result"]!["requestState"], ["inputResponses"] = new JsonObject { ["question"] = new JsonObject { ["action"] = "accept", ["content"] = new JsonObject() } },
        }, capabilities: Asked());

        Assert.Equal("input_required", (string?)asked["result"]!["resultType"]);
        Assert.Equal("kontext_policy_denied", (string?)refused["result"]!["_meta"]!["kontext/error"]!["code"]);
        Assert.Equal(0, answered);
        Assert.Contains(ports.Audit, happened => happened is { ErrorType: "kontext_policy_denied", Capability: "github:echo" });
    }

    private static void DenySecrets(GatewayPorts ports)
    {
        AllowAll(ports);
        ports.Rules.Add(Rule("secrets", PolicyEffect.Deny, "resources/read", new PolicyCondition("arguments.uri", ConditionOperator.StartsWith, ["secret://"])));
        ports.Rules.Add(Rule("leak", PolicyEffect.Deny, "prompts/get", new PolicyCondition("arguments.name", ConditionOperator.Equals, ["leak"])));
    }

    private static void AllowAll(GatewayPorts ports)
    {
        ports.Organization = ports.Organization with { PolicyEnabled = true };
        ports.Rules.Add(Rule("all", PolicyEffect.Allow, null));
    }

    private static PolicyRule Rule(string name, PolicyEffect effect, string? operation, params ReadOnlySpan<PolicyCondition> conditions) => new()
    {
        Id = Ids.Named<RuleId>(name), Layer = PolicyLayer.Organization, Effect = effect, Subject = new(PolicySubjectKind.Everyone), Operation = operation, Conditions = [.. conditions], CreatedAt = DateTimeOffset.UnixEpoch,
    };

    private static async Task<bool> AnswerAsync(HttpContext context, JsonNode body, string result)
    {
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync($$$"""{"jsonrpc":"2.0","id":{{{body["id"]!.ToJsonString()}}},"result":{{{result}}} }""");
        return true;
    }

    private static async Task SayAsync(HttpContext context, string message)
    {
        await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes($"data: {message}\n\n"));
        await context.Response.Body.FlushAsync();
    }
}

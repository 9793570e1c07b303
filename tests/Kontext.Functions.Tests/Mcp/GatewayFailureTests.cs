using System.Net;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Domain.Policies;
using Kontext.Functions.Upstream;
using Microsoft.AspNetCore.Http;

namespace Kontext.Functions.Tests.Mcp;

public sealed class GatewayFailureTests
{
    private static readonly UpstreamLimits Short = new(TimeSpan.FromMilliseconds(300), TimeSpan.FromMilliseconds(300), 64 * 1024 * 4);

    [Fact]
    public async Task A_denied_call_is_a_tool_error_that_names_layer_and_reason_and_never_reaches_the_server()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        var ports = new GatewayPorts();
        DenyEverything(ports);
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        var answer = await gateway.CallAsync(modern: true, "github__delete_item");
        var read = await gateway.AskAsync(modern: false, "resources/read", new JsonObject { ["uri"] = "demo://1" }, path: "/mcp/github");

        Assert.True((bool)answer["result"]!["isError"]!);
        Assert.Contains("kontext_policy_denied", (string?)answer["result"]!["content"]![0]!["text"]);
        var reason = $"the organization's rule {Ids.Named<RuleId>("deny")} denies it";
        Assert.EndsWith($"is denied: {reason} (layer: org)", (string?)answer["result"]!["content"]![0]!["text"]);
        var denial = answer["result"]!["_meta"]!["kontext/error"]!;
        Assert.Equal(("kontext_policy_denied", "org", reason), ((string?)denial["code"], (string?)denial["layer"], (string?)denial["reason"]));
        Assert.Equal("org", (string?)read["error"]!["data"]!["layer"]);
        Assert.Equal("kontext_policy_denied", (string?)read["error"]!["data"]!["code"]);
        Assert.Empty(upstream.Seen);
        Assert.All(ports.Audit, happened => Assert.Equal("error_auth", happened.Status));
    }

    [Fact]
    public async Task Denied_tools_are_not_listed()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);
        Assert.Equal(2, (await gateway.AskAsync(modern: true, "tools/list"))["result"]!["tools"]!.AsArray().Count);

        DenyEverything(ports);

        Assert.Empty((await gateway.AskAsync(modern: true, "tools/list"))["result"]!["tools"]!.AsArray());
    }

    [Fact]
    public async Task An_older_client_without_a_connection_gets_the_elicitation_error_with_a_link()
    {
        var ports = new GatewayPorts();
        var integration = GatewayApp.Connect(ports, "github", new Uri("http://127.0.0.1:9/mcp"), token: null);
        await using var gateway = await GatewayApp.StartAsync(ports);

        var answer = await gateway.CallAsync(modern: false, "github__echo");
        var listed = await gateway.AskAsync(modern: false, "tools/list", path: "/mcp/github");

        Assert.Equal(-32042, (int)answer["error"]!["code"]!);
        Assert.Contains("URL elicitation required", (string?)answer["error"]!["message"]);
        var elicitation = answer["error"]!["data"]!["elicitations"]![0]!;
        Assert.Equal("url", (string?)elicitation["mode"]);
        Assert.Contains(integration.Id.ToString(), (string?)elicitation["url"]);
        Assert.NotNull(elicitation["elicitationId"]);
        Assert.NotNull(elicitation["message"]);
        // Not every client shows its person what is in the data.
        Assert.Contains((string)elicitation["url"]!, (string?)answer["error"]!["message"]);
        Assert.Equal(-32042, (int)listed["error"]!["code"]!);
    }

    [Theory]
    [InlineData("{}", false)]
    [InlineData("""{"elicitation":{"form":{}}}""", false)]
    [InlineData("""{"elicitation":{"url":{}}}""", true)]
    public async Task An_older_client_that_does_not_open_links_gets_the_link_as_the_tools_error(string capabilities, bool opens)
    {
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", new Uri("http://127.0.0.1:9/mcp"), token: null);
        await using var gateway = await GatewayApp.StartAsync(ports);
        var session = await GatewaySession.OpenAsync(gateway, capabilities: JsonNode.Parse(capabilities)!.AsObject());

        var answer = await session.AskAsync("tools/call", new JsonObject { ["name"] = "github__echo" });
        var text = opens ? (string?)answer["error"]!["message"] : (string?)answer["result"]!["content"]![0]!["text"];

        Assert.Equal(opens ? -32042 : null, (int?)answer["error"]?["code"]);
        Assert.Equal(opens ? null : true, (bool?)answer["result"]?["isError"]);
        Assert.StartsWith("URL elicitation required: ", text);
        Assert.Contains("http://localhost:7071/oauth/connect?session=", text);
    }

    [Fact]
    public async Task A_modern_client_that_opens_links_is_asked_for_input()
    {
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", new Uri("http://127.0.0.1:9/mcp"), token: null);
        await using var gateway = await GatewayApp.StartAsync(ports);
        JsonObject Capable() => new() { ["elicitation"] = new JsonObject { ["url"] = new JsonObject() } };

        var answer = await gateway.CallAsync(modern: true, "github__echo", capabilities: Capable());
        var question = answer["result"]!["inputRequests"]!["kontext-connect"]!;
        var retried = await gateway.AskAsync(modern: true, "tools/call", new JsonObject
        {
            ["name"] = "github__echo", ["requestState"] = answer["result"]!["requestState"]!.DeepClone(), ["inputResponses"] = new JsonObject { ["kontext-connect"] = new JsonObject { ["action"] = "accept" } },
        }, capabilities: Capable());

        Assert.Equal("input_required", (string?)answer["result"]!["resultType"]);
        Assert.Equal("elicitation/create", (string?)question["method"]);
        Assert.Equal("url", (string?)question["params"]!["mode"]);
        Assert.True((bool)retried["result"]!["isError"]!);
    }

    [Fact]
    public async Task After_connecting_the_retry_reaches_the_server_without_our_own_state()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        var answer = await gateway.AskAsync(modern: true, "tools/call", new JsonObject
        {
            ["name"] = "github__echo", ["arguments"] = new JsonObject { ["text"] = "now" }, ["requestState"] = "kontext-connect", ["inputResponses"] = new JsonObject(),
        });

        Assert.Equal("now", (string?)answer["result"]!["content"]![0]!["text"]);
        Assert.Null(Assert.Single(upstream.SeenOf("tools/call")).Body["params"]!["requestState"]);
    }

    [Fact]
    public async Task A_modern_client_that_cannot_open_links_gets_the_link_as_text()
    {
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", new Uri("http://127.0.0.1:9/mcp"), token: null);
        await using var gateway = await GatewayApp.StartAsync(ports);

        var answer = await gateway.CallAsync(modern: true, "github__echo");

        Assert.True((bool)answer["result"]!["isError"]!);
        Assert.Contains("http://localhost:7071/oauth/connect?session=", (string?)answer["result"]!["content"]![0]!["text"]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_refused_credential_is_renewed_once_and_the_call_repeated(bool server)
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: server);
        upstream.Tokens.Clear();
        upstream.Tokens.Add("upstream-secret-2");
        var ports = new GatewayPorts();
        var integration = GatewayApp.Connect(ports, "github", upstream.Url);
        // Another instance refreshes while the first attempt is on its way.
        ports.Upcoming[integration.Id] = new([GatewayApp.ConnectionOf(integration, "upstream-secret-2")]);
        await using var gateway = await GatewayApp.StartAsync(ports);

        var answer = await gateway.CallAsync(modern: true, "github__echo", new JsonObject { ["text"] = "renewed" });

        Assert.Equal("renewed", (string?)answer["result"]!["content"]![0]!["text"]);
        Assert.Equal(2, ports.Audit.Count(happened => happened.Type == "credential.injected"));
    }

    [Theory]
    [InlineData("hang")]
    [InlineData("malformed")]
    [InlineData("html")]
    [InlineData("spoofed")]
    [InlineData("oversize")]
    [InlineData("half")]
    [InlineData("empty")]
    [InlineData("drop")]
    [InlineData("status")]
    public async Task A_server_that_misbehaves_costs_the_client_one_error_in_words(string how)
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports, Short);
        upstream.Fault = (context, body) => (string?)body["method"] == "tools/call" ? MisbehaveAsync(context, how) : Task.FromResult(false);

        var answer = await gateway.CallAsync(modern: true, "github__echo");

        Assert.Equal(-32603, (int)answer["error"]!["code"]!);
        Assert.StartsWith("github ", (string?)answer["error"]!["message"]);
        Assert.Equal("req-1", (string?)answer["id"]);
        Assert.Equal("error_remote", ports.Audit.Last().Status);
    }

    [Fact]
    public async Task A_server_that_repeats_its_credential_does_not_give_it_away()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        upstream.Events = true;
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);
        var padding = new string('x', 70_000);
        var small = await gateway.SendAsync(true, "tools/call", new JsonObject { ["name"] = "github__echo", ["arguments"] = new JsonObject { ["text"] = "upstream-secret-1" } });
        var large = await gateway.SendAsync(true, "tools/call", new JsonObject { ["name"] = "github__echo", ["arguments"] = new JsonObject { ["text"] = padding + string.Concat(Enumerable.Repeat("upstream-secret-1.", 20_000)) } });
        upstream.Fault = async (context, _) =>
        {
            context.Response.StatusCode = 400;
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync("""{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"bad token upstream-secret-1","data":{"token":"upstream-secret-1"}}}""");
            return true;
        };
        var error = await gateway.SendAsync(true, "tools/call", new JsonObject { ["name"] = "github__echo" });

        foreach (var response in new[] { small, large, error })
        {
            var text = await response.Content.ReadAsStringAsync();
            Assert.Contains("***", text);
            Assert.DoesNotContain("upstream-secret-1", text);
        }
        Assert.DoesNotContain(ports.Audit, happened => happened.ToString().Contains("upstream-secret-1", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("http://127.0.0.1:9/mcp", "upstream\nsecret")]
    [InlineData("http://127.0.0.1:9/mcp", "sécret-secret")]
    [InlineData("ftp://127.0.0.1/mcp", "upstream-secret-1")]
    [InlineData("nowhere", "upstream-secret-1")]
    public async Task What_cannot_be_sent_at_all_is_said_without_quoting_it(string url, string token)
    {
        var ports = new GatewayPorts();
        var integration = GatewayApp.Connect(ports, "github", new Uri("http://127.0.0.1:9/mcp"), token);
        ports.Integrations[0] = integration with { Url = url };
        await using var gateway = await GatewayApp.StartAsync(ports);

        var answer = await gateway.CallAsync(modern: true, "github__echo");

        Assert.Equal("kontext_misconfigured", (string?)answer["error"]!["data"]!["code"]);
        Assert.DoesNotContain("secret", answer.ToJsonString(), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task An_older_client_that_a_newer_server_wants_to_ask_gets_the_question_to_read()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);
        await gateway.CallAsync(modern: false, "github__echo");
        upstream.Fault = async (context, body) =>
        {
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync($$$"""{"jsonrpc":"2.0","id":{{{body["id"]!.ToJsonString()}}},"result":{"resultType":"input_required","inputRequests":{"q":{"method":"elicitation/create","params":{"mode":"url","message":"Link it","url":"https://example.com/link"} } } } }""");
            return true;
        };

        var older = await gateway.CallAsync(modern: false, "github__echo");
        var modern = await gateway.CallAsync(modern: true, "github__echo");

        Assert.True((bool)older["result"]!["isError"]!);
        Assert.Contains("https://example.com/link", (string?)older["result"]!["content"]![0]!["text"]);
        Assert.Equal("input_required", (string?)modern["result"]!["resultType"]);
        Assert.Equal("Link it", (string?)modern["result"]!["inputRequests"]!["q"]!["params"]!["message"]);
    }

    [Theory]
    [InlineData("\"only text\"")]
    [InlineData("{\"code\":\"text\"}")]
    [InlineData("{}")]
    public async Task An_error_without_form_is_an_internal_error(string error)
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);
        await gateway.CallAsync(modern: true, "github__echo");
        upstream.Fault = async (context, body) =>
        {
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync($$$"""{"jsonrpc":"2.0","id":{{{body["id"]!.ToJsonString()}}},"error":{{{error}}} }""");
            return true;
        };

        Assert.Equal(-32603, (int)(await gateway.CallAsync(modern: true, "github__echo"))["error"]!["code"]!);
    }

    [Theory]
    [InlineData("credential.injected")]
    [InlineData("api.call")]
    public async Task An_answer_that_cannot_be_recorded_is_withheld(string type)
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        var ports = new GatewayPorts { Appending = happened => happened.Type == type ? Task.FromException(new IOException("no storage")) : Task.CompletedTask };
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        using var response = await gateway.SendAsync(true, "tools/call", new JsonObject { ["name"] = "github__echo", ["arguments"] = new JsonObject { ["text"] = "result-text" } });
        var text = await response.Content.ReadAsStringAsync();

        Assert.DoesNotContain("result-text", text);
        Assert.Equal(-32603, (int)JsonNode.Parse(text)!["error"]!["code"]!);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_client_that_goes_away_ends_the_call_at_the_server(bool server)
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: server);
        var reached = new TaskCompletionSource();
        var ended = new TaskCompletionSource();
        upstream.Fault = async (context, body) =>
        {
            if ((string?)body["method"] == "notifications/cancelled")
                ended.TrySetResult();
            if ((string?)body["method"] != "tools/call")
                return false;
            context.RequestAborted.Register(() => ended.TrySetResult());
            reached.SetResult();
            await ended.Task;
            return true;
        };
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        var recorded = new TaskCompletionSource();
        ports.Appending = happened =>
        {
            if (happened is { Type: "api.call", ErrorType: "client_cancelled" })
                recorded.SetResult();
            return Task.CompletedTask;
        };
        await using var gateway = await GatewayApp.StartAsync(ports);
        using var client = new CancellationTokenSource();

        var call = gateway.CallUntilAsync(client.Token);
        await reached.Task;
        await client.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await ended.Task;
        await recorded.Task;
    }

    [Fact]
    public async Task A_refused_token_is_challenged_and_called_invalid_only_if_there_was_one()
    {
        await using var gateway = await GatewayApp.StartAsync(new GatewayPorts(), refused: new Failure(FailureCode.InvalidToken, "The token is not valid."));
        await using var scoped = await GatewayApp.StartAsync(new GatewayPorts(), refused: new Failure(FailureCode.InsufficientScope, "mcp:invoke is missing."));

        using var sent = await gateway.SendAsync(true, "server/discover", path: "/mcp/github");
        using var none = await gateway.SendAsync(true, "server/discover", anonymous: true);
        using var denied = await scoped.SendAsync(true, "server/discover");

        Assert.Equal(HttpStatusCode.Unauthorized, sent.StatusCode);
        Assert.Equal("Bearer resource_metadata=\"http://localhost:7071/.well-known/oauth-protected-resource/mcp/github\", scope=\"mcp:invoke\", error=\"invalid_token\"", sent.Headers.WwwAuthenticate.First().ToString());
        Assert.Equal("Bearer resource_metadata=\"http://localhost:7071/.well-known/oauth-protected-resource/mcp\", scope=\"mcp:invoke\"", none.Headers.WwwAuthenticate.First().ToString());
        Assert.Equal(HttpStatusCode.Forbidden, denied.StatusCode);
        Assert.Contains("error=\"insufficient_scope\"", denied.Headers.WwwAuthenticate.ToString());
    }

    private static void DenyEverything(GatewayPorts ports)
    {
        ports.Organization = ports.Organization with { PolicyEnabled = true };
        ports.Rules.Add(new PolicyRule
        {
            Id = Ids.Named<RuleId>("deny"), Layer = PolicyLayer.Organization, Effect = PolicyEffect.Deny, Subject = new(PolicySubjectKind.Everyone), CreatedAt = DateTimeOffset.UnixEpoch,
        });
    }

    private static async Task<bool> MisbehaveAsync(HttpContext context, string how)
    {
        context.Response.ContentType = how == "html" ? "text/html" : how is "half" or "empty" ? "text/event-stream" : "application/json";
        switch (how)
        {
            case "hang":
                await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
                break;
            case "malformed":
                await context.Response.WriteAsync("""{"jsonrpc":"2.0","id":""");
                break;
            case "html":
                await context.Response.WriteAsync("<h1>login</h1>");
                break;
            case "spoofed":
                await context.Response.WriteAsync("""{"jsonrpc":"2.0","id":"not-yours","result":{"content":[]}}""");
                break;
            case "oversize":
                await context.Response.WriteAsync("""{"jsonrpc":"2.0","padding":" """ + new string('x', 1024 * 1024));
                break;
            case "half":
                await context.Response.WriteAsync("""data: {"jsonrpc":"2.0","id":1,"result":{"content":[""");
                break;
            case "empty":
                await context.Response.WriteAsync(": nothing\n\n");
                break;
            case "drop":
                context.Abort();
                break;
            default:
                context.Response.StatusCode = 503;
                break;
        }
        return true;
    }
}

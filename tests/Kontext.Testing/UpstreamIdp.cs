using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;

namespace Kontext.Testing;

/// <summary>The provider simulator (tests/upstream-idp) as a process of its own: an OAuth provider with switches for everything that goes wrong.</summary>
public sealed class UpstreamIdp : IAsyncDisposable
{
    private readonly Process process;
    private readonly HttpClient http;

    private UpstreamIdp(Process process, Uri issuer)
    {
        this.process = process;
        Issuer = issuer.AbsoluteUri.TrimEnd('/');
        http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = issuer };
    }

    /// <summary>Its issuer; endpoints are /authorize, /token, /revoke, /userinfo, /api/me.</summary>
    public string Issuer { get; }

    /// <summary>Starts it on a free port. Settings are its environment variables: QUIRK, ACCESS_TTL, ROTATE, REUSE_GRACE_MS and so on.</summary>
    public static async Task<UpstreamIdp> StartAsync(params (string Name, string Value)[] settings)
    {
        var start = new ProcessStartInfo("node", [Path.Combine(Folder(), "server.mjs")]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PORT"] = "0";
        start.Environment["AUTO_APPROVE"] = "1";
        foreach (var (name, value) in settings)
            start.Environment[name] = value;
        var process = Process.Start(start) ?? throw new InvalidOperationException("node did not start.");
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        var line = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The provider simulator ended at once.");
        // Nobody reads on, but a full pipe would stop it.
        _ = process.StandardOutput.ReadToEndAsync();
        var issuer = line.Split("issuer ")[1].Split(' ')[0];
        return new UpstreamIdp(process, new Uri(issuer));
    }

    /// <summary>Makes the next matching requests go wrong: <c>on</c>, <c>mode</c> and what else the mode takes.</summary>
    public Task FaultAsync(string on, string mode, int times = 1, string? grant = null, params (string Name, JsonNode Value)[] more)
    {
        var fault = new JsonObject { ["on"] = on, ["mode"] = mode, ["times"] = times };
        if (grant is not null)
            fault["grant"] = grant;
        foreach (var (name, value) in more)
            fault[name] = value;
        return ControlAsync(HttpMethod.Post, "/_faults", new JsonArray(fault));
    }

    /// <summary>Lets everything work again, also requests that hang.</summary>
    public Task ClearFaultsAsync() => ControlAsync(HttpMethod.Delete, "/_faults");

    /// <summary>Requests that hang lose their connection; the other faults stay.</summary>
    public Task LetGoAsync() => ControlAsync(HttpMethod.Post, "/_let_go", new JsonObject());

    /// <summary>When refresh tokens of a user were presented, in order.</summary>
    public async Task<IReadOnlyList<DateTimeOffset>> AskedAsync(string user) =>
        [.. (await StateAsync())["events"]!.AsArray().Where(happened => (string?)happened!["type"] == "refresh.presented" && (string?)happened["user"] == user)
            .Select(happened => DateTimeOffset.FromUnixTimeMilliseconds((long)happened!["t"]!))];

    /// <summary>Changes settings while it runs.</summary>
    public Task ConfigureAsync(JsonObject settings) => ControlAsync(HttpMethod.Post, "/_config", settings);

    /// <summary>Withdraws all grants of a user, as in the provider's own account pages.</summary>
    public Task RevokeUserAsync(string user) => ControlAsync(HttpMethod.Post, "/_revoke_user", new JsonObject { ["user"] = user });

    /// <summary>Signs with a new key from now on, and no longer publishes the old ones.</summary>
    public Task RotateKeysAsync() => ControlAsync(HttpMethod.Post, "/_rotate_keys", new JsonObject { ["dropOld"] = true });

    /// <summary>Everything it knows: <c>counters</c>, <c>grants</c>, <c>events</c>, <c>live</c>.</summary>
    public async Task<JsonObject> StateAsync() => (await ControlAsync(HttpMethod.Get, "/_state"))!.AsObject();

    /// <summary>What it counted of refreshes: <c>ok</c>, <c>error</c>, <c>reuseDetected</c>, <c>maxConcurrent</c>.</summary>
    public async Task<int> RefreshesAsync(string counter = "ok") =>
        (await StateAsync())["counters"]!["token"]!["refresh_token"]![counter]!.GetValue<int>();

    /// <summary>The newest grant of a user: <c>presented</c> (how often each generation of its refresh token was), <c>gen</c>, <c>refreshes</c>, <c>reused</c>, <c>revoked</c>.</summary>
    public async Task<JsonObject> GrantAsync(string user) =>
        (await StateAsync())["grants"]!.AsArray().Last(grant => (string?)grant!["user"] == user)!.AsObject();

    /// <summary>Whether it accepts an access token.</summary>
    public async Task<bool> AcceptsAsync(string accessToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/me");
        request.Headers.Authorization = new System.Net.Http.Headers.AuthenticationHeaderValue("Bearer", accessToken);
        using var response = await http.SendAsync(request);
        return response.IsSuccessStatusCode;
    }

    /// <summary>Opens an authorization URL as a browser of a person who approves at once, and gives the address they are sent back to.</summary>
    public async Task<Uri> AuthorizeAsync(Uri authorizationUrl)
    {
        using var response = await http.GetAsync(authorizationUrl);
        return response.Headers.Location ?? throw new InvalidOperationException($"No redirect: {response.StatusCode} {await response.Content.ReadAsStringAsync()}");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private async Task<JsonNode?> ControlAsync(HttpMethod method, string path, JsonNode? body = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
            request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        using var response = await http.SendAsync(request);
        response.EnsureSuccessStatusCode();
        return JsonNode.Parse(await response.Content.ReadAsStringAsync());
    }

    private static string Folder()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (Directory.Exists(Path.Combine(folder.FullName, "tests", "upstream-idp")))
                return Path.Combine(folder.FullName, "tests", "upstream-idp");
        }
        throw new DirectoryNotFoundException("tests/upstream-idp");
    }
}

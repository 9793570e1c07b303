using System.Net;
using System.Text.Json.Nodes;
using AngleSharp.Html.Dom;
using Kontext.Functions.Tests.Admin;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Hostile;

/// <summary>Names, descriptions and errors full of markup on every page there is: text stays text, every page refuses to be framed, and no form does anything for another site.</summary>
public sealed class MarkupTests(HostileWorld world) : IClassFixture<HostileWorld>, IAsyncLifetime
{
    /// <summary>Fits every name, and becomes an element wherever it is not encoded.</summary>
    private readonly string text = $"'\"><kx-mark onload=kx() x=`&lt;{{{{7*7}}}}{Interlocked.Increment(ref made)}";

    private const string Long = "'\"><kx-mark onload=kx()></kx-mark><script>kx()</script><img src=x onerror=kx()><a href='javascript:kx()'>kx</a></textarea></title></style><svg/onload=kx()>&#60;kx-mark&#62;";

    private static int made;
    private readonly Dictionary<string, string> ids = [];
    private Visitor olivia = null!;
    private string token = "";

    public async ValueTask InitializeAsync()
    {
        olivia = await Visitor.SignInAsync(world.Server.Url, KontextFixture.Owner);
        token = await world.Agent.ManagementTokenAsync(KontextFixture.Owner);
        ids["application"] = (string)(await world.MakeAsync("/applications", token, new JsonObject { ["name"] = text, ["description"] = Long, ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) } }))["application"]!["id"]!;
        ids["integration"] = (string)(await world.MakeAsync("/integrations", token, new JsonObject
        {
            ["name"] = text, ["url"] = "https://mcp.example.invalid/mcp?q=%22%3E%3Ckx-mark%3E", ["authMode"] = "user_token", ["tokenLabel"] = text, ["tokenPlaceholder"] = text, ["credentialSchema"] = new JsonObject { ["api_key"] = "string" },
        }))["integration"]!["id"]!;
        await world.Agent.ApiAsync(HttpMethod.Post, $"/applications/{ids["application"]}/integrations/{ids["integration"]}", token);
        await world.MakeAsync("/service-accounts", token, new JsonObject { ["name"] = text, ["description"] = Long });
        ids["webhook"] = (string)(await world.MakeAsync("/webhooks", token, new JsonObject { ["url"] = "https://hooks.example.invalid/'\"><kx-mark onload=kx()>", ["description"] = Long }))["webhook"]!["id"]!;
        ids["rule"] = (string)(await world.MakeAsync("/policy/rules", token, new JsonObject { ["action"] = "deny", ["scope"] = "tool", ["level"] = "org", ["integrationId"] = ids["integration"], ["toolName"] = "<kx-mark>", ["description"] = Long }))["rule"]!["id"]!;
        await world.Agent.ApiAsync(HttpMethod.Patch, "/organization", token, new JsonObject { ["name"] = text });
        await world.Agent.ApiAsync(HttpMethod.Patch, $"/integrations/{ids["integration"]}", token, new JsonObject { ["tokenHelpUrl"] = "javascript:kx()" });
        using var browser = new FormBrowser();
        await world.Agent.AuthorizeAsync(browser, "app_" + ids["application"], text, world.Agent.Gateway);
        using var owner = new FormBrowser();
        var agent = (await world.Agent.AuthorizeAsync(owner, "app_" + ids["application"], KontextFixture.Owner, world.Agent.Gateway))["access_token"]!;
        await world.Agent.McpAsync(agent, "tools/call", new JsonObject { ["name"] = "request_capability", ["arguments"] = new JsonObject { ["capability_name"] = text, ["reason"] = Long } });
        await world.Agent.McpAsync(agent, "tools/call", new JsonObject { ["name"] = $"{text}:<kx-mark>", ["arguments"] = new JsonObject { ["a"] = Long } });
        await world.Agent.ExchangeAsync("app_" + ids["application"], agent, text);
    }

    public ValueTask DisposeAsync()
    {
        olivia.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Text_stays_text_on_every_page_and_no_page_can_be_framed()
    {
        using var nobody = Visitor.Nobody(world.Server.Url);
        using var sam = await Visitor.SignInAsync(world.Server.Url, text);
        var (shown, wrong, mentioned) = (0, new List<string>(), 0);
        foreach (var (visitor, who) in new[] { (olivia, "owner"), (sam, "member"), (nobody, "nobody") })
        {
            foreach (var (path, page) in await WalkAsync(visitor))
            {
                shown++;
                mentioned += page.Text.Contains("kx-mark", StringComparison.Ordinal) ? 1 : 0;
                wrong.AddRange(FaultsOf(page).Select(fault => $"{who} {path}: {fault}"));
            }
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{shown} pages, {mentioned} with what was planted");
        Assert.True(wrong.Count == 0, string.Join('\n', wrong.Take(40)));
        Assert.True(shown > 100 && mentioned > 30, $"{shown} pages, {mentioned} with what was planted");
        await world.LivesAsync();
    }

    /// <summary>Every form of every page, from another site, with another person's token, and without any.</summary>
    [Fact]
    public async Task No_form_does_anything_for_another_site_or_with_another_persons_token()
    {
        using var sam = await Visitor.SignInAsync(world.Server.Url, "sam");
        var forms = (await WalkAsync(olivia)).Where(page => page.Page.Page is not null)
            .SelectMany(page => page.Page.Page!.QuerySelectorAll("form").OfType<IHtmlFormElement>().Where(form => form.Method == "post").Select(form => (page.Path, Action: form.GetAttribute("action") ?? page.Path, Form: form)))
            .DistinctBy(form => form.Action).ToList();
        Assert.True(forms.Count > 25, $"{forms.Count} forms");
        var before = await StateAsync();
        var wrong = new List<string>();
        foreach (var (path, action, form) in forms)
        {
            var fields = form.Elements.OfType<IHtmlInputElement>().Where(input => input.Name is { Length: > 0 } and not "csrf").Select(input => (input.Name!, input.Value))
                .Concat(form.QuerySelectorAll("select").OfType<IHtmlSelectElement>().Where(choice => choice.Name is not null).Select(choice => (choice.Name!, choice.Options.Length > 0 ? choice.Options[0].Value : "")))
                .Append(("confirmed", "yes")).ToList();
            var target = new Uri(new Uri(world.Server.Url, path), action).PathAndQuery;
            foreach (var (what, answer) in new (string, Shown)[]
            {
                ("no token", await olivia.PostAsync(target, fields)),
                ("an empty token", await olivia.PostAsync(target, [.. fields, ("csrf", "")])),
                ("another person's token", await olivia.PostAsync(target, [.. fields, ("csrf", sam.Csrf)])),
                ("two tokens", await olivia.PostAsync(target, [.. fields, ("csrf", sam.Csrf), ("csrf", olivia.Csrf)])),
                ("another site", await olivia.PostAsync(target, [.. fields, ("csrf", olivia.Csrf)], ("Origin", "https://evil.example"))),
                ("another port", await olivia.PostAsync(target, [.. fields, ("csrf", olivia.Csrf)], ("Origin", "http://127.0.0.1:1"))),
            })
            {
                if (answer.Status is not (HttpStatusCode.BadRequest or HttpStatusCode.Forbidden))
                    wrong.Add($"{target} with {what}: {(int)answer.Status} {answer.Header("Location")}");
            }
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{forms.Count} forms");
        Assert.Equal(before, await StateAsync());
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Theory]
    [InlineData("/login?return_to=%0d%0aSet-Cookie:x=1")]
    [InlineData("/login?return_to=//evil.example")]
    [InlineData("/login?return_to=/%5cevil.example")]
    [InlineData("/login?return_to=/%09/evil.example")]
    [InlineData("/login?return_to=https://evil.example")]
    [InlineData("/login?return_to=javascript:kx()")]
    [InlineData("/console?period=%0d%0aX-Split:1")]
    [InlineData("/console/%0d%0aX-Split:1")]
    [InlineData("/oauth2/auth?client_id=%0d%0aX-Split:1&redirect_uri=https://evil.example")]
    [InlineData("/rules?x=%0d%0aLocation:%20https://evil.example")]
    public async Task No_header_is_split_and_nobody_is_sent_elsewhere(string path)
    {
        using var nobody = Visitor.Nobody(world.Server.Url);
        foreach (var visitor in new[] { nobody, olivia })
        {
            var answer = await visitor.GetAsync(path);
            Assert.False(answer.Headers.ContainsKey("X-Split"));
            Assert.DoesNotContain("x=1", answer.Header("Set-Cookie"), StringComparison.Ordinal);
            Assert.True(answer.Header("Location") is "" or ['/', not ('/' or '\\'), ..] or "/", answer.Header("Location"));
        }
    }

    /// <summary>All pages that links lead to, and such as show what the address says.</summary>
    private async Task<List<(string Path, Shown Page)>> WalkAsync(Visitor visitor)
    {
        var evil = Uri.EscapeDataString(Long);
        var next = new Queue<string>(
        [
            "/", "/login", "/device", "/integrations", "/sessions", "/approvals", "/rules", "/mcps", "/openapi", .. Administrators.Pages, $"/console/applications/{ids["application"]}", $"/console/integrations/{ids["integration"]}", $"/console/webhooks/{ids["webhook"]}", $"/console/policy/rules/{ids["rule"]}",
            world.Agent.AuthorizeUrl("app_" + ids["application"], world.Agent.Gateway, more: new Dictionary<string, string> { ["state"] = Long, ["prompt"] = "consent", ["login_hint"] = text }).Url.PathAndQuery,
            $"/oauth2/auth?client_id={evil}&redirect_uri={evil}&state={evil}", $"/oauth2/auth?response_type={evil}&client_id=app_{ids["application"]}&redirect_uri={Uri.EscapeDataString(TestAgent.RedirectUri)}&scope={evil}&resource={evil}", $"/device?user_code={evil}", $"/login?login_hint={evil}&organization={evil}&return_to={evil}",
            $"/oauth/callback?error={evil}&error_description={evil}&state={evil}", $"/oauth/connect?session={evil}", $"/integrations/{evil}/callback?error={evil}", $"/integrations/{Uri.EscapeDataString(text)}/callback?error=x&error_description={evil}", $"/approvals/{evil}", $"/console/audit?type={evil}&userId={evil}&status={evil}", $"/console/traces/{evil}", $"/console/{evil}",
            $"/console/policy/check?applicationId={evil}&toolName={evil}", $"/console/integrations/new?q={evil}", $"/console/integrations/new/form?provider={evil}", $"/{evil}", $"/login/callback?error={evil}&error_description={evil}",
        ]);
        var (known, pages) = (next.ToHashSet(StringComparer.Ordinal), new List<(string, Shown)>());
        while (next.TryDequeue(out var path) && pages.Count < 150)
        {
            var page = await visitor.GetAsync(path);
            pages.Add((path, page));
            foreach (var link in page.Page?.QuerySelectorAll("a[href]").Select(anchor => anchor.GetAttribute("href")!) ?? [])
            {
                if (Uri.TryCreate(new Uri(world.Server.Url, path), link, out var target) && target.Authority == world.Server.Url.Authority && !target.AbsolutePath.StartsWith("/logout", StringComparison.Ordinal)
                    && !target.AbsolutePath.Contains("export", StringComparison.Ordinal) && known.Count(seen => seen.Split('?')[0] == target.AbsolutePath) < 4 && known.Add(target.PathAndQuery))
                    next.Enqueue(target.PathAndQuery);
            }
        }
        return pages;
    }

    private static IEnumerable<string> FaultsOf(Shown shown)
    {
        if (shown.Headers.ContainsKey("X-Split"))
            yield return "a header was split";
        if ((int)shown.Status >= 500)
            yield return $"{(int)shown.Status}";
        if (shown.Page is not { } page)
            yield break;
        var policy = shown.Header("Content-Security-Policy");
        foreach (var directive in new[] { "default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'" })
        {
            if (!policy.Contains(directive, StringComparison.Ordinal))
                yield return $"the policy lacks {directive}";
        }
        if (policy.Contains("unsafe", StringComparison.Ordinal) || policy.Contains('\n', StringComparison.Ordinal) || policy.Contains(" *", StringComparison.Ordinal))
            yield return "the policy is " + policy;
        if (shown.Header("X-Frame-Options") != "DENY" || shown.Header("X-Content-Type-Options") != "nosniff" || shown.Header("Referrer-Policy") != "no-referrer")
            yield return "headers are missing";
        foreach (var element in page.All)
        {
            if (element.LocalName.StartsWith("kx", StringComparison.Ordinal) || element.LocalName is "iframe" or "object" or "embed" or "base" or "style" || (element.LocalName == "img" && element.GetAttribute("src") == "x"))
                yield return $"<{element.LocalName}> is on it";
            if (element.LocalName == "script" && (element.TextContent.Length > 0 || element.GetAttribute("src")?.StartsWith("/assets/", StringComparison.Ordinal) != true) && element.GetAttribute("type") != "application/json")
                yield return "a script of another's is on it";
            foreach (var attribute in element.Attributes)
            {
                if (attribute.Name.StartsWith("on", StringComparison.OrdinalIgnoreCase) || attribute.Name is "style" or "srcdoc")
                    yield return $"{element.LocalName} has {attribute.Name}";
                if (attribute.Name is "href" or "src" or "action" or "formaction" or "xlink:href" && attribute.Value.TrimStart().Split(':')[0].ToLowerInvariant() is "javascript" or "data" or "vbscript")
                    yield return $"{element.LocalName} leads to {attribute.Value}";
            }
        }
    }

    private async Task<string> StateAsync()
    {
        var state = new List<string>();
        foreach (var path in new[] { "/applications", "/integrations", "/service-accounts", "/webhooks", "/policy/rules", "/policy/settings", "/organization", "/revocations", "/signing-keys", "/data-key", "/capability-requests", "/audit/events?type=admin.change&limit=200" })
            state.Add((await world.Agent.ApiAsync(HttpMethod.Get, path, token)).Json!.ToJsonString());
        return string.Join('\n', state);
    }
}

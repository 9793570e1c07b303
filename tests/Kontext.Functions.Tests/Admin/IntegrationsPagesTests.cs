using System.Net;
using Kontext.Functions.Tests.Api;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Admin;

/// <summary>Integrations on the administration pages.</summary>
public sealed class IntegrationsPagesTests(KontextFixture kontext)
{
    [Fact]
    public async Task A_service_of_the_catalog_is_found_and_added()
    {
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var found = await owner.GoAsync(kontext, "/console/integrations/new?q=github");
        var choice = found.Document.QuerySelector("a[href$='provider=github']")!;
        Assert.Null(found.Document.QuerySelector("a[href$='provider=slack']"));
        var name = ApiCalls.Unique("github");
        var page = await owner.PressAsync(await owner.OpenAsync(new Uri(found.Url, choice.GetAttribute("href")!)), "save", new() { ["name"] = name, ["oauth.clientId"] = "our-app", ["oauth.clientSecret"] = "our-secret" });
        Assert.Contains($"{name} is added", page.Notice(), StringComparison.Ordinal);
        Assert.Contains("your own, our-app", page.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("our-secret", page.Document.DocumentElement.OuterHtml, StringComparison.Ordinal);

        var scope = page.Document.QuerySelector("#scopes input[name=scope]:not([checked])")!.GetAttribute("value")!;
        var saved = await owner.PressAsync(page, "save-scopes", new() { ["scope"] = scope });
        Assert.NotNull(saved.Document.QuerySelector($"#scopes input[value='{scope}'][checked]"));
    }

    [Fact]
    public async Task A_service_is_added_by_its_address_and_validated()
    {
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var name = ApiCalls.Unique("tracker");
        var page = await owner.PressAsync(await owner.GoAsync(kontext, "/console/integrations/new/form?url=http%3A%2F%2F127.0.0.1%3A9%2Fmcp"), "save", new() { ["name"] = name, ["authMode"] = "none" });
        Assert.Equal("not validated", page.Document.QuerySelector("h1 .badge")!.TextContent.Trim());
        var validated = await owner.PressAsync(page, "validate");
        Assert.Equal("invalid", validated.Document.QuerySelector("h1 .badge")!.TextContent.Trim());
        Assert.NotEqual("", validated.Notice());
    }

    [Fact]
    public async Task A_secret_that_was_refused_with_its_form_is_not_sent_back()
    {
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var again = await owner.PressAsync(await owner.GoAsync(kontext, "/console/integrations/new/form"), "save", new() { ["name"] = "a/b", ["url"] = "https://mcp.example.com/mcp", ["authMode"] = "server_token", ["serverToken"] = "canary-token" });
        Assert.Equal(HttpStatusCode.BadRequest, again.Status);
        Assert.DoesNotContain("canary-token", again.Document.DocumentElement.OuterHtml, StringComparison.Ordinal);
        Assert.Equal("https://mcp.example.com/mcp", again.Document.QuerySelector("input[name=url]")!.GetAttribute("value"));
    }

    [Fact]
    public async Task Another_way_to_connect_is_asked_about_because_it_ends_connections()
    {
        var id = await kontext.IntegrationAsync("user_token");
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var question = await owner.PressAsync(await owner.GoAsync(kontext, $"/console/integrations/{id}"), "save", new() { ["authMode"] = "none" });
        Assert.Contains("Every person's connection", question.Text, StringComparison.Ordinal);
        var done = await owner.SubmitAsync(question, "Change and end connections");
        Assert.Contains("Without a credential", done.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_secret_entered_with_such_a_change_is_asked_for_again_instead_of_sent_back()
    {
        var id = await kontext.IntegrationAsync("user_token");
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var question = await owner.PressAsync(await owner.GoAsync(kontext, $"/console/integrations/{id}"), "save", new() { ["authMode"] = "server_token", ["serverToken"] = "canary-token" });
        Assert.Contains("Every person's connection", question.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("canary-token", question.Document.DocumentElement.OuterHtml, StringComparison.Ordinal);
        var again = question.Document.QuerySelectorAll("input[name=serverToken]").Single();
        Assert.Equal("password", again.GetAttribute("type"));
        Assert.True(again.HasAttribute("required"));
        var done = await owner.SubmitAsync(question, "Change and end connections", new Dictionary<string, string> { ["serverToken"] = "canary-token" });
        Assert.Contains("One token for everybody", done.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("canary-token", done.Document.DocumentElement.OuterHtml, StringComparison.Ordinal);
        Assert.True((bool)(await kontext.Agent.ApiAsync(HttpMethod.Get, $"/integrations/{id}", kontext.OwnerToken)).Json!["integration"]!["serverTokenConfigured"]!);
        Assert.DoesNotContain("canary-token", kontext.Server.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_proxy_is_told_where_the_api_is_and_where_the_credential_goes()
    {
        var id = await kontext.IntegrationAsync("user_token");
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var page = await owner.GoAsync(kontext, $"/console/integrations/{id}");
        var again = await owner.PressAsync(page, "save-proxy", new() { ["proxy.baseUrl"] = "https://api.example.com/v2", ["credentialInjection"] = "header" });
        Assert.Equal(HttpStatusCode.BadRequest, again.Status);
        Assert.Equal("true", again.Document.QuerySelector("select[name=credentialInjection]")!.GetAttribute("aria-invalid"));
        var saved = await owner.PressAsync(again, "save-proxy", new() { ["name"] = "X-Api-Key", ["proxy.allowedHosts"] = "uploads.example.com" });
        Assert.Equal("served", saved.Document.QuerySelector("section[aria-labelledby=proxy] .badge")!.TextContent.Trim());
        var integration = (await kontext.Agent.ApiAsync(HttpMethod.Get, $"/integrations/{id}", kontext.OwnerToken)).Json!["integration"]!;
        Assert.Equal(("https://api.example.com/v2", "uploads.example.com"), ((string?)integration["proxy"]!["baseUrl"], (string?)integration["proxy"]!["allowedHosts"]![0]));
        Assert.Equal(("header", "X-Api-Key"), ((string?)integration["credentialInjection"]!["type"], (string?)integration["credentialInjection"]!["name"]));
        var off = await owner.PressAsync(saved, "save-proxy", new() { ["proxy.baseUrl"] = "" });
        Assert.Equal("not served", off.Document.QuerySelector("section[aria-labelledby=proxy] .badge")!.TextContent.Trim());
    }

    [Fact]
    public async Task Fields_of_a_credential_and_tools_known_by_name_are_entered_line_by_line_and_stay_when_saved_again()
    {
        var id = await kontext.IntegrationAsync("user_token");
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var page = await owner.PressAsync(await owner.GoAsync(kontext, $"/console/integrations/{id}"), "save", new() { ["credentialSchema"] = "site\napi_key: password", ["capabilities"] = "search\ncreate" });
        await owner.PressAsync(page, "save");
        var integration = (await kontext.Agent.ApiAsync(HttpMethod.Get, $"/integrations/{id}", kontext.OwnerToken)).Json!["integration"]!;
        Assert.Equal(("string", "password"), ((string?)integration["credentialSchema"]!["site"], (string?)integration["credentialSchema"]!["api_key"]));
        Assert.Equal(["search", "create"], integration["capabilities"]!["tools"]!.AsArray().Select(tool => (string?)tool));
    }

    [Fact]
    public async Task A_persons_connection_is_seen_and_ended()
    {
        var name = ApiCalls.Unique("vault");
        var id = await kontext.IntegrationAsync("user_token", new() { ["name"] = name, ["category"] = "internal_mcp_credentials" });
        var person = ApiCalls.Unique("carl");
        var connected = await kontext.Agent.ApiAsync(HttpMethod.Post, $"/integrations/{id}/connection", await kontext.Agent.ManagementTokenAsync(person), new System.Text.Json.Nodes.JsonObject { ["token"] = "canary-secret" });
        Assert.True(connected.Status is HttpStatusCode.OK or HttpStatusCode.Created, connected.Json?.ToJsonString());
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var page = await owner.GoAsync(kontext, $"/console/integrations/{id}");
        Assert.Contains(person, page.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("canary-secret", page.Document.DocumentElement.OuterHtml, StringComparison.Ordinal);
        var done = await owner.ConfirmedAsync(page, page.Document.QuerySelector("form[action$='/connections/end'] button")!);
        Assert.Contains("The connection is ended", done.Notice(), StringComparison.Ordinal);
        Assert.Null(done.Document.QuerySelector("form[action$='/connections/end']"));
    }
}

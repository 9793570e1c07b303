using System.Net;
using Kontext.Functions.Tests.Api;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Admin;

/// <summary>Applications on the administration pages.</summary>
public sealed class ApplicationsPagesTests(KontextFixture kontext)
{
    [Fact]
    public async Task A_confidential_application_is_registered_and_its_secret_shown_once()
    {
        var integration = await kontext.IntegrationAsync("none");
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var name = ApiCalls.Unique("agent");
        var made = await owner.PressAsync(await owner.GoAsync(kontext, "/console/applications/new"), "save", new()
        {
            ["name"] = name, ["type"] = "confidential", ["redirectUris"] = "https://agent.example.com/callback\nhttp://127.0.0.1/callback", ["integration"] = integration,
        });
        Assert.Equal(HttpStatusCode.OK, made.Status);
        var secret = made.Document.QuerySelector(".shown-once")!.TextContent;
        var client = made.Document.GetElementById("value-0")!.TextContent;
        Assert.True(await IsAcceptedAsync(client, secret));

        var page = await owner.OpenAsync(new Uri(made.Url, made.Document.QuerySelector("a.primary")!.GetAttribute("href")!));
        Assert.Contains(name, page.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(secret, page.Document.DocumentElement.OuterHtml, StringComparison.Ordinal);
        Assert.NotNull(page.Document.QuerySelector($"input[name=integration][value='{integration}'][checked]"));
        Assert.Contains("https://agent.example.com/callback", page.Document.QuerySelector("textarea[name=redirectUris]")!.TextContent, StringComparison.Ordinal);

        var rotated = await owner.PressAsync(page, "rotate");
        var next = rotated.Document.QuerySelector(".shown-once")!.TextContent;
        Assert.NotEqual(secret, next);
        Assert.False(await IsAcceptedAsync(client, secret));
        Assert.True(await IsAcceptedAsync(client, next));

        var overlapping = await owner.PressAsync(page, "rotate", new() { ["overlapSeconds"] = "3600" });
        Assert.Contains("The old secret works until", overlapping.Document.QuerySelector("p:has(time)")!.TextContent, StringComparison.Ordinal);
        Assert.True(await IsAcceptedAsync(client, next));
        Assert.True(await IsAcceptedAsync(client, overlapping.Document.QuerySelector(".shown-once")!.TextContent));

        // A form that does not say how long ends nothing.
        page.Document.QuerySelector("select[name=overlapSeconds]")!.Remove();
        Assert.Contains("Choose how long", (await owner.PressAsync(page, "rotate")).Notice(), StringComparison.Ordinal);
        Assert.True(await IsAcceptedAsync(client, next));
    }

    [Fact]
    public async Task What_was_entered_wrongly_is_said_at_its_field_and_nothing_is_lost()
    {
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var name = ApiCalls.Unique("wrong");
        var again = await owner.PressAsync(await owner.GoAsync(kontext, "/console/applications/new"), "save", new() { ["name"] = name, ["redirectUris"] = "http://example.com/callback" });
        Assert.Equal(HttpStatusCode.BadRequest, again.Status);
        var field = again.Document.QuerySelector("textarea[name=redirectUris]")!;
        Assert.Equal("true", field.GetAttribute("aria-invalid"));
        Assert.Contains("https", again.Document.GetElementById(field.GetAttribute("aria-describedby")!.Split(' ')[0])!.TextContent, StringComparison.Ordinal);
        Assert.Equal(name, again.Document.QuerySelector("input[name=name]")!.GetAttribute("value"));
        Assert.DoesNotContain(name, (await owner.GoAsync(kontext, "/console/applications")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Trust_in_a_partner_is_set_up_changed_and_its_key_never_shown()
    {
        var (id, _) = await kontext.ApplicationAsync("confidential");
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var page = await owner.GoAsync(kontext, $"/console/applications/{id}");
        var again = await owner.PressAsync(page, "save-external-auth", new()
        {
            ["externalAuth.issuer"] = "https://accounts.example.com", ["externalAuth.audience"] = "kontext", ["externalAuth.jwksUrl"] = "http://accounts.example.com/jwks.json",
            ["externalAuth.requiredClaims"] = "tenant=acme", ["externalAuth.partnerApiKey"] = "canary-partner-key-1",
        });
        Assert.Equal(HttpStatusCode.BadRequest, again.Status);
        Assert.Equal("true", again.Document.QuerySelector("input[name='externalAuth.jwksUrl']")!.GetAttribute("aria-invalid"));
        Assert.Equal("kontext", again.Document.QuerySelector("input[name='externalAuth.audience']")!.GetAttribute("value"));

        var done = await owner.PressAsync(again, "save-external-auth", new() { ["externalAuth.jwksUrl"] = "https://accounts.example.com/jwks.json", ["externalAuth.partnerApiKey"] = "canary-partner-key-1" });
        var external = (await kontext.Agent.ApiAsync(HttpMethod.Get, $"/applications/{id}", kontext.OwnerToken)).Json!["application"]!["externalAuth"]!;
        Assert.Equal((true, true, "acme"), ((bool)external["enabled"]!, (bool)external["partnerApiKeyConfigured"]!, (string?)external["requiredClaims"]!["tenant"]));
        Assert.Equal(["RS256"], external["allowedAlgorithms"]!.AsArray().Select(name => (string?)name));
        foreach (var seen in new[] { again, done })
            Assert.DoesNotContain("canary-partner-key-1", seen.Document.DocumentElement.OuterHtml, StringComparison.Ordinal);

        // Left empty, the key stays; unticked, the trust is off.
        done.Document.QuerySelector("input[name='externalAuth.enabled']")!.RemoveAttribute("checked");
        await owner.PressAsync(done, "save-external-auth");
        external = (await kontext.Agent.ApiAsync(HttpMethod.Get, $"/applications/{id}", kontext.OwnerToken)).Json!["application"]!["externalAuth"]!;
        Assert.Equal((false, true), ((bool)external["enabled"]!, (bool)external["partnerApiKeyConfigured"]!));
    }

    [Fact]
    public async Task A_client_signs_with_a_key_of_its_own_and_goes_back_to_a_secret()
    {
        var (id, _) = await kontext.ApplicationAsync("confidential");
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var page = await owner.GoAsync(kontext, $"/console/applications/{id}");
        var again = await owner.PressAsync(page, "save-oauth", new() { ["type"] = "private_key_jwt", ["jwks"] = "{ not json" });
        Assert.Equal("true", again.Document.QuerySelector("textarea[name=jwks]")!.GetAttribute("aria-invalid"));
        var signs = await owner.PressAsync(again, "save-oauth", new() { ["jwks"] = "", ["jwksUri"] = "https://agent.example.com/jwks.json" });
        Assert.Contains("signs with a key of its own", signs.Document.QuerySelector("section[aria-labelledby=identity]")!.TextContent, StringComparison.Ordinal);
        Assert.Null(signs.Document.GetElementById("rotate"));
        var secret = await owner.PressAsync(signs, "save-oauth", new() { ["type"] = "confidential", ["jwksUri"] = "" });
        Assert.NotNull(secret.Document.QuerySelector(".shown-once"));
        Assert.True(await IsAcceptedAsync("app_" + id, secret.Document.QuerySelector(".shown-once")!.TextContent));
    }

    [Fact]
    public async Task How_an_agent_finds_its_tools_is_chosen()
    {
        var (id, _) = await kontext.ApplicationAsync();
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var page = await owner.PressAsync(await owner.GoAsync(kontext, $"/console/applications/{id}"), "rename", new() { ["toolDiscovery"] = "search" });
        Assert.Contains("Searches for tools", page.Document.QuerySelector("section[aria-labelledby=identity]")!.TextContent, StringComparison.Ordinal);
        Assert.Equal("search", (string?)(await kontext.Agent.ApiAsync(HttpMethod.Get, $"/applications/{id}", kontext.OwnerToken)).Json!["application"]!["toolDiscovery"]);
    }

    [Fact]
    public async Task Integrations_are_attached_and_detached()
    {
        var (id, _) = await kontext.ApplicationAsync();
        var integration = await kontext.IntegrationAsync("none");
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var page = await owner.PressAsync(await owner.GoAsync(kontext, $"/console/applications/{id}"), "attach", new() { ["integration"] = integration });
        Assert.Contains("1 integration is attached", page.Notice(), StringComparison.Ordinal);
        page.Document.QuerySelector($"input[name=integration][value='{integration}']")!.RemoveAttribute("checked");
        Assert.Contains("No integration is attached", (await owner.PressAsync(page, "attach")).Notice(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task All_sessions_end_after_a_question()
    {
        var (id, answer) = await kontext.ApplicationAsync();
        using var person = new FormBrowser();
        var tokens = await kontext.Agent.AuthorizeAsync(person, (string)answer.Json!["application"]!["clientId"]!, ApiCalls.Unique("sue"));
        Assert.Equal(HttpStatusCode.OK, tokens.Status);
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var page = await owner.GoAsync(kontext, $"/console/applications/{id}");
        var done = await owner.ConfirmedAsync(page, page.Document.GetElementById("end-all")!);
        Assert.Contains("1 session was ended", done.Notice(), StringComparison.Ordinal);
        Assert.Null(done.Document.GetElementById("end-all"));
    }

    [Fact]
    public async Task An_archived_application_is_gone_from_the_list()
    {
        var (id, answer) = await kontext.ApplicationAsync();
        var name = (string)answer.Json!["application"]!["name"]!;
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var page = await owner.GoAsync(kontext, $"/console/applications/{id}");
        var done = await owner.ConfirmedAsync(page, page.Document.QuerySelector(".danger-zone button")!);
        Assert.Equal("/console/applications", done.Url.AbsolutePath);
        Assert.DoesNotContain(name, done.Text, StringComparison.Ordinal);
    }

    // A refresh token that is none: what is said about it comes after the client was authenticated.
    private async Task<bool> IsAcceptedAsync(string client, string secret) =>
        (await kontext.Agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["refresh_token"] = "x" }, $"{client}:{secret}"))["error"] != "invalid_client";
}

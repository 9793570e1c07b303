using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Admin;
using Kontext.Functions.Tests.Api;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Account;

/// <summary>The rules a person makes about their own agents.</summary>
public sealed class RulesPageTests(KontextFixture kontext)
{
    [Theory]
    [InlineData("deny", "deny")]
    [InlineData("ask", "ask")]
    public async Task A_rule_of_their_own_holds_for_their_agents_until_they_remove_it(string action, string effect)
    {
        var service = await kontext.IntegrationAsync("none", new JsonObject { ["capabilities"] = new JsonArray("delete_item", "list_items") });
        var (application, _) = await kontext.ApplicationAsync();
        await kontext.Agent.ApiAsync(HttpMethod.Put, $"/applications/{application}/integrations", kontext.OwnerToken, new JsonObject { ["integrationIds"] = new JsonArray(service) });
        var name = ApiCalls.Unique("mona");
        using var consenting = new FormBrowser();
        await kontext.Agent.AuthorizeAsync(consenting, "app_" + application, name, kontext.Agent.Gateway);
        var me = await kontext.Agent.ManagementTokenAsync(name);
        Assert.Equal("allow", await EffectAsync(me, application, service, "delete_item"));

        using var browser = await kontext.SignedInAsync(name);
        var page = await browser.GoAsync(kontext, "/rules");
        Assert.Contains("You have no rule", page.Text, StringComparison.Ordinal);
        page = await browser.PressAsync(page, "add", new() { ["action"] = action, ["integrationId"] = service, ["toolName"] = "delete_*", ["description"] = "Deleting is final" });
        Assert.Contains("from the next call on", page.Notice(), StringComparison.Ordinal);
        Assert.Contains("Deleting is final", page.Document.QuerySelector("ul.rules")!.TextContent, StringComparison.Ordinal);
        Assert.Equal(effect, await EffectAsync(me, application, service, "delete_item"));
        Assert.Equal("allow", await EffectAsync(me, application, service, "list_items"));

        var done = await browser.ConfirmedAsync(page, page.Document.QuerySelector("form[action='/rules/remove'] button")!);
        Assert.Contains("The rule is removed", done.Notice(), StringComparison.Ordinal);
        Assert.Equal("allow", await EffectAsync(me, application, service, "delete_item"));
    }

    [Fact]
    public async Task What_is_wrong_with_a_rule_is_said_at_its_field()
    {
        using var browser = await kontext.SignedInAsync(ApiCalls.Unique("mara"));
        var again = await browser.PressAsync(await browser.GoAsync(kontext, "/rules"), "add", new() { ["toolName"] = new string('x', 300) });
        Assert.Equal(HttpStatusCode.BadRequest, again.Status);
        Assert.Equal("true", again.Document.QuerySelector("input[name=toolName]")!.GetAttribute("aria-invalid"));
    }

    [Fact]
    public async Task Nobody_sees_or_removes_rules_of_others_here()
    {
        using var first = await kontext.SignedInAsync(ApiCalls.Unique("milo"));
        var page = await first.PressAsync(await first.GoAsync(kontext, "/rules"), "add", new() { ["action"] = "deny", ["description"] = "mine alone" });
        using var other = await kontext.SignedInAsync(ApiCalls.Unique("mike"));
        var theirs = await other.GoAsync(kontext, "/rules");
        Assert.DoesNotContain("mine alone", theirs.Text, StringComparison.Ordinal);
        // The owner may remove it in the administration, not by this page.
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        foreach (var browser in new[] { other, owner })
        {
            var form = (await first.GoAsync(kontext, "/rules")).Document.QuerySelector("form[action='/rules/remove']")!;
            form.QuerySelector("input[name=csrf]")!.SetAttribute("value", (await browser.GoAsync(kontext, "/rules")).Document.QuerySelector("input[name=csrf]")!.GetAttribute("value")!);
            var done = await browser.ConfirmedAsync(page, form.QuerySelector("button")!);
            Assert.Contains("no such rule", done.Notice(), StringComparison.Ordinal);
        }
        Assert.Contains("mine alone", (await first.GoAsync(kontext, "/rules")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_organization_restricts_is_shown_and_cannot_be_removed()
    {
        var why = ApiCalls.Unique("freeze");
        // About one service: a rule about every service would concern the other tests.
        var service = await kontext.IntegrationAsync("none");
        await kontext.Agent.ApiAsync(HttpMethod.Post, "/policy/rules", kontext.OwnerToken, new JsonObject { ["action"] = "deny", ["level"] = "org", ["integrationId"] = service, ["toolName"] = "launch_missiles", ["description"] = why });
        await kontext.Agent.ApiAsync(HttpMethod.Post, "/policy/rules", kontext.OwnerToken, new JsonObject { ["action"] = "deny", ["level"] = "org", ["role"] = "somebody-else", ["integrationId"] = service, ["toolName"] = "other", ["description"] = "not theirs" });
        using var browser = await kontext.SignedInAsync(ApiCalls.Unique("meg"));
        var page = await browser.GoAsync(kontext, "/rules");
        var others = page.Document.GetElementById("others")!;
        Assert.Contains(why, others.TextContent, StringComparison.Ordinal);
        Assert.DoesNotContain("not theirs", page.Text, StringComparison.Ordinal);
        Assert.Null(others.QuerySelector("form"));
    }

    [Fact]
    public async Task An_auditor_reads_rules_and_makes_none()
    {
        using var auditor = await kontext.SignedInAsync(ApiCalls.Unique("abel") + "+auditor");
        var page = await auditor.GoAsync(kontext, "/rules");
        Assert.Equal(HttpStatusCode.OK, page.Status);
        Assert.Null(page.Document.GetElementById("add"));
    }

    private async Task<string?> EffectAsync(string person, string application, string service, string tool) =>
        (string?)(await kontext.Agent.ApiAsync(HttpMethod.Post, "/policy/check", person, new JsonObject { ["applicationId"] = application, ["userId"] = "me", ["integrationId"] = service, ["toolName"] = tool })).Json!["layers"]!["user"]!["effect"];
}

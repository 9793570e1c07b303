using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Api;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Admin;

/// <summary>What agents ask for, on the administration pages.</summary>
public sealed class RequestsPagesTests(KontextFixture kontext)
{
    [Fact]
    public async Task A_request_is_seen_with_its_reason_declined_with_a_note_and_granted_after_all()
    {
        var token = await SearchingAgentAsync();
        var wanted = ApiCalls.Unique("salesforce");
        await AskAsync(token, wanted);
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        Assert.NotNull((await owner.GoAsync(kontext, "/console")).Document.QuerySelector(".notice a[href='/console/requests']"));

        var page = await owner.GoAsync(kontext, "/console/requests");
        var card = Card(page, wanted)!;
        Assert.Contains("quarterly figures", card.TextContent, StringComparison.Ordinal);
        Assert.Contains("quentin", card.TextContent, StringComparison.Ordinal);
        page = await owner.SubmitAsync(page, Button(page, $"Decline {wanted}"), new Dictionary<string, string> { ["note"] = "use the warehouse" });
        Assert.Contains($"{wanted} is declined", page.Notice(), StringComparison.Ordinal);
        Assert.Null(Card(page, wanted));
        Assert.Contains("use the warehouse", await AskAsync(token, wanted), StringComparison.Ordinal);

        page = await owner.SubmitAsync(page, Button(page, $"Grant {wanted} after all"));
        Assert.Contains("granted", page.Document.QuerySelectorAll("tbody tr").Single(row => row.TextContent.Contains(wanted, StringComparison.Ordinal)).TextContent, StringComparison.Ordinal);
        Assert.Contains("granted", await AskAsync(token, wanted), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task What_an_agent_writes_is_text_and_nothing_else()
    {
        var wanted = ApiCalls.Unique("<b>crm</b>");
        await AskAsync(await SearchingAgentAsync(), wanted, "<script>alert(1)</script>");
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var card = Card(await owner.GoAsync(kontext, "/console/requests"), wanted)!;
        Assert.Null(card.QuerySelector("b, script"));
        Assert.Contains("<script>alert(1)</script>", card.TextContent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_auditor_sees_requests_and_decides_none()
    {
        var wanted = ApiCalls.Unique("jira");
        await AskAsync(await SearchingAgentAsync(), wanted);
        using var auditor = await kontext.SignedInAsync(ApiCalls.Unique("anna") + "+auditor");
        var page = await auditor.GoAsync(kontext, "/console/requests");
        Assert.NotNull(Card(page, wanted));
        Assert.Null(page.Document.QuerySelector("main form[method=post]"));
    }

    private static AngleSharp.Dom.IElement Button(BrowserPage page, string label) => page.Document.QuerySelector($"button[aria-label='{label}']")!;

    private static AngleSharp.Dom.IElement? Card(BrowserPage page, string wanted) =>
        page.Document.QuerySelectorAll("main section h2").FirstOrDefault(heading => heading.TextContent.Contains(wanted, StringComparison.Ordinal))?.Closest("section");

    private async Task<string> SearchingAgentAsync()
    {
        var (application, _) = await kontext.ApplicationAsync();
        await kontext.Agent.ApiAsync(HttpMethod.Patch, $"/applications/{application}", kontext.OwnerToken, new JsonObject { ["toolDiscovery"] = "search" });
        using var browser = new FormBrowser();
        return (await kontext.Agent.AuthorizeAsync(browser, "app_" + application, "quentin", kontext.Agent.Gateway))["access_token"]!;
    }

    private async Task<string> AskAsync(string token, string name, string reason = "quarterly figures")
    {
        var answer = await kontext.Agent.McpAsync(token, "tools/call", new JsonObject { ["name"] = "REQUEST_CAPABILITY", ["arguments"] = new JsonObject { ["capability_name"] = name, ["reason"] = reason } });
        Assert.Equal(HttpStatusCode.OK, answer.Status);
        return (string)answer.Json!["result"]!["content"]![0]!["text"]!;
    }
}

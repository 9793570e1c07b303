using System.Net;
using Kontext.Functions.Tests.Api;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Admin;

/// <summary>Policy on the administration pages.</summary>
public sealed class PolicyPagesTests(KontextFixture kontext)
{
    [Fact]
    public async Task A_rule_is_added_explained_changed_and_deleted()
    {
        var integration = await kontext.IntegrationAsync("none", new() { ["capabilities"] = new System.Text.Json.Nodes.JsonArray("delete_repo") });
        var (application, _) = await kontext.ApplicationAsync();
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        await owner.PressAsync(await owner.GoAsync(kontext, $"/console/applications/{application}"), "attach", new() { ["integration"] = integration });
        var why = ApiCalls.Unique("final");
        var rules = await owner.PressAsync(await owner.GoAsync(kontext, "/console/policy/rules/new"), "save", new()
        {
            ["action"] = "deny", ["level"] = "org", ["integrationId"] = integration, ["toolName"] = "delete_*", ["conditions"] = "arguments.owner one_of acme, acme-labs", ["description"] = why,
        });
        Assert.Contains("The rule is added", rules.Notice(), StringComparison.Ordinal);
        var row = rules.Document.QuerySelectorAll("tr").Single(candidate => candidate.TextContent.Contains(why, StringComparison.Ordinal));
        Assert.Contains("arguments.owner one_of acme, acme-labs", row.TextContent, StringComparison.Ordinal);

        var question = $"/console/policy/check?applicationId={application}&userId=me&integrationId={integration}&toolName=delete_repo&arguments=";
        var refused = await owner.GoAsync(kontext, question + Uri.EscapeDataString("""{"owner": "acme"}"""));
        Assert.Equal("Refused", refused.Document.QuerySelector(".verdict .badge")!.TextContent.Trim());
        Assert.Equal($"/console/policy#{row.Id}", refused.Document.QuerySelector(".layers li.deny a")!.GetAttribute("href"));
        var other = await owner.GoAsync(kontext, question + Uri.EscapeDataString("""{"owner": "somebody"}"""));
        Assert.Equal("allow", other.Document.QuerySelector(".layers li")!.ClassName);
        Assert.Contains("JSON", (await owner.GoAsync(kontext, question + "nonsense")).Text, StringComparison.Ordinal);

        var edit = await owner.OpenAsync(new Uri(rules.Url, row.QuerySelector("a")!.GetAttribute("href")!));
        Assert.Equal("arguments.owner one_of acme, acme-labs", edit.Document.QuerySelector("textarea[name=conditions]")!.TextContent.Trim());
        Assert.Equal("deny", ((AngleSharp.Html.Dom.IHtmlSelectElement)edit.Document.QuerySelector("select[name=action]")!).Value);
        var changed = await owner.PressAsync(edit, "save", new() { ["toolName"] = "drop_*" });
        Assert.Contains("drop_*", changed.Text, StringComparison.Ordinal);

        var again = changed.Document.GetElementById(row.Id!)!;
        var deleted = await owner.ConfirmedAsync(changed, again.QuerySelector("form button")!);
        Assert.Null(deleted.Document.GetElementById(row.Id!));
    }

    [Fact]
    public async Task A_rule_with_an_unknown_operator_is_refused_at_its_field()
    {
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var again = await owner.PressAsync(await owner.GoAsync(kontext, "/console/policy/rules/new"), "save", new() { ["action"] = "deny", ["conditions"] = "target resembles acme" });
        Assert.Equal(HttpStatusCode.BadRequest, again.Status);
        Assert.Equal("true", again.Document.QuerySelector("textarea[name=conditions]")!.GetAttribute("aria-invalid"));
        Assert.Contains("target resembles acme", again.Document.QuerySelector("textarea[name=conditions]")!.TextContent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_rule_is_tried_on_what_happened_before_it_is_made()
    {
        var (name, integration) = await ExchangedAsync();
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var tried = await owner.PressAsync(await owner.GoAsync(kontext, "/console/policy/rules/new"), "try", new() { ["action"] = "deny", ["level"] = "org", ["integrationId"] = integration });
        Assert.Equal(HttpStatusCode.OK, tried.Status);
        var line = tried.Document.QuerySelectorAll("#replay-result tbody tr").Single(row => row.TextContent.Contains(name, StringComparison.Ordinal));
        Assert.Contains("allowed", line.TextContent, StringComparison.Ordinal);
        Assert.Contains("denied", line.TextContent, StringComparison.Ordinal);
        Assert.Equal(integration, ((AngleSharp.Html.Dom.IHtmlSelectElement)tried.Document.QuerySelector("select[name=integrationId]")!).Value);
        Assert.Equal(HttpStatusCode.OK, (await kontext.Agent.ApiAsync(HttpMethod.Get, "/policy/rules", kontext.OwnerToken)).Status);
        Assert.DoesNotContain(name, (await owner.GoAsync(kontext, "/console/policy")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_proposal_is_compared_replayed_and_an_export_is_a_file()
    {
        var (_, integration) = await ExchangedAsync();
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var page = await owner.GoAsync(kontext, "/console/policy/proposal");
        var document = System.Text.Json.Nodes.JsonNode.Parse(page.Document.QuerySelector("textarea[name=document]")!.TextContent)!;
        document["rules"]!.AsArray().Add((System.Text.Json.Nodes.JsonNode)new System.Text.Json.Nodes.JsonObject { ["action"] = "deny", ["level"] = "org", ["integrationId"] = integration });
        var compared = await owner.PressAsync(page, "compare", new() { ["document"] = document.ToJsonString() });
        Assert.Contains("1 added, 0 removed", compared.Text, StringComparison.Ordinal);
        var replayed = await owner.PressAsync(compared, "replay-button", new() { ["document"] = document.ToJsonString(), ["hours"] = "1" });
        Assert.NotEmpty(replayed.Document.QuerySelectorAll("#replay-result tbody tr"));
        Assert.Equal(2, replayed.Document.QuerySelectorAll("#replay time").Length);
        var wrong = await owner.PressAsync(page, "compare", new() { ["document"] = "not json" });
        Assert.Equal(HttpStatusCode.BadRequest, wrong.Status);
        Assert.Equal("not json", wrong.Document.QuerySelector("textarea[name=document]")!.TextContent.Trim());

        var export = await owner.CallAsync(HttpMethod.Get, new Uri(kontext.Server.Url, "/console/policy/export"));
        Assert.Equal(1, (int)export.Json!["schemaVersion"]!);
    }

    private async Task<(string Name, string Id)> ExchangedAsync()
    {
        var name = ApiCalls.Unique("replayed");
        var id = await kontext.IntegrationAsync("server_token", new() { ["name"] = name, ["serverToken"] = "st-1", ["category"] = "internal_mcp_credentials" });
        var (application, made) = await kontext.ApplicationAsync();
        await kontext.Agent.ApiAsync(HttpMethod.Post, $"/applications/{application}/integrations/{id}", kontext.OwnerToken);
        var client = (string)made.Json!["application"]!["clientId"]!;
        using var browser = new FormBrowser();
        var tokens = await kontext.Agent.AuthorizeAsync(browser, client, ApiCalls.Unique("rita"), kontext.Agent.Gateway);
        Assert.Equal(HttpStatusCode.OK, (await kontext.Agent.ExchangeAsync(client, tokens["access_token"]!, name)).Status);
        return (name, id);
    }
}

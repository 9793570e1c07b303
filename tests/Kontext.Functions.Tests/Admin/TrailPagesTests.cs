using System.Net;
using AngleSharp.Html.Dom;
using Kontext.Functions.Tests.Api;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Admin;

/// <summary>The audit trail, traces, revocation and the overview on the administration pages.</summary>
public sealed class TrailPagesTests(KontextFixture kontext)
{
    [Fact]
    public async Task What_an_agent_did_is_in_the_trail_the_traces_the_picture_and_the_overview()
    {
        var (application, name, _) = await ExchangedAsync();
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var trail = await owner.GoAsync(kontext, $"/console/audit?hours=1&type=credential.issued&applicationId={application}");
        var row = Assert.Single(trail.Document.QuerySelectorAll("#live tbody tr"));
        Assert.Contains(name, row.TextContent, StringComparison.Ordinal);
        Assert.Contains("Organization", row.QuerySelector("details")!.TextContent, StringComparison.Ordinal);
        Assert.Empty((await owner.GoAsync(kontext, $"/console/audit?hours=1&status=error_auth&applicationId={application}")).Document.QuerySelectorAll("#live tbody tr"));

        var trace = await owner.OpenAsync(new Uri(trail.Url, row.QuerySelector("a[href^='/console/traces/']")!.GetAttribute("href")!));
        Assert.Equal(trace.Document.QuerySelectorAll("section[aria-labelledby=events] tbody tr").Length, trace.Document.QuerySelectorAll("svg.timeline rect").Length);
        Assert.Contains("credential.issued", trace.Document.QuerySelector("svg.timeline desc")!.TextContent, StringComparison.Ordinal);
        var traces = await owner.GoAsync(kontext, $"/console/traces?agentId={application}");
        Assert.NotEmpty(traces.Document.QuerySelectorAll("#live tbody tr"));

        var access = await owner.GoAsync(kontext, $"/console/access?applicationId={application}");
        var way = Assert.Single(access.Document.QuerySelectorAll("section[aria-labelledby=ways] tbody tr"));
        Assert.Contains(name, way.TextContent, StringComparison.Ordinal);
        Assert.Equal(2, access.Document.QuerySelectorAll("svg.graph path.link").Length);

        var overview = await owner.GoAsync(kontext, "/console");
        Assert.Equal(2, overview.Document.QuerySelectorAll("section.chart").Length);
        Assert.NotEmpty(overview.Document.QuerySelectorAll("dl.tiles dd"));
    }

    [Fact]
    public async Task The_trail_is_filtered_by_integration_and_an_export_begins_with_today()
    {
        var (_, name, _) = await ExchangedAsync();
        var (_, other, _) = await ExchangedAsync();
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var trail = await owner.GoAsync(kontext, "/console/audit?hours=1&type=credential.issued");
        var choice = (IHtmlSelectElement)trail.Document.QuerySelector("select[name=integrationId]")!;
        choice.Value = choice.Options.Single(option => option.Text == name).Value;
        var filtered = await owner.GoAsync(kontext, Filtered(trail));
        var row = Assert.Single(filtered.Document.QuerySelectorAll("#live tbody tr"));
        Assert.Contains(name, row.TextContent, StringComparison.Ordinal);
        Assert.DoesNotContain(other, row.TextContent, StringComparison.Ordinal);
        // Pressed again, it stays as it was chosen.
        var again = await owner.GoAsync(kontext, Filtered(filtered));
        Assert.Single(again.Document.QuerySelectorAll("#live tbody tr"));

        var empty = await owner.GoAsync(kontext, "/console/audit?hours=1&userId=" + Guid.NewGuid());
        Assert.Empty(empty.Document.QuerySelectorAll("#live tbody tr"));
        var day = empty.Document.QuerySelector("input[name=from]")!.GetAttribute("value");
        // Midnight may have passed since.
        var now = TimeProvider.System.GetUtcNow();
        Assert.Contains(day, new[] { now, now.AddMinutes(-10) }.Select(moment => moment.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Fact]
    public async Task The_trail_is_read_page_by_page()
    {
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        for (var count = 0; count < 60; count++)
            await kontext.ApplicationAsync();
        var first = await owner.GoAsync(kontext, "/console/audit?type=admin.change&hours=1");
        var next = await owner.OpenAsync(new Uri(first.Url, first.Document.QuerySelector(".pager a")!.GetAttribute("href")!));
        var (before, after) = (Ids(first), Ids(next));
        Assert.Equal(50, before.Count);
        Assert.NotEmpty(after.Except(before));
        // Pages meet at a millisecond, whose entries may be on both: at the beginning of the later one.
        Assert.Equal(after.Intersect(before).Count(), after.TakeWhile(before.Contains).Count());
        Assert.Equal("admin.change", ((AngleSharp.Html.Dom.IHtmlSelectElement)next.Document.QuerySelector("select[name=type]")!).Value);
    }

    [Fact]
    public async Task The_trail_is_verified_and_exported()
    {
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var verified = await owner.GoAsync(kontext, "/console/audit/verification?days=2");
        Assert.Contains("The trail holds.", verified.Text, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.BadRequest, (await owner.GoAsync(kontext, "/console/audit/verification?days=99")).Status);
        var day = verified.Document.QuerySelector("input[name=to]")!.GetAttribute("value")!;
        using var file = await owner.DownloadAsync(new Uri(kontext.Server.Url, $"/console/audit/export?from={day}&to={day}"));
        Assert.Equal("application/x-ndjson", file.Content.Headers.ContentType!.MediaType);
        Assert.Contains("attachment", file.Content.Headers.ContentDisposition!.ToString(), StringComparison.Ordinal);
        var lines = (await file.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(lines.Length > 3);
        Assert.All(lines, line => System.Text.Json.JsonDocument.Parse(line).Dispose());
    }

    [Fact]
    public async Task An_application_is_cut_off_with_a_report_and_reinstated()
    {
        var (application, name, token) = await ExchangedAsync();
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var question = await owner.PressAsync(await owner.GoAsync(kontext, "/console/revocation"), "cut", new() { ["type"] = "application", ["applicationId"] = application, ["reason"] = "Stolen laptop" });
        var report = await owner.SubmitAsync(question, "Cut off");
        Assert.Contains("access and refresh tokens of every session with the application", report.Text, StringComparison.Ordinal);
        Assert.Contains("Stolen laptop", report.Text, StringComparison.Ordinal);
        Assert.Contains(name, report.Document.QuerySelector("section[aria-labelledby=surviving]")!.TextContent, StringComparison.Ordinal);
        Assert.NotEqual(HttpStatusCode.OK, (await kontext.Agent.ExchangeAsync("app_" + application, token, name)).Status);
        var reinstated = await owner.ConfirmedAsync(report, report.Document.GetElementById("reinstate")!);
        Assert.Equal("reinstated", reinstated.Document.QuerySelector("h1 .badge")!.TextContent.Trim());
        Assert.NotEmpty((await owner.GoAsync(kontext, "/console/revocation")).Document.QuerySelectorAll("tbody tr"));
    }

    [Fact]
    public async Task A_cut_off_without_its_target_is_refused_at_the_field()
    {
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var question = await owner.PressAsync(await owner.GoAsync(kontext, "/console/revocation"), "cut", new() { ["type"] = "user" });
        var again = await owner.SubmitAsync(question, "Cut off");
        Assert.Equal(HttpStatusCode.BadRequest, again.Status);
        Assert.Equal("true", again.Document.QuerySelector("input[name=userId]")!.GetAttribute("aria-invalid"));
    }

    // Where the filter's form leads as it stands.
    private static string Filtered(BrowserPage page) => "/console/audit?" + string.Join('&', page.Document.QuerySelectorAll("form[role=search] [name]").Select(field =>
        $"{field.GetAttribute("name")}={Uri.EscapeDataString((field is IHtmlSelectElement choice ? choice.Value : ((IHtmlInputElement)field).Value) ?? "")}"));

    private static List<string> Ids(BrowserPage page) => [.. page.Document.QuerySelectorAll("#live tbody tr").Select(row => row.Id!)];

    private async Task<(string Application, string Integration, string Token)> ExchangedAsync()
    {
        var name = ApiCalls.Unique("trailed");
        var integration = await kontext.IntegrationAsync("server_token", new() { ["name"] = name, ["serverToken"] = "shared-token" });
        var (application, _) = await kontext.ApplicationAsync();
        await kontext.Agent.ApiAsync(HttpMethod.Post, $"/applications/{application}/integrations/{integration}", kontext.OwnerToken);
        using var browser = new FormBrowser();
        var tokens = await kontext.Agent.AuthorizeAsync(browser, "app_" + application, ApiCalls.Unique("tess"), kontext.Agent.Gateway);
        Assert.Equal(HttpStatusCode.OK, (await kontext.Agent.ExchangeAsync("app_" + application, tokens["access_token"]!, name)).Status);
        return (application, name, tokens["access_token"]!);
    }
}

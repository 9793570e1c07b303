using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Api;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Admin;

/// <summary>The picture of access: a line for each person's way, drawn as what policy leaves of it.</summary>
public sealed class AccessPagesTests : IAsyncLifetime
{
    private readonly KontextFixture kontext = new();
    private string application = "";
    private string service = "";

    [Fact]
    public async Task Each_persons_way_is_drawn_by_what_policy_leaves_of_it()
    {
        var page = await PageAsync();
        Assert.Equal(3, Lines(page, "to " + service).Count);
        Assert.Equal("link allow", Line(page, "for anna"));
        Assert.Equal("link deny", Line(page, "for ben"));
        Assert.Equal("link partial", Line(page, "for cara"));
        Assert.Equal(("allowed", "good"), Badge(page, "anna"));
        Assert.Equal(("denied by the organization", "bad"), Badge(page, "ben"));
        Assert.Equal(("allowed with restrictions", "warn"), Badge(page, "cara"));
        Assert.Equal(["may reach", "some tools denied or need approval (dashed)", "denied by policy (dotted)"], page.Document.QuerySelectorAll(".legend li").Select(item => item.TextContent));

        // Who comes in higher goes on higher, so that a way can be followed through the application, and no line hides another.
        var on = new[] { "anna", "ben", "cara" }.Select(person => Heights(page, "for " + person).Leaves).ToList();
        Assert.Equal(on.Order(), on);
        Assert.Equal(3, on.Distinct().Count());
        foreach (var person in new[] { "anna", "ben", "cara" })
            Assert.Equal(Heights(page, person + " approved").Arrives, Heights(page, "for " + person).Leaves);
    }

    [Fact]
    public async Task In_observe_mode_nothing_is_drawn_as_denied()
    {
        await OwnerAsync(HttpMethod.Patch, "/policy/settings", new JsonObject { ["policyEnabled"] = false });
        var page = await PageAsync();
        Assert.Empty(page.Document.QuerySelectorAll("svg.graph .deny, .badge.bad"));
        Assert.Equal("link allow", Line(page, "for anna"));
        Assert.Equal("link observed", Line(page, "for ben"));
        Assert.Equal(("would be denied; observe mode", "warn"), Badge(page, "ben"));
        Assert.Equal(("would be restricted; observe mode", "warn"), Badge(page, "cara"));
        Assert.Contains("Observe mode: nothing is denied.", page.Text, StringComparison.Ordinal);
    }

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        await kontext.InitializeAsync();
        service = ApiCalls.Unique("drawn");
        var integration = await kontext.IntegrationAsync("none", new JsonObject { ["name"] = service, ["capabilities"] = new JsonArray("list", "delete") });
        application = (await kontext.ApplicationAsync()).Id;
        await OwnerAsync(HttpMethod.Post, $"/applications/{application}/integrations/{integration}");
        foreach (var person in new[] { "anna", "ben", "cara" })
        {
            using var browser = new FormBrowser();
            await kontext.Agent.AuthorizeAsync(browser, "app_" + application, person, kontext.Agent.Gateway);
        }
        var graph = (await OwnerAsync(HttpMethod.Get, $"/applications/{application}/access-graph")).Json!;
        var people = graph["nodes"]!.AsArray().Where(node => (string?)node!["type"] == "user").ToDictionary(node => (string)node!["name"]!, node => (string)node!["resourceId"]!);
        foreach (var rule in new JsonObject[] { new() { ["userId"] = people["ben"] }, new() { ["userId"] = people["cara"], ["toolName"] = "delete" } })
        {
            (rule["action"], rule["level"], rule["integrationId"]) = ("deny", "org", integration);
            Assert.Equal(HttpStatusCode.Created, (await OwnerAsync(HttpMethod.Post, "/policy/rules", rule)).Status);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => kontext.DisposeAsync();

    private static List<AngleSharp.Dom.IElement> Lines(BrowserPage page, string words) =>
        [.. page.Document.QuerySelectorAll("svg.graph path.link").Where(line => line.QuerySelector("title")!.TextContent.Contains(words, StringComparison.Ordinal))];

    private static string? Line(BrowserPage page, string words) => Assert.Single(Lines(page, words)).GetAttribute("class");

    // M x1 y1 C middle y1 middle y2 x2 y2
    private static (double Leaves, double Arrives) Heights(BrowserPage page, string words)
    {
        var numbers = Assert.Single(Lines(page, words)).GetAttribute("d")!.Replace('C', ' ').TrimStart('M').Split(' ');
        return (double.Parse(numbers[1], CultureInfo.InvariantCulture), double.Parse(numbers[^1], CultureInfo.InvariantCulture));
    }

    private static (string Words, string Kind) Badge(BrowserPage page, string person)
    {
        var badge = page.Document.QuerySelectorAll("section[aria-labelledby=ways] tbody tr").Single(row => row.QuerySelector("td")!.TextContent.Contains(person, StringComparison.Ordinal)).QuerySelector(".badge")!;
        return (badge.TextContent.Trim(), badge.ClassList[1]);
    }

    private async Task<BrowserPage> PageAsync()
    {
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        return await owner.GoAsync(kontext, $"/console/access?applicationId={application}");
    }

    private Task<JsonAnswer> OwnerAsync(HttpMethod method, string path, JsonNode? body = null) => kontext.Agent.ApiAsync(method, path, kontext.OwnerToken, body);
}

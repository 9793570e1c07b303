using System.Text.Json.Nodes;
using Kontext.EndToEnd.Tests.Pages;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Administration;

/// <summary>All rules at once at the administrator's: replayed, compared, imported, exported.</summary>
public sealed class PolicyDocumentConsoleTests(ConsoleWorld world) : IClassFixture<ConsoleWorld>
{
    private const string Page = "/console/policy/proposal";

    [Fact]
    public async Task A_proposed_set_of_rules_shows_which_decisions_would_have_come_out_otherwise_and_changes_nothing()
    {
        await using var olivia = await world.PersonAsync("olivia", Page);
        var before = await RulesAsync();
        var replay = olivia.Page.Locator("#replay-result");
        var lines = replay.GetByRole(AriaRole.Row).Filter(new() { HasText = "alice" });
        await ProposeAsync(olivia, rules => rules.Add(Harmless("Contractors drop nothing")));
        await olivia.PressAsync("Replay");
        await Expect(replay).ToBeVisibleAsync();
        await Expect(lines).ToHaveCountAsync(0);
        await ProposeAsync(olivia, rules => rules.Add(Rule("Nothing leaves the house")));
        await olivia.PressAsync("Replay");
        var line = lines.First;
        await Expect(line).ToContainTextAsync("Release agent");
        await Expect(line).ToContainTextAsync("github");
        await Expect(line.Locator("[data-label=Then]")).ToHaveTextAsync("allowed");
        await Expect(line.Locator("[data-label='With these rules']")).ToHaveTextAsync("denied");
        await Expect(line.Locator("[data-label=Why]")).ToHaveTextAsync("Organization: the organization's rule \"Nothing leaves the house\" denies it");
        await Expect(Document(olivia)).ToHaveValueAsync(new System.Text.RegularExpressions.Regex("Nothing leaves the house"));
        await olivia.AssertUsableAsync();
        Assert.Equal(before, await RulesAsync());
    }

    [Fact]
    public async Task A_document_is_compared_with_the_rules_there_are_before_it_is_imported()
    {
        await world.Agent.ApiAsync(HttpMethod.Post, "/policy/rules", world.Owner, Harmless("To be taken out"));
        await using var olivia = await world.PersonAsync("olivia", Page);
        await ProposeAsync(olivia, rules =>
        {
            rules.Remove(rules.Single(rule => (string?)rule!["description"] == "To be taken out"));
            rules.Single(rule => (string?)rule!["description"] == "Deleting is final")!["description"] = "Deleting needs a person";
            rules.Add(Harmless("Brought by the import"));
        });
        var before = await RulesAsync();
        await olivia.PressAsync("Compare");
        var differences = olivia.Page.GetByRole(AriaRole.Status).Filter(new() { HasText = "Compared with the rules there are" });
        await Expect(differences).ToContainTextAsync("1 added, 1 removed, 1 changed");
        await Expect(differences.Locator("ins").Filter(new() { HasText = "Brought by" })).ToContainTextAsync("deny · org · Role contractor · github: drop_* · Brought by the import");
        await Expect(differences.Locator("del").Filter(new() { HasText = "To be taken out" })).ToHaveCountAsync(1);
        // Where only the reason changed, the two lines still differ.
        await Expect(differences.Locator("del").Filter(new() { HasText = "Deleting is final" })).ToHaveCountAsync(1);
        await Expect(differences.Locator("ins").Filter(new() { HasText = "Deleting needs a person" })).ToHaveCountAsync(1);
        await olivia.AssertUsableAsync();
        Assert.Equal(before, await RulesAsync());

        await olivia.PressAsync("Import as the rules");
        await Expect(olivia.Heading).ToContainTextAsync("Policy");
        await Expect(olivia.Toast).ToContainTextAsync("1 added, 1 removed, 1 changed");
        await Expect(olivia.Page.GetByRole(AriaRole.Row).Filter(new() { HasText = "Brought by the import" })).ToContainTextAsync("github: drop_*");
        await Expect(olivia.Page.GetByRole(AriaRole.Row).Filter(new() { HasText = "To be taken out" })).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_bad_document_is_refused_with_the_field_named_and_stays_to_be_mended()
    {
        await using var olivia = await world.PersonAsync("olivia", Page);
        var before = await RulesAsync();
        var refusal = olivia.Page.GetByRole(AriaRole.Alert);
        await ProposeAsync(olivia, rules => rules.Insert(0, new JsonObject { ["action"] = "forbid", ["level"] = "org", ["description"] = "Misspelt" }));
        foreach (var button in new[] { "Compare", "Import as the rules", "Replay" })
        {
            await olivia.PressAsync(button);
            await Expect(refusal.Locator("code")).ToHaveTextAsync("rules[0].action");
            await Expect(Document(olivia)).ToHaveValueAsync(new System.Text.RegularExpressions.Regex("Misspelt"));
            await olivia.Page.EvaluateAsync("document.querySelector('[role=alert]').remove()");
        }
        await Document(olivia).FillAsync("rules: deny everything");
        await olivia.PressAsync("Import as the rules");
        await Expect(Document(olivia)).ToHaveAttributeAsync("aria-invalid", "true");
        await Expect(olivia.Page.Locator("#field-document-error")).ToHaveTextAsync("Has to be the JSON of an export, or a list of rules.");
        await Expect(Document(olivia)).ToHaveValueAsync("rules: deny everything");
        await olivia.AssertUsableAsync();
        Assert.Equal(before, await RulesAsync());
    }

    [Fact]
    public async Task An_import_over_rules_that_somebody_changed_meanwhile_is_refused_and_goes_on_after_a_comparison()
    {
        await using var olivia = await world.PersonAsync("olivia", Page);
        await ProposeAsync(olivia, rules => rules.Add(Harmless("Of the import")));
        await world.Agent.ApiAsync(HttpMethod.Post, "/policy/rules", world.Owner, Harmless("Of somebody else"));
        await olivia.PressAsync("Import as the rules");
        await Expect(olivia.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("somebody else changed the rules");
        await Expect(Document(olivia)).ToHaveValueAsync(new System.Text.RegularExpressions.Regex("Of the import"));
        Assert.Contains("Of somebody else", await RulesAsync(), StringComparison.Ordinal);
        await olivia.AssertUsableAsync();

        await olivia.PressAsync("Compare");
        await Expect(olivia.Page.Locator("del").Filter(new() { HasText = "Of somebody else" })).ToHaveCountAsync(1);
        await olivia.PressAsync("Import as the rules");
        await Expect(olivia.Toast).ToContainTextAsync("1 added, 1 removed, 0 changed");
        Assert.DoesNotContain("Of somebody else", await RulesAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_export_imported_as_it_is_makes_no_difference()
    {
        await using var olivia = await world.PersonAsync("olivia", "/console/policy");
        var file = await olivia.Page.RunAndWaitForDownloadAsync(() => olivia.Page.GetByRole(AriaRole.Link, new() { Name = "Export", Exact = true }).ClickAsync());
        Assert.Equal("policy.json", file.SuggestedFilename);
        var document = await File.ReadAllTextAsync(await file.PathAsync(), TestContext.Current.CancellationToken);
        Assert.NotEmpty(JsonNode.Parse(document)!["rules"]!.AsArray());
        await olivia.Page.GetByRole(AriaRole.Link, new() { Name = "Replay a proposal" }).ClickAsync();
        await Document(olivia).FillAsync(document);
        await olivia.PressAsync("Compare");
        await Expect(olivia.Page.GetByText("0 added, 0 removed, 0 changed")).ToBeVisibleAsync();
        await Expect(olivia.Page.Locator(".difference")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task An_auditor_replays_and_compares_and_is_offered_no_import()
    {
        await using var auditor = await world.PersonAsync("audrey+auditor", Page);
        await ProposeAsync(auditor, rules => rules.Add(Rule("An auditor's idea")));
        await auditor.PressAsync("Replay");
        await Expect(auditor.Page.Locator("#replay-result tbody")).ToContainTextAsync("denied");
        await Expect(auditor.Page.GetByRole(AriaRole.Button, new() { Name = "Import as the rules" })).ToHaveCountAsync(0);
        await auditor.AssertUsableAsync();
    }

    private static ILocator Document(PageOfPerson person) => person.Page.GetByLabel("Rules", new() { Exact = true });

    private static async Task ProposeAsync(PageOfPerson person, Action<JsonArray> change)
    {
        var document = JsonNode.Parse(await Document(person).InputValueAsync())!;
        change(document["rules"]!.AsArray());
        await Document(person).FillAsync(document.ToJsonString());
    }

    private JsonObject Rule(string why, string? tool = null, string? role = null) =>
        new() { ["action"] = "deny", ["level"] = "org", ["integrationId"] = world.Integration, ["toolName"] = tool, ["role"] = role, ["description"] = why };

    /// <summary>A rule about nobody here: what was decided stays as it was.</summary>
    private JsonObject Harmless(string why) => Rule(why, "drop_*", "contractor");

    private async Task<string> RulesAsync() => (await world.Agent.ApiAsync(HttpMethod.Get, "/policy/rules", world.Owner)).Json!.ToJsonString();
}

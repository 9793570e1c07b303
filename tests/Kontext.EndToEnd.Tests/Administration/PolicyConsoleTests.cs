using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Administration;

/// <summary>Single rules at the administrator's: explained, made, changed by several at once, deleted.</summary>
public sealed class PolicyConsoleTests(ConsoleWorld world) : IClassFixture<ConsoleWorld>
{
    [Fact]
    public async Task A_decision_is_explained_layer_by_layer_and_leads_to_the_rule_that_decides()
    {
        await using var olivia = await world.PersonAsync("olivia", "/console/policy");
        await olivia.Page.GetByRole(AriaRole.Link, new() { Name = "Explain a decision" }).ClickAsync();
        await ChooseAsync(olivia.Page, "Application", "Release agent");
        await olivia.Page.GetByLabel("For (optional)").FillAsync((await olivia.Page.Locator("datalist option").Filter(new() { HasText = "alice" }).GetAttributeAsync("value"))!);
        await ChooseAsync(olivia.Page, "Integration", "linear");
        await olivia.Page.GetByLabel("Tool").FillAsync("create");
        await olivia.PressAsync("Explain");
        await Expect(olivia.Page.Locator(".verdict")).ToContainTextAsync("Refused");
        await Expect(olivia.Page.Locator(".verdict")).ToContainTextAsync("Release agent may not call linear:create");
        await Expect(Layer(olivia.Page, "Organization")).ToContainTextAsync("deny");
        await Expect(Layer(olivia.Page, "Person")).ToContainTextAsync("allow");
        await Expect(Layer(olivia.Page, "Application")).ToContainTextAsync("allow");
        await olivia.AssertUsableAsync();
        await olivia.Page.GetByRole(AriaRole.Link, new() { Name = "The rule that decides" }).ClickAsync();
        await Expect(olivia.Page).ToHaveURLAsync(olivia.Address("/console/policy#" + world.Rule));
        await Expect(olivia.Page.Locator("tr:target")).ToContainTextAsync("Linear is for people");

        await olivia.Page.GoBackAsync();
        await ChooseAsync(olivia.Page, "Integration", "github");
        await olivia.PressAsync("Explain");
        await Expect(olivia.Page.Locator(".verdict")).ToContainTextAsync("Passes");
        await olivia.Page.GetByLabel("Arguments").FillAsync("acme");
        await olivia.PressAsync("Explain");
        await Expect(olivia.Page.GetByLabel("Arguments")).ToHaveAttributeAsync("aria-invalid", "true");
        await Expect(olivia.Page.GetByLabel("Arguments")).ToHaveValueAsync("acme");
        await Expect(olivia.Page.Locator("#field-arguments-error")).ToHaveTextAsync("Has to be a JSON object.");
        await Expect(olivia.Page.Locator(".verdict")).ToHaveCountAsync(0);
        await olivia.AssertUsableAsync();
    }

    [Fact]
    public async Task A_rule_that_was_entered_wrongly_is_mended_decides_is_changed_and_deleted_after_a_question()
    {
        await using var olivia = await world.PersonAsync("olivia", "/console/policy");
        await olivia.Page.GetByRole(AriaRole.Link, new() { Name = "Add rule to the layer Application" }).ClickAsync();
        await Expect(olivia.Page.GetByLabel("Layer")).ToHaveValueAsync("agent");
        await olivia.Page.GetByLabel("Effect").SelectOptionAsync("deny");
        await ChooseAsync(olivia.Page, "Integration", "github");
        await olivia.Page.GetByLabel("Tool").FillAsync("create_*");
        await ChooseAsync(olivia.Page, "Application", "Report agent");
        await olivia.Page.GetByLabel("Conditions").FillAsync("arguments.owner resembles acme");
        await olivia.PressAsync("Add rule");
        await Expect(olivia.Page.GetByLabel("Conditions")).ToHaveAttributeAsync("aria-invalid", "true");
        await Expect(olivia.Page.GetByLabel("Tool")).ToHaveValueAsync("create_*");
        await olivia.AssertUsableAsync();
        await olivia.Page.GetByLabel("Conditions").FillAsync("arguments.owner one_of acme");
        await olivia.PressAsync("Add rule");
        await Expect(olivia.Toast).ToContainTextAsync("The rule is added.");
        var row = olivia.Page.GetByRole(AriaRole.Region, new() { Name = "Application", Exact = true }).GetByRole(AriaRole.Row).Filter(new() { HasText = "arguments.owner one_of acme" });
        await Expect(row).ToContainTextAsync("Application Report agent");
        await olivia.AssertUsableAsync();

        await ExplainAsync(olivia.Page, """{"owner": "acme"}""");
        await Expect(Layer(olivia.Page, "Application")).ToContainTextAsync("deny");
        await ExplainAsync(olivia.Page, """{"owner": "somebody"}""");
        await Expect(Layer(olivia.Page, "Application")).ToContainTextAsync("allow");

        await olivia.Page.GotoAsync(olivia.Address("/console/policy"));
        await row.GetByRole(AriaRole.Link, new() { Name = "Edit the rule" }).ClickAsync();
        await Expect(olivia.Page.GetByLabel("Conditions")).ToHaveValueAsync("arguments.owner one_of acme");
        await olivia.Page.GetByLabel("Effect").SelectOptionAsync("ask");
        await olivia.PressAsync("Save rule");
        await Expect(olivia.Toast).ToContainTextAsync("The rule is changed.");
        await Expect(row.Locator(".badge")).ToHaveTextAsync("ask");

        var delete = row.GetByRole(AriaRole.Button, new() { Name = "Delete the rule" });
        Assert.Contains("decisions are made without it", await olivia.AnswerAsync(delete, accept: false), StringComparison.Ordinal);
        await olivia.Page.ReloadAsync();
        await Expect(row).ToHaveCountAsync(1);
        await olivia.AnswerAsync(delete, accept: true);
        await Expect(olivia.Toast).ToContainTextAsync("The rule is deleted.");
        await Expect(row).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_rule_that_was_changed_in_another_tab_is_not_written_over_and_what_was_entered_stays()
    {
        var rule = await RuleAsync("Opened in two tabs");
        await using var olivia = await world.PersonAsync("olivia", "/console/policy/rules/" + rule);
        var second = await olivia.Context.NewPageAsync();
        await second.GotoAsync(olivia.Page.Url);
        await olivia.Page.GetByLabel("Tool").FillAsync("drop_*");
        await olivia.PressAsync("Save rule");
        await Expect(olivia.Toast).ToContainTextAsync("The rule is changed.");

        var save = second.GetByRole(AriaRole.Button, new() { Name = "Save rule" });
        await second.GetByLabel("Why").FillAsync("Of the second tab");
        await save.ClickAsync();
        await Expect(second.GetByRole(AriaRole.Alert)).ToContainTextAsync("somebody else changed this rule");
        await Expect(second.GetByRole(AriaRole.Alert)).ToContainTextAsync("github: drop_*");
        await Expect(second.GetByLabel("Why")).ToHaveValueAsync("Of the second tab");
        await Expect(second.GetByLabel("Tool")).ToHaveValueAsync("delete_*");
        await olivia.Page.ReloadAsync();
        await Expect(olivia.Page.Locator($"[id='{rule}']")).ToContainTextAsync("drop_*");
        await Expect(olivia.Page.Locator($"[id='{rule}']")).ToContainTextAsync("Opened in two tabs");

        // Who has read that may still have it their way.
        await save.ClickAsync();
        await Expect(second.Locator($"[id='{rule}']")).ToContainTextAsync("Of the second tab");
        await Expect(second.Locator($"[id='{rule}']")).ToContainTextAsync("delete_*");
    }

    [Fact]
    public async Task A_rule_that_was_deleted_in_another_tab_is_said_to_be_gone_and_what_was_entered_stays()
    {
        var rule = await RuleAsync("About to go");
        await using var olivia = await world.PersonAsync("olivia", "/console/policy/rules/" + rule);
        Assert.Equal(HttpStatusCode.NoContent, (await world.Agent.ApiAsync(HttpMethod.Delete, "/policy/rules/" + rule, world.Owner)).Status);
        await olivia.Page.GetByLabel("Why").FillAsync("A long explanation");
        await olivia.PressAsync("Save rule");
        await Expect(olivia.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("rule");
        await Expect(olivia.Page.GetByLabel("Why")).ToHaveValueAsync("A long explanation");
        await olivia.AssertUsableAsync();
    }

    [Fact]
    public async Task Rules_that_are_only_observed_say_so_wherever_they_are_explained_until_they_are_enforced()
    {
        await using var olivia = await world.PersonAsync("olivia", "/console/policy");
        var state = olivia.Page.Locator("h1 .badge");
        var observe = olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Only observe" });
        Assert.Contains("lets every call through", await olivia.AnswerAsync(observe, accept: false), StringComparison.Ordinal);
        await olivia.Page.ReloadAsync();
        await Expect(state).ToHaveTextAsync("enforced");
        await olivia.AnswerAsync(observe, accept: true);
        await Expect(state).ToHaveTextAsync("only observed");
        await Expect(olivia.Page.GetByText("Nothing is refused: decisions are made and recorded only.")).ToBeVisibleAsync();
        await olivia.AssertUsableAsync();
        var question = olivia.Address($"/console/policy/check?applicationId={world.Application}&userId=me&integrationId={(await LinearAsync())}&toolName=create");
        await olivia.Page.GotoAsync(question);
        await Expect(olivia.Page.GetByText("The rules deny it, but are only observed")).ToBeVisibleAsync();
        await olivia.AssertUsableAsync();

        await olivia.Page.GotoAsync(olivia.Address("/console/policy"));
        Assert.Contains("is refused", await olivia.AnswerAsync(olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Enforce" }), accept: true), StringComparison.Ordinal);
        await Expect(state).ToHaveTextAsync("enforced");
        await olivia.Page.GotoAsync(question);
        await Expect(olivia.Page.Locator(".verdict")).ToContainTextAsync("Refused");
        await Expect(olivia.Page.GetByText("only observed")).ToHaveCountAsync(0);
    }

    private static ILocator Layer(IPage page, string name) => page.Locator(".layers li").Filter(new() { Has = page.Locator("strong", new() { HasText = name }) });

    private static async Task ChooseAsync(IPage page, string label, string choice) => await page.GetByLabel(label).SelectOptionAsync(new SelectOptionValue { Label = choice });

    private static async Task ExplainAsync(IPage page, string arguments)
    {
        await page.GotoAsync(new Uri(new Uri(page.Url), "/console/policy/check").AbsoluteUri);
        await ChooseAsync(page, "Application", "Report agent");
        await ChooseAsync(page, "Integration", "github");
        await page.GetByLabel("Tool").FillAsync("create_issue");
        await page.GetByLabel("Arguments").FillAsync(arguments);
        await page.GetByRole(AriaRole.Button, new() { Name = "Explain" }).ClickAsync();
    }

    private async Task<string> LinearAsync() =>
        (string)(await world.Agent.ApiAsync(HttpMethod.Get, "/integrations", world.Owner)).Json!["items"]!.AsArray().Single(item => (string?)item!["name"] == "linear")!["id"]!;

    private async Task<string> RuleAsync(string why)
    {
        var made = await world.Agent.ApiAsync(HttpMethod.Post, "/policy/rules", world.Owner, new JsonObject { ["action"] = "deny", ["level"] = "org", ["integrationId"] = world.Integration, ["toolName"] = "delete_*", ["description"] = why });
        return (string)made.Json!["rule"]!["id"]!;
    }
}

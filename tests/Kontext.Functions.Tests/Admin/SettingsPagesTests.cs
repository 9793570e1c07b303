using System.Net;
using Kontext.Functions.Tests.Api;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Admin;

/// <summary>Service accounts, webhooks and settings on the administration pages.</summary>
public sealed class SettingsPagesTests(KontextFixture kontext)
{
    [Fact]
    public async Task A_service_account_is_made_disabled_given_a_new_secret_and_revoked()
    {
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var name = ApiCalls.Unique("deployment");
        var made = await owner.PressAsync(await owner.GoAsync(kontext, "/console/service-accounts"), "create", new() { ["name"] = name });
        var (client, secret) = (made.Document.GetElementById("value-0")!.TextContent, made.Document.QuerySelector(".shown-once")!.TextContent);
        Assert.Equal(HttpStatusCode.OK, (await TokenAsync(client, secret)).Status);

        var list = await owner.GoAsync(kontext, "/console/service-accounts");
        Assert.DoesNotContain(secret, list.Document.DocumentElement.OuterHtml, StringComparison.Ordinal);
        list = await owner.SubmitAsync(list, Button(list, $"Disable {name}"));
        Assert.Equal(HttpStatusCode.Unauthorized, (await TokenAsync(client, secret)).Status);
        list = await owner.SubmitAsync(list, Button(list, $"Enable {name}"));
        var rotated = await owner.SubmitAsync(list, Button(list, $"New secret for {name}"), new Dictionary<string, string> { ["overlapSeconds"] = "3600" });
        Assert.Contains("The old secret works until", rotated.Document.QuerySelector("p:has(time)")!.TextContent, StringComparison.Ordinal);
        var second = rotated.Document.QuerySelector(".shown-once")!.TextContent;
        Assert.Equal(HttpStatusCode.OK, (await TokenAsync(client, second)).Status);
        Assert.Equal(HttpStatusCode.OK, (await TokenAsync(client, secret)).Status);
        list = await owner.GoAsync(kontext, "/console/service-accounts");
        rotated = await owner.SubmitAsync(list, Button(list, $"New secret for {name}"));
        Assert.Contains("does not work any more", rotated.Text, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await TokenAsync(client, rotated.Document.QuerySelector(".shown-once")!.TextContent)).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await TokenAsync(client, second)).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await TokenAsync(client, secret)).Status);
        list = await owner.GoAsync(kontext, "/console/service-accounts");
        list = await owner.ConfirmedAsync(list, Button(list, $"Revoke {name}"));
        Assert.DoesNotContain(name, list.Text, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Unauthorized, (await TokenAsync(client, secret)).Status);
    }

    [Fact]
    public async Task A_webhook_is_added_tried_out_changed_and_deleted()
    {
        await using var receiver = new WebhookReceiver();
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var made = await owner.PressAsync(await owner.GoAsync(kontext, "/console/webhooks"), "create", new() { ["url"] = receiver.Url, ["events"] = "session.revoked" });
        Assert.NotNull(made.Document.QuerySelector(".shown-once"));
        var page = await owner.OpenAsync(new Uri(made.Url, made.Document.QuerySelector("a.primary")!.GetAttribute("href")!));
        Assert.NotNull(page.Document.QuerySelector("input[name=events][value='session.revoked'][checked]"));
        page = await owner.PressAsync(page, "test");
        Assert.Contains("webhook.test", page.Document.QuerySelector("section[aria-labelledby=deliveries] tbody")!.TextContent, StringComparison.Ordinal);
        page = await owner.PressAsync(page, "save", new() { ["description"] = "Ours" });
        Assert.Equal("Ours", page.Document.QuerySelector("input[name=description]")!.GetAttribute("value"));
        page = await owner.PressAsync(page, "switch");
        Assert.Equal("disabled", page.Document.QuerySelector("h1 .badge")!.TextContent.Trim());
        var list = await owner.ConfirmedAsync(page, page.Document.QuerySelector(".danger-zone button")!);
        Assert.DoesNotContain(receiver.Url, list.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_organization_is_renamed_and_wrong_names_are_refused()
    {
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var name = ApiCalls.Unique("Acme");
        var page = await owner.PressAsync(await owner.GoAsync(kontext, "/console/settings"), "save", new() { ["name"] = name });
        Assert.Equal(name, page.Document.QuerySelector("input[name=name]")!.GetAttribute("value"));
        var again = await owner.PressAsync(page, "save", new() { ["name"] = new string('x', 300) });
        Assert.Equal(HttpStatusCode.BadRequest, again.Status);
        Assert.Equal("true", again.Document.QuerySelector("input[name=name]")!.GetAttribute("aria-invalid"));
        Assert.Contains("development sign-in", page.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_signing_key_is_rotated_after_a_question()
    {
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var page = await owner.GoAsync(kontext, "/console/settings");
        var before = page.Document.QuerySelectorAll("section[aria-labelledby=keys] tbody tr").Length;
        var done = await owner.ConfirmedAsync(page, page.Document.GetElementById("rotate")!);
        Assert.Contains("A new key is published", done.Notice(), StringComparison.Ordinal);
        Assert.True(done.Document.QuerySelectorAll("section[aria-labelledby=keys] tbody tr").Length > before);
    }

    [Fact]
    public async Task The_data_key_is_rotated_after_a_question_and_its_state_is_shown()
    {
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var page = await owner.GoAsync(kontext, "/console/settings");
        var before = page.Document.QuerySelector("section[aria-labelledby=data-key] dd.mono")!.TextContent;
        var done = await owner.ConfirmedAsync(page, page.Document.GetElementById("rotate-data-key")!);
        Assert.Contains("A new data key encrypts", done.Notice(), StringComparison.Ordinal);
        var section = done.Document.QuerySelector("section[aria-labelledby=data-key]")!;
        Assert.NotEqual(before, section.QuerySelector("dd.mono")!.TextContent);
        Assert.NotNull(section.QuerySelector("time"));
        Assert.NotNull(section.QuerySelector(".badge"));
    }

    private static AngleSharp.Dom.IElement Button(BrowserPage page, string label) => page.Document.QuerySelector($"button[aria-label='{label}']")!;

    private Task<JsonAnswer> TokenAsync(string client, string secret) => kontext.Agent.TokenAsync(new() { ["grant_type"] = "client_credentials" }, $"{client}:{secret}");
}

using System.Globalization;
using Kontext.Domain;
using Kontext.Domain.Webhooks;
using Kontext.EndToEnd.Tests.Pages;
using Kontext.Testing;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Administration;

/// <summary>Webhooks at the administrator's, with somebody who receives.</summary>
public sealed class WebhookConsoleTests(ConsoleWorld world) : IClassFixture<ConsoleWorld>
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_webhook_with_a_wrong_address_is_refused_and_the_secret_of_a_right_one_is_shown_once_and_signs()
    {
        await using var receiver = new WebhookReceiver();
        await using var olivia = await world.PersonAsync("olivia", "/console/webhooks");
        await olivia.Page.GetByLabel("Address").FillAsync("ftp://hooks.example.com");
        await olivia.Page.GetByLabel("Description").FillAsync("Ours");
        await olivia.Page.GetByLabel("connection.disconnected").CheckAsync();
        await olivia.PressAsync("Add webhook");
        await Expect(olivia.Page.GetByLabel("Address")).ToHaveAttributeAsync("aria-invalid", "true");
        await Expect(olivia.Page.GetByLabel("Address")).ToHaveValueAsync("ftp://hooks.example.com");
        await Expect(olivia.Page.GetByLabel("Description")).ToHaveValueAsync("Ours");
        await Expect(olivia.Page.GetByLabel("connection.disconnected")).ToBeCheckedAsync();
        await olivia.AssertUsableAsync();

        await olivia.Page.GetByLabel("Address").FillAsync(receiver.Url);
        await olivia.PressAsync("Add webhook");
        await Expect(olivia.Heading).ToHaveTextAsync("The webhook is made");
        // Unlike other secrets it is kept, to sign with.
        await Expect(olivia.Page.GetByRole(AriaRole.Note)).ToContainTextAsync("Kontext keeps it in the vault to sign with");
        await Expect(olivia.Page.GetByRole(AriaRole.Note)).Not.ToContainTextAsync("hash");
        var secret = (await olivia.Page.Locator(".shown-once").TextContentAsync())!;
        await olivia.AssertUsableAsync();
        await olivia.Page.GetByRole(AriaRole.Link, new() { Name = "To the webhook" }).ClickAsync();
        await olivia.PressAsync("Send a test");
        await Expect(olivia.Toast).ToContainTextAsync("A test message is on its way.");
        Assert.True(IsSigned(await receiver.NextAsync(Cancelled), secret));
        Assert.DoesNotContain(secret, await olivia.Page.ContentAsync(), StringComparison.Ordinal);
        await ShownAsync(olivia, "delivered");
        await Expect(Deliveries(olivia).First.Locator("[data-label=Answer]")).ToHaveTextAsync("200");
        await Deliveries(olivia).First.GetByText("Content").ClickAsync();
        await Expect(Deliveries(olivia).First.Locator("pre")).ToContainTextAsync("webhook.test");
        await olivia.AssertUsableAsync();
        await olivia.Page.GotoAsync(olivia.Address("/console/webhooks"));
        await Expect(olivia.Page.GetByRole(AriaRole.Row).Filter(new() { HasText = receiver.Url })).ToContainTextAsync("connection.disconnected");
    }

    [Fact]
    public async Task A_delivery_that_fails_says_what_was_answered_and_is_sent_again()
    {
        await using var receiver = new WebhookReceiver { Answer = _ => 500 };
        await using var olivia = await world.PersonAsync("olivia", await WebhookAsync(receiver));
        await Expect(olivia.Page.GetByText("Nothing was sent yet.")).ToBeVisibleAsync();
        await olivia.PressAsync("Send a test");
        var first = await receiver.NextAsync(Cancelled);
        var answer = Deliveries(olivia).First.Locator("[data-label=Answer]");
        await RefreshAsync(olivia, async () => (await answer.TextContentAsync())!.Trim() == "500");
        await Expect(Deliveries(olivia).First.Locator(".badge")).ToHaveTextAsync("pending");
        await Expect(Deliveries(olivia).First.Locator("[data-label=State]")).ToContainTextAsync("again");
        await olivia.AssertUsableAsync();
        receiver.Answer = _ => 204;
        await olivia.PressAsync("Send again: webhook.test");
        await Expect(olivia.Toast).ToContainTextAsync("It is sent again.");
        Assert.Equal(first.Id, (await receiver.NextAsync(Cancelled)).Id);
        await ShownAsync(olivia, "delivered");
    }

    [Fact]
    public async Task A_receiver_that_is_gone_switches_its_webhook_off_with_the_reason_until_it_is_enabled_again()
    {
        await using var receiver = new WebhookReceiver { Answer = _ => 410 };
        await using var olivia = await world.PersonAsync("olivia", await WebhookAsync(receiver));
        await olivia.PressAsync("Send a test");
        await receiver.NextAsync(Cancelled);
        await RefreshAsync(olivia, async () => await olivia.Page.Locator("h1 .badge").TextContentAsync() == "disabled");
        await Expect(olivia.Page.GetByText("It was disabled:")).ToContainTextAsync("410");
        await olivia.AssertUsableAsync();
        await olivia.PressAsync("Enable");
        await Expect(olivia.Toast).ToContainTextAsync("The webhook is enabled.");
        await Expect(olivia.Page.Locator("h1 .badge")).ToHaveTextAsync("enabled");
        await Expect(olivia.Page.GetByText("It was disabled:")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_new_signing_secret_signs_beside_the_old_one_for_as_long_as_was_chosen_and_a_deleted_webhook_gets_nothing()
    {
        await using var receiver = new WebhookReceiver();
        var path = await WebhookAsync(receiver);
        await using var olivia = await world.PersonAsync("olivia", path);
        var first = await RotateAsync(olivia, "Ends at once");
        await Expect(olivia.Page.GetByText("The old secret does not work any more.")).ToBeVisibleAsync();
        await olivia.Page.GetByRole(AriaRole.Link, new() { Name = "To the webhook" }).ClickAsync();
        var second = await RotateAsync(olivia, "Works for another hour");
        await Expect(olivia.Page.GetByText("Both secrets work for now.")).ToBeVisibleAsync();
        await Expect(olivia.Page.GetByText("The old secret works until")).ToBeVisibleAsync();
        await olivia.AssertUsableAsync();
        await olivia.Page.GetByRole(AriaRole.Link, new() { Name = "To the webhook" }).ClickAsync();
        await olivia.PressAsync("Send a test");
        var message = await receiver.NextAsync(Cancelled);
        Assert.True(IsSigned(message, first));
        Assert.True(IsSigned(message, second));

        var delete = olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Delete" });
        Assert.Contains("its secret is deleted", await olivia.AnswerAsync(delete, accept: false), StringComparison.Ordinal);
        await Expect(delete).ToBeVisibleAsync();
        await olivia.AnswerAsync(delete, accept: true);
        await Expect(olivia.Toast).ToContainTextAsync("The webhook is deleted.");
        await Expect(olivia.Heading).ToHaveTextAsync("Webhooks");
        await Expect(olivia.Page.GetByText(receiver.Url)).ToHaveCountAsync(0);
        Assert.Equal(404, (await olivia.Page.GotoAsync(olivia.Address(path)))!.Status);
        await olivia.AssertUsableAsync();
    }

    private static ILocator Deliveries(PageOfPerson person) => person.Page.GetByRole(AriaRole.Region, new() { Name = "Deliveries" }).Locator("tbody tr");

    private static Task ShownAsync(PageOfPerson person, string state) => RefreshAsync(person, async () => (await Deliveries(person).First.Locator(".badge").TextContentAsync())!.Trim() == state);

    /// <summary>Looks again until it is there: what came of a delivery is written after its answer.</summary>
    private static async Task RefreshAsync(PageOfPerson person, Func<Task<bool>> there)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        limit.CancelAfter(TimeSpan.FromSeconds(60));
        while (!await there())
        {
            limit.Token.ThrowIfCancellationRequested();
            await person.Page.RunAndWaitForResponseAsync(() => person.Page.GetByRole(AriaRole.Link, new() { Name = "Refresh" }).ClickAsync(), "**/console/webhooks/*");
            await Expect(person.Page.Locator("#refresh")).Not.ToHaveAttributeAsync("aria-busy", "true");
        }
    }

    private static async Task<string> RotateAsync(PageOfPerson person, string overlap)
    {
        await person.Page.GetByText("Rotate the signing secret").ClickAsync();
        await person.Page.GetByLabel("The old secret").SelectOptionAsync(new SelectOptionValue { Label = overlap });
        await person.PressAsync("Make a new secret");
        await Expect(person.Heading).ToHaveTextAsync("New signing secret");
        return (await person.Page.Locator(".shown-once").TextContentAsync())!;
    }

    private static bool IsSigned(ReceivedMessage message, string secret)
    {
        var at = DateTimeOffset.FromUnixTimeSeconds(long.Parse((string)message.Headers["webhook-timestamp"]!, CultureInfo.InvariantCulture));
        return ((string)message.Headers["webhook-signature"]!).Split(' ').Contains(WebhookSignature.Of(message.Id, at, message.Body, [new Secret(secret)]));
    }

    private async Task<string> WebhookAsync(WebhookReceiver receiver)
    {
        var made = await world.Agent.ApiAsync(HttpMethod.Post, "/webhooks", world.Owner, new System.Text.Json.Nodes.JsonObject { ["url"] = receiver.Url });
        return "/console/webhooks/" + (string)made.Json!["webhook"]!["id"]!;
    }
}

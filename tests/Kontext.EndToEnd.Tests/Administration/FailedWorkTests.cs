using System.Text;
using System.Text.Json.Nodes;
using Kontext.EndToEnd.Tests.Pages;
using Kontext.Functions.Storage;
using Kontext.Testing;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Administration;

/// <summary>Work that the queue gave up, at the administrator's.</summary>
public sealed class FailedWorkTests(AzuriteFixture azurite) : IDisposable
{
    private readonly string keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(keys, recursive: true);

    [Fact]
    public async Task What_was_given_up_is_listed_and_replayed_or_dismissed()
    {
        var account = await azurite.EmptyAccountAsync();
        var queue = new StorageQueue(StorageAccount.ParseQueue(account), TimeProvider.System);
        await using var receiver = new WebhookReceiver();
        await using var server = await KontextServer.StartAsync(account, keys, settings: new Dictionary<string, string> { ["KontextQueue"] = account }, handler: true);
        var agent = new TestAgent(server.Url);
        var token = await agent.ManagementTokenAsync("olivia");
        var webhook = (string)(await agent.ApiAsync(HttpMethod.Post, "/webhooks", token, new JsonObject { ["url"] = receiver.Url })).Json!["webhook"]!["id"]!;
        await agent.ApiAsync(HttpMethod.Post, $"/webhooks/{webhook}/test", token);
        // What the host moves aside after its last attempt.
        var message = Assert.Single(await queue.ReceiveAsync(16, TimeSpan.FromMinutes(5), Cancelled));
        await PostAsync(server, "/fn_queue_poison", message.Body);

        using var playwright = await Playwright.CreateAsync();
        await using var chromium = await playwright.Chromium.LaunchAsync(PagesWorld.Options());
        var context = await chromium.NewContextAsync();
        await using var olivia = new PageOfPerson(server, context, await context.NewPageAsync(), "olivia");
        await olivia.SignInAsync("/console");
        await olivia.Page.GetByRole(AriaRole.Link, new() { Name = "look and replay" }).ClickAsync();
        await Expect(olivia.Heading).ToHaveTextAsync("Failed work");
        await Expect(olivia.Page.Locator("tbody")).ToContainTextAsync("webhook.deliver");
        await olivia.Page.GetByText("Show", new() { Exact = true }).ClickAsync();
        await olivia.AssertAccessibleAsync();
        await olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Replay webhook.deliver" }).ClickAsync();
        await Expect(olivia.Toast).ToContainTextAsync("queued again");
        await Expect(olivia.Page.GetByText("Nothing was given up")).ToBeVisibleAsync();
        await olivia.AssertAccessibleAsync();
        var replayed = Assert.Single(await queue.ReceiveAsync(16, TimeSpan.FromMinutes(5), Cancelled));
        await PostAsync(server, "/fn_queue_work", replayed.Body);
        Assert.Contains("webhook.test", (await receiver.NextAsync(Cancelled)).Body, StringComparison.Ordinal);

        // What nobody can read can only be dismissed, which is asked before it is done.
        await PostAsync(server, "/fn_queue_work", "nobody's work"u8.ToArray());
        await olivia.Page.ReloadAsync();
        await Expect(olivia.Page.Locator("tbody")).ToContainTextAsync("unreadable");
        await Expect(olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Replay unreadable" })).ToHaveCountAsync(0);
        await olivia.Page.GetByText("Show", new() { Exact = true }).ClickAsync();
        await Expect(olivia.Page.Locator("tbody")).Not.ToContainTextAsync("nobody's work");
        await olivia.AssertAccessibleAsync();
        olivia.WhenAsked(accept: true);
        await olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Dismiss unreadable" }).ClickAsync();
        await Expect(olivia.Toast).ToContainTextAsync("dismissed");
        await Expect(olivia.Page.GetByText("Nothing was given up")).ToBeVisibleAsync();
    }

    private static async Task PostAsync(KontextServer server, string function, ReadOnlyMemory<byte> message)
    {
        using var content = new StringContent($$$"""{"Data":{"message":"{{{Convert.ToBase64String(message.Span)}}}"},"Metadata":{"DequeueCount":"1"}}""", Encoding.UTF8, "application/json");
        using var response = await server.Http.PostAsync(new Uri(function, UriKind.Relative), content, Cancelled);
        response.EnsureSuccessStatusCode();
    }
}

using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Webhooks;

/// <summary>An installation that lets nobody reach into its network.</summary>
public sealed class WebhookAddressTests : IDisposable
{
    private readonly string keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(keys, recursive: true);

    [Fact]
    public async Task A_webhook_reaches_no_private_address_by_its_number_or_by_a_name_for_it()
    {
        await using var receiver = new WebhookReceiver();
        await using var kontext = await KontextServer.StartAsync("memory", keys, settings: new Dictionary<string, string> { ["Kontext__AllowPrivateUpstreams"] = "false" });
        var agent = new TestAgent(kontext.Url);
        var owner = await agent.ManagementTokenAsync("olivia");
        Assert.Equal(HttpStatusCode.BadRequest, (await agent.ApiAsync(HttpMethod.Post, "/webhooks", owner, new JsonObject { ["url"] = receiver.Url })).Status);

        // The name is good until it is resolved.
        var port = new Uri(receiver.Url).Port;
        foreach (var host in (string[])["localhost", "127.0.0.1", "[::ffff:127.0.0.1]", "169.254.169.254"])
        {
            var made = await agent.ApiAsync(HttpMethod.Post, "/webhooks", owner, new JsonObject { ["url"] = $"https://{host}:{port}/hooks/" });
            if (made.Status == HttpStatusCode.BadRequest)
                continue;
            var webhook = (string)made.Json!["webhook"]!["id"]!;
            await agent.ApiAsync(HttpMethod.Post, $"/webhooks/{webhook}/test", owner);
            string? error;
            while ((error = (string?)(await agent.ApiAsync(HttpMethod.Get, $"/webhooks/{webhook}/deliveries", owner)).Json!["items"]![0]!["lastError"]) is null)
                Cancelled.ThrowIfCancellationRequested();
            Assert.Contains("private", error, StringComparison.Ordinal);
        }
        Assert.Null(receiver.Waiting);
    }
}

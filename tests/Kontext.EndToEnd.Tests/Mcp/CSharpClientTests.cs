using System.Collections.Concurrent;
using System.Text.Json;
using Kontext.Testing;
using ModelContextProtocol;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;

namespace Kontext.EndToEnd.Tests.Mcp;

/// <summary>The official C# client, in both eras of the protocol, through two instances of the gateway to servers of both eras.</summary>
public sealed class CSharpClientTests(AzuriteFixture azurite)
{
    private const string Older = "2025-11-25";
    private const string Modern = "2026-07-28";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Older, "legacy")]
    [InlineData(Older, "modern")]
    [InlineData(Modern, "legacy")]
    [InlineData(Modern, "modern")]
    [InlineData(null, "legacy")]
    public async Task The_CSharp_client_lists_calls_reads_and_answers_questions(string? revision, string server)
    {
        await using var gateway = await TwoInstances.StartAsync(azurite);
        await using var front = await gateway.FrontAsync("/" + server);
        var asked = new ConcurrentQueue<string>();
        var progress = new Progressed(3);
        await using var client = await McpClient.CreateAsync(
            new HttpClientTransport(new HttpClientTransportOptions { Endpoint = front.Address, TransportMode = HttpTransportMode.StreamableHttp }),
            new McpClientOptions
            {
                ProtocolVersion = revision,
                Handlers = new McpClientHandlers
                {
                    ElicitationHandler = (question, _) =>
                    {
                        asked.Enqueue(question!.Message);
                        return ValueTask.FromResult(new ElicitResult { Action = "accept", Content = new Dictionary<string, JsonElement> { ["username"] = JsonElement.Parse("\"u\""), ["email"] = JsonElement.Parse("\"e@example.com\"") } });
                    },
                },
            },
            cancellationToken: Cancelled);

        var tools = await client.ListToolsAsync(cancellationToken: Cancelled);
        var simple = await client.CallToolAsync("test_simple_text", cancellationToken: Cancelled);
        var progressed = await client.CallToolAsync("test_tool_with_progress", progress: progress, cancellationToken: Cancelled);
        var answered = await client.CallToolAsync("test_elicitation", new Dictionary<string, object?> { ["message"] = "Who?" }, cancellationToken: Cancelled);
        var failed = await client.CallToolAsync("test_error_handling", cancellationToken: Cancelled);
        var read = await client.ReadResourceAsync("test://static-text", cancellationToken: Cancelled);
        var prompt = await client.GetPromptAsync("test_simple_prompt", cancellationToken: Cancelled);

        Assert.Equal(revision ?? Modern, client.NegotiatedProtocolVersion);
        Assert.Contains(tools, tool => tool.Name == "test_simple_text");
        Assert.Contains("simple text", TextOf(simple), StringComparison.Ordinal);
        Assert.Equal("progressed", TextOf(progressed));
        Assert.Equal([0f, 50f, 100f], (await progress.All.WaitAsync(Cancelled)).Order());
        Assert.Contains("\"username\":\"u\"", TextOf(answered), StringComparison.Ordinal);
        Assert.Equal("Who?", Assert.Single(asked));
        Assert.True(failed.IsError);
        Assert.Contains("static text", Assert.IsType<TextResourceContents>(Assert.Single(read.Contents)).Text, StringComparison.Ordinal);
        Assert.Single(prompt.Messages);
    }

    [Theory]
    [InlineData(Older)]
    [InlineData(Modern)]
    public async Task The_CSharp_client_calls_tools_of_all_integrations(string revision)
    {
        await using var gateway = await TwoInstances.StartAsync(azurite);
        await using var front = await gateway.FrontAsync("");
        await using var client = await McpClient.CreateAsync(
            new HttpClientTransport(new HttpClientTransportOptions { Endpoint = front.Address, TransportMode = HttpTransportMode.StreamableHttp }),
            new McpClientOptions { ProtocolVersion = revision },
            cancellationToken: Cancelled);

        var tools = await client.ListToolsAsync(cancellationToken: Cancelled);
        var older = await client.CallToolAsync("old__test_simple_text", cancellationToken: Cancelled);
        var modern = await client.CallToolAsync("new__test_simple_text", cancellationToken: Cancelled);

        Assert.Contains(tools, tool => tool.Name == "old__test_simple_text");
        Assert.Contains(tools, tool => tool.Name == "sse__test_simple_text");
        Assert.Equal(TextOf(older), TextOf(modern));
    }

    private static string TextOf(CallToolResult result) => Assert.IsType<TextContentBlock>(result.Content[0]).Text;

    /// <summary>Collects a known number of reports, which may come in after the result they belong to.</summary>
    private sealed class Progressed(int count) : IProgress<ProgressNotificationValue>
    {
        private readonly ConcurrentQueue<float> reports = new();
        private readonly TaskCompletionSource<IReadOnlyCollection<float>> all = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<IReadOnlyCollection<float>> All => all.Task;

        public void Report(ProgressNotificationValue value)
        {
            reports.Enqueue(value.Progress);
            if (reports.Count == count)
                all.TrySetResult(reports);
        }
    }
}

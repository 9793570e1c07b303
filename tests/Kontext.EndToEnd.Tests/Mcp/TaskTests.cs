using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests.Mcp;

/// <summary>Tasks pass through the gateway, and are for the person and the agent whose call they are, even where the server does not tell people apart.</summary>
public sealed class TaskTests(AzuriteFixture azurite)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Tasks_of_2025_11_25_pass_through_and_are_their_callers_own()
    {
        await using var gateway = await TwoInstances.StartAsync(azurite);
        await using var server = await ListeningProgram.StartAsync("tests/mcp-client/task-server.mjs");
        var own = await gateway.AddAsync(new JsonObject { ["name"] = "tasks", ["url"] = server.Address.AbsoluteUri, ["authMode"] = "user_token" });
        await gateway.AddAsync(new JsonObject { ["name"] = "shared", ["url"] = server.Address.AbsoluteUri, ["authMode"] = "server_token", ["serverToken"] = "token-of-the-team" });
        await gateway.ConnectAsync("alice", own);
        await gateway.ConnectAsync("bob", own);
        var (alices, bobs) = (await gateway.TokenAsync("alice"), await gateway.TokenAsync("bob"));
        await using var alice = await gateway.FrontAsync("/tasks", alices);
        await using var bob = await gateway.FrontAsync("/tasks", bobs);
        await using var shared = await gateway.FrontAsync("/shared", alices);
        await using var sharedBob = await gateway.FrontAsync("/shared", bobs);
        await using var all = await gateway.FrontAsync("", alices);

        var outcome = await NodeProgram.RunAsync("tests/mcp-client/tasks.mjs", new Dictionary<string, string>
        {
            ["ALICE"] = alice.Address.OriginalString,
            ["BOB"] = bob.Address.OriginalString,
            ["SHARED"] = shared.Address.OriginalString,
            ["SHARED_BOB"] = sharedBob.Address.OriginalString,
            ["ALL"] = all.Address.OriginalString,
        }, Cancelled);

        Assert.True(outcome.ExitCode == 0, outcome.Output);
    }
}

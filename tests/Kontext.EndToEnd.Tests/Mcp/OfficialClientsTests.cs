using Kontext.Testing;

namespace Kontext.EndToEnd.Tests.Mcp;

/// <summary>Programs that people have use the gateway as it is: the inspector's command line, and mcp-remote with a client behind it.</summary>
public sealed class OfficialClientsTests(AzuriteFixture azurite)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("legacy")]
    [InlineData("modern")]
    public async Task The_inspectors_command_line_lists_calls_and_reads(string server)
    {
        await using var gateway = await TwoInstances.StartAsync(azurite);

        var outcome = await NodeProgram.RunAsync("tests/mcp-client/inspector.mjs", new Dictionary<string, string>
        {
            ["GATEWAY"] = gateway.AddressOf(server).AbsoluteUri,
            ["TOKEN"] = gateway.Token,
        }, Cancelled);

        Assert.True(outcome.ExitCode == 0, outcome.Output);
    }

    [Theory]
    [InlineData("legacy")]
    [InlineData("modern")]
    public async Task A_client_that_knows_only_stdio_reaches_the_gateway_by_mcp_remote(string server)
    {
        await using var gateway = await TwoInstances.StartAsync(azurite);

        var outcome = await NodeProgram.RunAsync("tests/mcp-client/remote.mjs", new Dictionary<string, string>
        {
            ["GATEWAY"] = gateway.AddressOf(server).AbsoluteUri,
            ["PERSON"] = "alice",
        }, Cancelled);

        Assert.True(outcome.ExitCode == 0, outcome.Output);
    }
}

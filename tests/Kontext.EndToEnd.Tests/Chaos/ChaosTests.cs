using Kontext.Chaos;

namespace Kontext.EndToEnd.Tests.Chaos;

/// <summary>A short run of bench/Kontext.Chaos: three instances that are killed, starved and revoked from, and what must hold all the same.</summary>
public sealed class ChaosTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Instances_that_are_killed_and_starved_lose_no_grant_and_no_audit_entry_and_serve_nothing_that_was_revoked()
    {
        var report = await ChaosRun.RunAsync(new ChaosOptions { Duration = TimeSpan.FromSeconds(20), Connections = 8, Seed = 1 }, output.WriteLine);
        output.WriteLine(report.ToMarkdown());

        Assert.All(report.Invariants, invariant => Assert.True(invariant.Holds, $"{invariant.Name}:\n{string.Join('\n', invariant.Violations)}"));
        // What did not happen proves nothing.
        Assert.All(report.Invariants, invariant => Assert.True(invariant.Checked > 0, invariant.Name));
        Assert.All((string[])["kills", "refreshes", "exchanges that succeeded", "tool calls that succeeded", "stalls of storage", "failures of storage"], what => Assert.True(report.CountOf(what) > 0, what));
    }
}

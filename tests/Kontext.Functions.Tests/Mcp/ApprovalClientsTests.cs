using Kontext.Functions.Tests.Account;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Mcp;

/// <summary>The official clients before a call that waits for a person: each is told in its revision's way, the person decides on the page, and the trail has all of it.</summary>
public sealed class ApprovalClientsTests : IAsyncLifetime
{
    private const string Asked = "approval.requested ok github:delete_item";
    private const string Waited = "credential.injected approval_required github:delete_item";
    private const string Injected = "credential.injected ok github:delete_item";
    private const string Called = "api.call ok github:delete_item";
    private const string Denied = "credential.injected kontext_policy_denied github:delete_item";

    private ApprovalWorld world = null!;

    public async ValueTask InitializeAsync() => world = await ApprovalWorld.StartAsync();

    public ValueTask DisposeAsync() => world.DisposeAsync();

    [Theory]
    [InlineData("older once")]
    [InlineData("older without links")]
    [InlineData("modern without links")]
    public async Task A_client_that_repeats_the_call_itself_gets_it_through_once(string step)
    {
        await RunAsync(step);
        Assert.Equal([Asked, Waited, Granted("once"), Used("once"), Injected, Called], (await world.TrailAsync()).Take(6));
        Assert.Single(world.Upstream.SeenOf("tools/call"));
    }

    [Fact]
    public async Task A_client_of_2026_07_28_asks_the_person_and_repeats_the_call_by_itself()
    {
        await RunAsync("modern once");
        string[] once = [Asked, Waited, Granted("once"), Used("once"), Injected, Called];
        Assert.Equal([.. once, .. once], await world.TrailAsync());
        Assert.Equal(2, world.Upstream.SeenOf("tools/call").Count());
    }

    [Theory]
    [InlineData("older session")]
    [InlineData("modern session")]
    public async Task What_was_allowed_for_the_session_is_not_used_up(string step)
    {
        await RunAsync(step);
        Assert.Equal([Asked, Waited, Granted("session"), Used("session"), Injected, Called, Used("session"), Injected, Called, Used("session"), Injected, Called], await world.TrailAsync());
        Assert.Equal(3, world.Upstream.SeenOf("tools/call").Count());
    }

    [Theory]
    [InlineData("older refused")]
    [InlineData("modern refused")]
    public async Task A_refusal_reaches_the_client_as_a_refusal(string step)
    {
        await RunAsync(step);
        Assert.Equal([Asked, Waited, "approval.refused refuse github:delete_item", Denied], await world.TrailAsync());
        Assert.Empty(world.Upstream.SeenOf("tools/call"));
    }

    [Fact]
    public async Task Who_declines_to_open_the_page_is_not_asked_in_a_loop()
    {
        await RunAsync("modern declined");
        Assert.Equal([Asked, Waited, Waited], await world.TrailAsync());
        Assert.Empty(world.Upstream.SeenOf("tools/call"));
    }

    [Fact]
    public async Task Token_exchange_says_where_to_approve_and_goes_through_after_the_page()
    {
        await RunAsync("token exchange", operation: null);
        Assert.Equal(
            [
                "approval.requested ok", "credential.issued approval_required", "approval.granted once", "approval.used once", "credential.issued ok",
                "approval.requested ok", "credential.issued approval_required", "approval.refused refuse", "credential.issued kontext_policy_denied",
            ],
            await world.TrailAsync());
    }

    private static string Granted(string how) => $"approval.granted {how} github:delete_item";

    private static string Used(string how) => $"approval.used {how} github:delete_item";

    private async Task RunAsync(string step, string? operation = "delete_item")
    {
        await world.AskAsync(operation);
        var outcome = await NodeProgram.RunAsync("tests/mcp-client/approvals.mjs", new Dictionary<string, string>
        {
            ["KONTEXT_URL"] = world.Address,
            ["TOKEN"] = world.Token,
            ["CLIENT_ID"] = world.Client,
            ["PERSON"] = "alice",
            ["TOOL"] = "github__delete_item",
            ["INTEGRATION"] = "github",
            ["STEP"] = step,
        }, TestContext.Current.CancellationToken);
        Assert.True(outcome.ExitCode == 0, outcome.Output);
    }
}

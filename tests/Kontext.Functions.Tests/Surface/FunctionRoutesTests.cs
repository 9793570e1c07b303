using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Triggers;
using Kontext.Functions.Triggers;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Kontext.Functions.Tests.Surface;

public sealed class FunctionRoutesTests
{
    private static readonly RecordingTimer AuditSeal = new("fn-audit-seal", TimeSpan.FromMinutes(5));
    private static readonly RecordingTimer RefreshSweep = new("fn-refresh-sweep", TimeSpan.FromMinutes(1));
    private static readonly RecordingTimer ValidationSweep = new("fn-validation-sweep", TimeSpan.FromMinutes(5));
    private static readonly RecordingTimer RefreshBackfill = new("fn-refresh-backfill", TimeSpan.FromMinutes(15));
    private static readonly RecordingTimer SigningKeys = new("fn-signing-keys", TimeSpan.FromHours(1));
    private static readonly RecordingTimer AuditRetention = new("fn-audit-retention", TimeSpan.FromHours(1));
    private static readonly RecordingTimer ExpirySweep = new("fn-expiry-sweep", TimeSpan.FromHours(1));
    private static readonly RecordingTimer WebhookSweep = new("fn-webhook-sweep", TimeSpan.FromMinutes(5));
    private static readonly RecordingTimer DataKeys = new("fn-data-keys", TimeSpan.FromMinutes(15));
    private static readonly RecordingTimer TraceRollup = new("fn-trace-rollup", TimeSpan.FromMinutes(1));

    [Fact]
    public async Task Every_endpoint_is_served_by_exactly_one_function_and_none_reaches_a_trigger()
    {
        await using var app = new HandlerApp();
        var endpoints = app.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>().Select(e => e.RoutePattern.RawText ?? "").ToList();
        Assert.NotEmpty(endpoints);
        Assert.Empty(FunctionFolders.HttpFaults(FunctionFolders.Read(), endpoints));
    }

    [Fact]
    public async Task Every_timer_of_the_program_has_its_function_and_the_same_schedule()
    {
        await using var app = new HandlerApp();
        Assert.Empty(FunctionFolders.TimerFaults(FunctionFolders.Read(), [.. app.Services.GetServices<ITimerTrigger>()]));
    }

    [Fact]
    public void Timers_that_agree_with_their_folders_pass() =>
        Assert.Empty(FunctionFolders.TimerFaults(FunctionFolders.Read(), [AuditSeal, RefreshSweep, RefreshBackfill, ValidationSweep, SigningKeys, AuditRetention, ExpirySweep, WebhookSweep, TraceRollup, DataKeys]));

    [Fact]
    public void A_timer_with_another_interval_than_its_schedule_is_found() =>
        Assert.Single(FunctionFolders.TimerFaults(FunctionFolders.Read(), [new RecordingTimer("fn-audit-seal", TimeSpan.FromMinutes(4)), RefreshSweep, RefreshBackfill, ValidationSweep, SigningKeys, AuditRetention, ExpirySweep, WebhookSweep, TraceRollup, DataKeys]));

    [Fact]
    public void A_timer_without_a_folder_and_a_folder_without_a_timer_are_found()
    {
        Assert.Single(FunctionFolders.TimerFaults(FunctionFolders.Read(), [AuditSeal, RefreshSweep, RefreshBackfill, ValidationSweep, SigningKeys, AuditRetention, ExpirySweep, WebhookSweep, TraceRollup, DataKeys, new RecordingTimer("fn-other", TimeSpan.FromMinutes(1))]));
        Assert.Single(FunctionFolders.TimerFaults(FunctionFolders.Read(), [RefreshSweep, RefreshBackfill, ValidationSweep, SigningKeys, AuditRetention, ExpirySweep, WebhookSweep, TraceRollup, DataKeys]));
    }

    [Theory]
    [InlineData("{*path}")]
    [InlineData("{segment}/{*path}")]
    [InlineData("fn-audit-seal/{*path}")]
    [InlineData("FN-audit-seal")]
    [InlineData("mcp/{name}")]
    [InlineData("admin/{*path}")]
    public void A_function_whose_route_could_spell_a_trigger_or_collides_is_found(string route) =>
        Assert.NotEmpty(FunctionFolders.HttpFaults([.. FunctionFolders.Read(), Http("zz", route)], []));

    [Theory]
    [InlineData("/nobody/serves/this")]
    [InlineData("/{*path}")]
    [InlineData("{page}")]
    public void An_endpoint_that_no_function_serves_is_found(string endpoint) =>
        Assert.NotEmpty(FunctionFolders.HttpFaults(FunctionFolders.Read(), [endpoint]));

    [Fact]
    public void An_endpoint_whose_function_folder_is_gone_is_found() =>
        Assert.NotEmpty(FunctionFolders.HttpFaults([.. FunctionFolders.Read().Where(f => f.Name != "oauth2")], ["/oauth2/token"]));

    private static FunctionFolder Http(string name, string route) =>
        new(name, new JsonObject { ["type"] = "httpTrigger", ["authLevel"] = "anonymous", ["route"] = route });
}

using Kontext.Domain;
using Kontext.Domain.Vault;
using Kontext.Functions.Admin.Parts;
using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Overview;

/// <summary>What happens in the organization, and what needs somebody.</summary>
internal static class OverviewEndpoints
{
    private const int MaxIntegrations = 50;
    private const int MaxAttention = 20;

    public static void Map(RouteGroupBuilder console) =>
        console.MapGet("", (HttpContext context, AdminPages pages, TimeProvider time) => pages.ShowAsync<OverviewPage>(context, visit => ViewAsync(visit, time)));

    private static async Task<Result<AdminModel>> ViewAsync(AdminVisit visit, TimeProvider time)
    {
        var period = visit.Query("period") ?? "1d";
        if (!(await visit.GetAsync($"/traces/stats?period={Uri.EscapeDataString(period)}", ApiJson.Default.TraceStatisticsBody)).TryGet(out var figures, out var failure)
            || !(await visit.GetAsync("/work/failed", ApiJson.Default.FailedWorkListBody)).TryGet(out var work, out failure)
            || !(await visit.GetAsync("/capability-requests?status=open", ApiJson.Default.CapabilityRequestListBody)).TryGet(out var requests, out failure)
            || !(await AttentionAsync(visit)).TryGet(out var attention, out failure))
            return failure;
        return new OverviewModel(visit.Frame, figures, attention, work.Items.Count, requests.Items.Count, Charts(figures, time.GetUtcNow()));
    }

    private static async Task<Result<List<AttentionItem>>> AttentionAsync(AdminVisit visit)
    {
        var found = new List<AttentionItem>();
        if (!(await visit.AllAsync("/integrations", ApiJson.Default.IntegrationListBody, list => (list.Items, list.NextCursor), MaxIntegrations)).TryGet(out var integrations, out var failure))
            return failure;
        foreach (var integration in integrations.Where(integration => integration is { AuthMode: "oauth" or "user_token", ConnectionOf: null }).Take(MaxIntegrations))
        {
            if (!(await visit.GetAsync($"/integrations/{integration.Id}/connections?limit=200", ApiJson.Default.PersonConnectionListBody)).TryGet(out var connections, out failure))
                return failure;
            found.AddRange(connections.Items.Select(connection => (Connection: connection, Reason: TroubleOf(connection.Connection))).Where(entry => entry.Reason is not null)
                .Select(entry => new AttentionItem(integration.Id, integration.Name, entry.Connection.UserName ?? entry.Connection.UserId, entry.Reason!)));
            if (found.Count >= MaxAttention)
                break;
        }
        return found;
    }

    // What somebody ended on purpose is no trouble.
    private static string? TroubleOf(ConnectionBody connection) => connection switch
    {
        { Connected: false, ReasonCode: null or ConnectionEnds.ByPerson or ConnectionEnds.ByAdministrator } => null,
        { Connected: false } => connection.Reason,
        { Validity: "invalid" } => connection.CheckMessage ?? "The service refuses the credential.",
        { LastError: { } error } => error,
        { MissingScopes.Count: > 0 } => $"Lacks {string.Join(", ", connection.MissingScopes)}",
        _ => null,
    };

    private static IReadOnlyList<ChartModel> Charts(TraceStatisticsBody figures, DateTimeOffset now)
    {
        var hourly = figures.Period is "1d" or "24h";
        var step = hourly ? TimeSpan.FromHours(1) : TimeSpan.FromDays(1);
        var since = Wired.Moment(figures.Since).UtcDateTime;
        var first = new DateTimeOffset(since.Year, since.Month, since.Day, hourly ? since.Hour : 0, 0, 0, TimeSpan.Zero);
        var starts = new List<DateTimeOffset>();
        for (var start = first; start <= now; start += step)
            starts.Add(start);
        var spans = figures.Series.ToDictionary(span => Wired.Moment(span.Start));
        IReadOnlyList<double?> Values(Func<TraceSpanBody, double?> value) => [.. starts.Select(start => spans.GetValueOrDefault(start) is { } span ? value(span) : null)];
        return
        [
            new ChartModel("calls", "Calls, denials and errors", "", starts, hourly,
            [
                new ChartSeries("Calls that went well", "good", Values(span => Math.Max(0, span.Calls - span.FailedCalls))),
                new ChartSeries("Denied by policy", "warn", Values(span => span.Denied)),
                new ChartSeries("Errors", "bad", Values(span => Math.Max(0, span.Errors - span.Denied))),
            ], Bars: true),
            new ChartModel("latency", "How long calls take", "ms", starts, hourly,
            [
                new ChartSeries("Half of them", "plain", Values(span => span.P50)),
                new ChartSeries("95 of 100", "warn", Values(span => span.P95)),
            ], Bars: false),
        ];
    }
}

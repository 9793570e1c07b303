using System.Globalization;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Functions.Retention;

namespace Kontext.Functions.Api;

/// <summary>The trail of a period as a file that can be checked elsewhere (<see cref="AuditExporter"/>).</summary>
internal sealed class AuditExportApi(IAuditExport trail, AuditExporter exporter)
{
    private const int MaxDays = 31;

    public static void Map(RouteGroupBuilder api) => api.MapGet("/audit/export", (HttpContext context, AuditExportApi self) => self.ExportAsync(context));

    private async Task<IResult> ExportAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refusal)
            return ApiErrors.Of(context, refusal);
        if (!Period(context.Request.Query).TryGet(out var period, out var failure))
            return ApiErrors.Of(context, failure);
        if (await trail.ArchivedAsync(caller.Org, context.RequestAborted) is { } archived && period.From <= archived.Through)
        {
            return ApiErrors.Of(context, Api.Invalid(new Dictionary<string, string>
            {
                ["from"] = string.Create(CultureInfo.InvariantCulture, $"Entries up to {archived.Through:yyyy-MM-dd} are archived, a file for each day, in {archived.Place}. What is kept begins on {archived.Through.AddDays(1):yyyy-MM-dd}."),
            }));
        }
        await Api.RecordAsync(context, caller, "audit.export", null, string.Create(CultureInfo.InvariantCulture, $"{period.From:yyyy-MM-dd} to {period.To:yyyy-MM-dd}"));
        var export = await exporter.BeginAsync(caller.Org, period.From, period.To, context.RequestAborted);
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers.ContentDisposition = string.Create(CultureInfo.InvariantCulture, $"attachment; filename=\"audit-{period.From:yyyyMMdd}-{period.To:yyyyMMdd}.jsonl\"");
        return Results.Stream(async body =>
        {
            // Archived while it was read: the file is left without its end, and the client told so by the connection's.
            if (await exporter.WriteAsync(body, export, context.RequestAborted) is null)
                context.Abort();
        }, "application/x-ndjson");
    }

    private static Result<(DateOnly From, DateOnly To)> Period(IQueryCollection query)
    {
        var faults = new Dictionary<string, string>();
        var from = Day(query, "from", faults);
        var to = Day(query, "to", faults);
        if (faults.Count == 0 && (to < from || to.DayNumber - from.DayNumber >= MaxDays))
            faults["to"] = $"Has to be from the same day as 'from' to {MaxDays - 1} days later.";
        return faults.Count == 0 ? (from, to) : Api.Invalid(faults);
    }

    private static DateOnly Day(IQueryCollection query, string name, Dictionary<string, string> faults)
    {
        if (!DateOnly.TryParseExact(query[name].ToString(), "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) || day == DateOnly.MinValue)
            faults[name] = "Has to be a UTC day, such as 2026-01-31.";
        return day;
    }
}

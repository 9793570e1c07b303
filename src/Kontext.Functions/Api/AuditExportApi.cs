using System.Globalization;
using System.Text;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Functions.OAuth;

namespace Kontext.Functions.Api;

/// <summary>The trail of a period as a file that can be checked elsewhere: entries as stored, checkpoints, the keys that signed them, and a seal over all of it.</summary>
internal sealed class AuditExportApi(IAuditExport trail, IAuditSigner signer, SigningKeyRing keys, KontextSettings settings, TimeProvider time)
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
        await Api.RecordAsync(context, caller, "audit.export", null, string.Create(CultureInfo.InvariantCulture, $"{period.From:yyyy-MM-dd} to {period.To:yyyy-MM-dd}"));
        // Before the entries are read: what these checkpoints state is there by then.
        var checkpoints = await trail.CheckpointsAsync(caller.Org, period.From, period.To, context.RequestAborted);
        var header = AuditExportLines.HeaderOf(settings.Issuer, caller.Org, period.From, period.To, time.GetUtcNow());
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers.ContentDisposition = string.Create(CultureInfo.InvariantCulture, $"attachment; filename=\"audit-{period.From:yyyyMMdd}-{period.To:yyyyMMdd}.jsonl\"");
        return Results.Stream(body => WriteAsync(body, caller.Org, header, checkpoints, context.RequestAborted), "application/x-ndjson");
    }

    private async Task WriteAsync(Stream body, OrgId org, AuditExportHeader header, IReadOnlyList<AuditCheckpoint> checkpoints, CancellationToken cancellationToken)
    {
        await using var lines = new StreamWriter(body, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), bufferSize: 32 * 1024, leaveOpen: true) { NewLine = "\n" };
        var tally = new AuditExportTally();
        await lines.WriteLineAsync(AuditExportLines.Text(header));
        // Checkpoints of the first day state chains that were last written to the day before.
        await WriteEntriesAsync(lines, tally, trail.ReadAsync(org, header.From.AddDays(-1), header.From.AddDays(-1), cancellationToken), beforePeriod: true);
        await WriteEntriesAsync(lines, tally, trail.ReadAsync(org, header.From, header.To, cancellationToken), beforePeriod: false);
        foreach (var checkpoint in checkpoints)
            await lines.WriteLineAsync(AuditExportLines.Text(checkpoint));

        var statement = AuditExportLines.Statement(tally.Seal(header, checkpoints));
        var signature = await signer.SignAsync(AuditCheckpoint.BytesOf(statement), cancellationToken);
        var signedBy = checkpoints.Select(checkpoint => checkpoint.Signature.KeyId).Append(signature.KeyId).ToHashSet(StringComparer.Ordinal);
        foreach (var key in (await keys.EverAsync(cancellationToken)).Where(key => signedBy.Contains(key.Kid)))
            await lines.WriteLineAsync(AuditExportLines.Text(AuditKey.Of(key.Kid, key.X, key.Y)));
        // Written last, so that a file that broke off has none.
        await lines.WriteLineAsync(AuditExportLines.SealText(statement, signature));
    }

    private static async Task WriteEntriesAsync(StreamWriter lines, AuditExportTally tally, IAsyncEnumerable<AuditLine> entries, bool beforePeriod)
    {
        await foreach (var line in entries)
        {
            tally.Add(line, beforePeriod);
            await lines.WriteLineAsync(AuditExportLines.Text(line, beforePeriod));
        }
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

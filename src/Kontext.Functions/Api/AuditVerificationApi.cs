using System.Globalization;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Functions.Retention;

namespace Kontext.Functions.Api;

/// <summary>What is known of the trail's integrity (architecture section 8).</summary>
/// <param name="Holds">Every chain and checkpoint of the period fits.</param>
/// <param name="Fault">What does not; absent when it holds.</param>
/// <param name="Entries">How many entries of the period were checked.</param>
/// <param name="Chains">How many chains they are in.</param>
/// <param name="Checkpoints">How many signed checkpoints of the period there are.</param>
/// <param name="LastCheckpointAt">When the newest was taken; absent without any.</param>
/// <param name="SignedBy">The ids of the keys that signed.</param>
internal sealed record AuditVerificationBody(bool Holds, string? Fault, long Entries, int Chains, int Checkpoints, string? LastCheckpointAt, IReadOnlyCollection<string> SignedBy);

/// <summary>Verifies the trail of some days as it is stored, in the same way as an export is verified elsewhere: <c>/audit/verification</c>. An installation that checks itself shows damage; to show that nobody who runs it changed anything, an export has to be checked elsewhere.</summary>
internal sealed class AuditVerificationApi(AuditExporter exporter, TimeProvider time)
{
    private const int MaxDays = 7;

    public static void Map(RouteGroupBuilder api) => api.MapGet("/audit/verification", (HttpContext context, AuditVerificationApi self) => self.VerifyAsync(context));

    private async Task<IResult> VerifyAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refusal)
            return ApiErrors.Of(context, refusal);
        var days = 1;
        if (context.Request.Query["days"].ToString() is { Length: > 0 } text && (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out days) || days is < 1 or > MaxDays))
            return ApiErrors.Of(context, Api.Invalid(new Dictionary<string, string> { ["days"] = $"Has to be a number from 1 to {MaxDays}." }));
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        var file = Path.GetTempFileName();
        try
        {
            var export = await exporter.BeginAsync(caller.Org, today.AddDays(1 - days), today, context.RequestAborted);
            await using (var written = new FileStream(file, FileMode.Truncate, FileAccess.Write))
            {
                if (await exporter.WriteAsync(written, export, context.RequestAborted) is null)
                    return ApiErrors.Of(context, Api.Invalid(new Dictionary<string, string> { ["days"] = "Some of these days are archived: their files are verified like any export." }));
            }
            var verdict = AuditExportVerification.Run(() => File.ReadLines(file), await exporter.KeysAsync(context.RequestAborted));
            return verdict.TryGet(out var found, out var failure) ? Api.Ok(BodyOf(found), ApiJson.Default.AuditVerificationBody) : ApiErrors.Of(context, failure);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static AuditVerificationBody BodyOf(AuditExportVerdict verdict) => new(
        verdict.Fault is null,
        verdict.Fault is { } fault ? $"{fault.Reason}{(fault.Chain is null ? "" : string.Create(CultureInfo.InvariantCulture, $" (chain {fault.Chain}, entry {fault.Sequence})"))}" : null,
        verdict.Entries, verdict.Chains, verdict.Checkpoints, Wire.Time(verdict.LastCheckpoint), verdict.SignedBy);
}

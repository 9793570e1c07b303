using System.Globalization;
using Kontext.Load.Runs;

namespace Kontext.Load.Report;

/// <summary>The part about checking what was recorded.</summary>
public sealed class AuditReport(Document document)
{
    /// <summary>Exports what the runs before left in the trail, and verifies it.</summary>
    public async Task RunAsync(Workplace workplace)
    {
        document.Heading("Exporting and verifying the audit trail");
        var audit = await AuditRun.RunAsync(workplace);
        document.Paragraph("Everything that the runs above recorded, exported over the API and checked offline with `audit verify`, which hashes each entry, follows each chain and verifies each seal.");
        document.Rows(["| entries | export | exported per second | verification | verified per second |", "|---|---|---|---|---|"],
        [
            string.Create(CultureInfo.InvariantCulture,
                $"| {audit.Entries:#,0} | {audit.Bytes / 1048576.0:0} MB | {audit.Entries / audit.Exported.TotalSeconds:#,0} | {audit.Verified.TotalSeconds:0.0} s, start of the process included | {audit.Entries / audit.Verified.TotalSeconds:#,0} |"),
        ]);
    }
}

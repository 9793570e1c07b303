using System.Globalization;
using Kontext.Load.Runs;

namespace Kontext.Load.Report;

/// <summary>The part about checking what was recorded.</summary>
public sealed class AuditReport(Document document)
{
    private static readonly TimeSpan Filling = TimeSpan.FromSeconds(5);

    /// <summary>Fills the trail of a fresh installation for a few seconds, exports it and verifies it.</summary>
    public async Task RunAsync(EchoUpstream upstream)
    {
        await using var workplace = await Workplace.CreateAsync(upstream);
        await LoadRun.RunAsync(_ => workplace.Exchange(workplace.Kontext.Url, "notes"), 16, Filling);
        document.Heading("Exporting and verifying the audit trail");
        var audit = await AuditRun.RunAsync(workplace);
        document.Paragraph("What a fresh installation recorded in a few seconds of token exchanges, exported over the API and checked offline with `audit verify`, which hashes each entry, follows each chain and verifies each seal. Azurite reads large tables much more slowly than it writes them.");
        document.Rows(["| entries | export | exported per second | verification | verified per second |", "|---|---|---|---|---|"],
        [
            string.Create(CultureInfo.InvariantCulture,
                $"| {audit.Entries:#,0} | {audit.Bytes / 1048576.0:0} MB | {audit.Entries / audit.Exported.TotalSeconds:#,0} | {audit.Verified.TotalSeconds:0.0} s, start of the process included | {audit.Entries / audit.Verified.TotalSeconds:#,0} |"),
        ]);
    }
}

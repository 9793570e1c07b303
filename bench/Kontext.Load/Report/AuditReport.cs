using System.Globalization;
using Kontext.Load.Runs;
using Kontext.Testing;

namespace Kontext.Load.Report;

/// <summary>The part about checking what was recorded.</summary>
public sealed class AuditReport(Document document)
{
    private static readonly TimeSpan Filling = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Appending = TimeSpan.FromSeconds(3);

    /// <summary>Appends to fresh trails, beside inserts of rows of their own, on an account of their own.</summary>
    public async Task AppendAsync()
    {
        await using var azurite = new AzuriteFixture();
        var storage = await azurite.EmptyAccountAsync();
        var floor = await new AzuriteFloor(storage).PrepareAsync();
        document.Heading("Appending to the audit trail");
        document.Paragraph("Entries like those of a token exchange, in the driver's own process: hashed, chained, and waited for until they are durable. Those that arrive while a write is under way become one row of the next; beside it what a row for each would be.");
        var rows = new List<string>();
        foreach (var writers in new[] { 1, 16, 64, 1000 })
        {
            var appends = await AuditAppends.RunAsync(storage, writers, Appending);
            var inserts = writers > 64 ? null : await floor.LoadAsync(writers, Appending);
            rows.Add(string.Create(CultureInfo.InvariantCulture,
                $"| {writers:#,0} | {appends.PerSecond:#,0} | {appends.Latencies.Percentile(0.5).TotalMilliseconds:0.00} ms | {appends.Latencies.Percentile(0.99).TotalMilliseconds:0.00} ms | {(inserts is null ? "" : $"{inserts.PerSecond:#,0}")} |"));
        }
        document.Rows(["| waited for at a time | entries per second | p50 | p99 | Azurite alone, inserts of 1 kB per second |", "|---|---|---|---|---|"], rows);
    }

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

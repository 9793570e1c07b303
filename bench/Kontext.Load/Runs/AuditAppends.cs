using System.Diagnostics;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Functions.Storage;

namespace Kontext.Load.Runs;

/// <summary>How fast entries of the audit trail become durable.</summary>
/// <param name="Writers">Entries that are waited for at a time.</param>
/// <param name="Took">How long they were written for.</param>
/// <param name="Latencies">Of each entry: until it was durable.</param>
public sealed record Appends(int Writers, TimeSpan Took, LatencyHistogram Latencies)
{
    /// <summary>Entries a second.</summary>
    public double PerSecond => Latencies.Count / Took.TotalSeconds;
}

/// <summary>Appends entries like those of a token exchange to the product's own audit log, in this process, with nothing around it.</summary>
public static class AuditAppends
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);

    /// <summary>Runs on a storage account, for an organization of its own.</summary>
    public static async Task<Appends> RunAsync(string storage, int writers, TimeSpan duration)
    {
        var (log, org) = (new TableAuditLog(new TableService(StorageAccount.Parse(storage), TimeProvider.System), TimeProvider.System), new OrgId(Guid.NewGuid()));
        await Task.WhenAll(Writers(WarmUp));
        var clock = Stopwatch.StartNew();
        var measured = await Task.WhenAll(Writers(duration));
        var took = clock.Elapsed;
        var all = new LatencyHistogram();
        foreach (var one in measured)
            all.Add(one);
        return new Appends(writers, took, all);

        IEnumerable<Task<LatencyHistogram>> Writers(TimeSpan time) => Enumerable.Range(0, writers).Select(_ => Task.Run(() => WriteAsync(log, org, time)));
    }

    private static async Task<LatencyHistogram> WriteAsync(TableAuditLog log, OrgId org, TimeSpan time)
    {
        var (latencies, clock) = (new LatencyHistogram(), Stopwatch.StartNew());
        while (clock.Elapsed < time)
        {
            var begun = Stopwatch.GetTimestamp();
            await log.AppendAsync(org, Entry(), CancellationToken.None);
            latencies.Record(Stopwatch.GetElapsedTime(begun));
        }
        return latencies;
    }

    private static AuditEvent Entry() => new()
    {
        At = TimeProvider.System.GetUtcNow(),
        Type = AuditTypes.CredentialIssued,
        Agent = new AuditParty("0199a5c2-8a3e-7c11-b2d4-5f60718293a4", "Release bot"),
        User = new AuditParty("0199a5c2-91d7-7b60-9e3f-a1b2c3d4e5f6", "Olivia"),
        SessionId = "0199a5c2-9f01-7d35-8c12-0f1e2d3c4b5a",
        TraceId = "4bf92f3577b34da6a3ce929d0e0e4736",
        Integration = new AuditParty("0199a5c2-a7b8-7e4f-9a0b-1c2d3e4f5061", "notes"),
        Scopes = ["repo", "read:user"],
        ExpiresIn = "3600s",
    };
}

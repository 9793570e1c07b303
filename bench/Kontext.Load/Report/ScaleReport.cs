using System.Globalization;
using Kontext.Load.Scale;

namespace Kontext.Load.Report;

/// <summary>The part about more than one machine can show: computed and simulated.</summary>
public sealed class ScaleReport(Document document)
{
    private const int Connections = 1_000_000;
    private const int Calls = 10_000;
    private static readonly int[] Providers = [1, 20];
    private static readonly int[] Sizes = [10, 100, 1_000];

    /// <summary>Simulates and prints it.</summary>
    public static void Print()
    {
        var document = new Document("");
        new ScaleReport(document).Run();
        Console.WriteLine(document);
    }

    /// <summary>Simulates and writes it.</summary>
    public void Run()
    {
        document.Heading("At 10, 100 and 1,000 instances, simulated");
        document.Paragraph(string.Create(CultureInfo.InvariantCulture,
            $"Not measured: simulations of the product's own rules (`bench/Kontext.Load/Scale`) with the service's published targets, {Assumptions.AccountPerSecond:#,0} table operations a second and account, {Assumptions.PartitionPerSecond:#,0} a second and partition, {Assumptions.ServiceBusCredits:#,0} Service Bus Standard operations a second. Assumed medians, with a log-normal tail: a table operation {Assumptions.TableSeconds * 1000:0} ms, a message {Assumptions.QueueSeconds * 1000:0} ms, a refresh at a provider {Assumptions.ProviderSeconds * 1000:0} ms."));
        Walk();
        Audit();
        Epochs();
    }

    private void Walk()
    {
        document.Paragraph(string.Create(CultureInfo.InvariantCulture, $"**{Connections:#,0} connections of one organization with tokens of an hour**, half an hour looked at. Refreshes are due six to nine minutes before the token's end; one timer hands them over."));
        var outcomes = Providers.SelectMany(providers => Sizes.Select(instances => new RefreshWalkSimulation(Connections, instances, providers).Run())).ToList();
        document.Rows(
            ["| instances | providers | refreshes | too late | before the end, median | before the end, latest | waiting at most | went back | messages/s, peak | index writes/s, peak | table operations/s, peak |", "|---|---|---|---|---|---|---|---|---|---|---|"],
            outcomes.Select(outcome => string.Create(CultureInfo.InvariantCulture,
                $"| {outcome.Instances:#,0} | {outcome.Providers} | {outcome.Refreshed:#,0} | {outcome.Late:#,0} | {outcome.LeadMedian:0} s | {outcome.LeadWorst:0} s | {outcome.Backlog:#,0} | {outcome.Requeued:#,0} | {outcome.QueuePeak:#,0} | {outcome.IndexPeak:#,0} | {outcome.TablePeak:#,0} |")));
    }

    private void Audit()
    {
        document.Paragraph(string.Create(CultureInfo.InvariantCulture, $"**{Calls:#,0} tool calls a second of one organization**, each with two audit entries. Each instance writes chains of its own, so no partition has two writers; the account's target is shared by all."));
        document.Rows(["| instances | entries/s | writes/s | of the account's target | entries a write | durable after, median | 99th percentile |", "|---|---|---|---|---|---|---|"],
            Sizes.Select(instances => new AuditShardingSimulation(instances, Calls).Run()).Select(outcome => string.Create(CultureInfo.InvariantCulture,
                $"| {outcome.Instances:#,0} | {outcome.Entries:#,0} | {outcome.Writes:#,0} | {outcome.Writes / Assumptions.AccountPerSecond:0.00} | {outcome.PerWrite:0.0} | {outcome.Median:0.0} ms | {outcome.Worst:0.0} ms |")));
    }

    private void Epochs()
    {
        document.Paragraph("**Reads of the row that says something was revoked**: two a second from each instance in use, all of one organization's from one partition.");
        document.Rows(["| instances | reads/s of one organization | of the partition's target |", "|---|---|---|"],
            Sizes.Select(instances => string.Create(CultureInfo.InvariantCulture, $"| {instances:#,0} | {instances * 2:#,0} | {instances * 2.0 / Assumptions.PartitionPerSecond:0.00} |")));
    }
}

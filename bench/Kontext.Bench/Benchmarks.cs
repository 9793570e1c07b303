using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace Kontext.Bench;

/// <summary>The benchmarks of single methods, run in this process: what is measured is a method of a library, and a build of its own per case would cost more than the runs.</summary>
public static class Benchmarks
{
    private static readonly Type[] All = [typeof(PolicyDecisions), typeof(PolicyCompilation)];

    /// <summary>Runs those the command line asks for, and prints and keeps what BenchmarkDotNet makes of them.</summary>
    public static void Run(string[] args) =>
        BenchmarkSwitcher.FromTypes(All).Run(args, Config(ConsoleLogger.Default).AddExporter(MarkdownExporter.GitHub));

    /// <summary>Runs all and gives a Markdown table: mean and standard error of each case, and what it allocates.</summary>
    /// <exception cref="InvalidOperationException">A benchmark failed.</exception>
    public static IReadOnlyList<string> Table()
    {
        var artifacts = Directory.CreateTempSubdirectory("kontext-benchmarks-");
        try
        {
            var summaries = All.Select(type => BenchmarkRunner.Run(type, Config(NullLogger.Instance).WithArtifactsPath(artifacts.FullName)));
            return ["| method | rules | mean | standard error | allocated |", "|---|---|---|---|---|", .. summaries.SelectMany(summary => summary.Reports).Select(Row)];
        }
        finally
        {
            artifacts.Delete(recursive: true);
        }
    }

    private static ManualConfig Config(ILogger logger) => ManualConfig.CreateEmpty()
        .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance))
        .AddColumnProvider(DefaultColumnProviders.Instance)
        .AddDiagnoser(MemoryDiagnoser.Default)
        .AddLogger(logger);

    private static string Row(BenchmarkReport report)
    {
        var (method, parameters) = (report.BenchmarkCase.Descriptor.WorkloadMethodDisplayInfo, report.BenchmarkCase.Parameters);
        var result = report.ResultStatistics ?? throw new InvalidOperationException($"{method} failed.");
        var allocated = report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase);
        return string.Create(CultureInfo.InvariantCulture, $"| {method} | {parameters["Rules"]:#,0} | {Time(result.Mean)} | {Time(result.StandardError)} | {allocated:#,0} B |");
    }

    private static string Time(double nanoseconds) => nanoseconds switch
    {
        < 1_000 => string.Create(CultureInfo.InvariantCulture, $"{nanoseconds:0.0} ns"),
        < 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{nanoseconds / 1_000:0.0} us"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{nanoseconds / 1_000_000:0.0} ms"),
    };
}

using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Kontext.Bench;
using Kontext.Domain.Policies;
using Kontext.Load.Peers;

namespace Kontext.Load.Runs;

/// <summary>One policy decision among so many rules.</summary>
/// <param name="Rules">How many rules there are.</param>
/// <param name="Kontext">Nanoseconds here, median of the passes.</param>
/// <param name="Conditions">Nanoseconds here with three rules that look at arguments.</param>
/// <param name="Patterns">Nanoseconds here when the rules are about patterns of other tools of the call's own integration.</param>
/// <param name="Cedar">Nanoseconds in Cedar's WebAssembly build.</param>
/// <param name="Casbin">Nanoseconds in Casbin for Node.</param>
public sealed record Decision(int Rules, double Kontext, double Conditions, double Patterns, double? Cedar, double? Casbin);

/// <summary>Decisions here and in engines that others use, with rules of the same mix.</summary>
public static class Decisions
{
    private static readonly int[] Sizes = [10, 100, 1_000, 10_000, 100_000];
    // Beyond this the peers take seconds per decision, and parsing takes minutes.
    private const int MostForPeers = 10_000;

    /// <summary>Runs.</summary>
    public static async Task<IReadOnlyList<Decision>> RunAsync(int passes, TimeSpan duration)
    {
        var decisions = new List<Decision>();
        foreach (var rules in Sizes)
        {
            var plain = SampleRules.Compile(SampleRules.AboutOthers(rules));
            var conditioned = SampleRules.Compile([.. SampleRules.AboutOthers(rules), .. SampleRules.OnArguments()]);
            var patterns = SampleRules.Compile(SampleRules.AboutOtherPatterns(rules));
            var (own, withConditions, withPatterns, cedar, casbin) = (new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>());
            for (var pass = 0; pass < passes; pass++)
            {
                own.Add(Measure(plain, duration));
                withConditions.Add(Measure(conditioned, duration));
                withPatterns.Add(Measure(patterns, duration));
                if (rules > MostForPeers)
                    continue;
                using var peers = JsonDocument.Parse(await NodePeer.RunAsync("decisions.mjs", rules.ToString(CultureInfo.InvariantCulture), duration.TotalSeconds.ToString(CultureInfo.InvariantCulture)));
                cedar.Add(peers.RootElement.GetProperty("cedar").GetDouble());
                casbin.Add(peers.RootElement.GetProperty("casbin").GetDouble());
            }
            decisions.Add(new Decision(rules, Median(own)!.Value, Median(withConditions)!.Value, Median(withPatterns)!.Value, Median(cedar), Median(casbin)));
        }
        return decisions;
    }

    private static double Measure(PolicySet rules, TimeSpan duration)
    {
        const int Batch = 1_000;
        Decide(rules, Batch * 50);
        var (count, clock) = (0L, Stopwatch.StartNew());
        while (clock.Elapsed < duration)
        {
            Decide(rules, Batch);
            count += Batch;
        }
        return clock.Elapsed.TotalNanoseconds / count;
    }

    private static void Decide(PolicySet rules, int times)
    {
        for (var i = 0; i < times; i++)
        {
            if (!PolicyEvaluator.TryPermit(rules, enforced: true, SampleRules.Call, out _, out _))
                throw new InvalidOperationException("The call is allowed.");
        }
    }

    private static double? Median(List<double> values) => values.Count == 0 ? null : values.Order().ElementAt(values.Count / 2);
}

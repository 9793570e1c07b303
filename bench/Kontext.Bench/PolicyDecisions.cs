using BenchmarkDotNet.Attributes;
using Kontext.Domain.Policies;

namespace Kontext.Bench;

/// <summary>One decision about a tool call, among rules that are about something else: their number must not matter.</summary>
public class PolicyDecisions
{
    private PolicySet others = null!;
    private PolicySet sameIntegration = null!;
    private PolicySet patterns = null!;
    private PolicySet conditioned = null!;

    /// <summary>How many rules there are.</summary>
    [Params(10, 100, 1_000, 10_000, 100_000)]
    public int Rules { get; set; }

    /// <summary>Compiles the sets.</summary>
    [GlobalSetup]
    public void Compile()
    {
        others = SampleRules.Compile(SampleRules.AboutOthers(Rules));
        sameIntegration = SampleRules.Compile(SampleRules.AboutOtherTools(Rules));
        patterns = SampleRules.Compile(SampleRules.AboutOtherPatterns(Rules));
        conditioned = SampleRules.Compile([.. SampleRules.AboutOthers(Rules), .. SampleRules.OnArguments()]);
    }

    /// <summary>The rules are about other agents, people, roles and integrations.</summary>
    [Benchmark(Baseline = true)]
    public bool RulesAboutOthers() => Decide(others, SampleRules.Call);

    /// <summary>The rules are about everyone and the same integration, but other tools of it.</summary>
    [Benchmark]
    public bool RulesAboutOtherTools() => Decide(sameIntegration, SampleRules.Call);

    /// <summary>The same with patterns of tools, each of which begins or ends as no other does.</summary>
    [Benchmark]
    public bool RulesAboutOtherPatterns() => Decide(patterns, SampleRules.Call);

    /// <summary>The first case, and three rules on the call's arguments, none of which denies it.</summary>
    [Benchmark]
    public bool ConditionsOnArguments() => Decide(conditioned, SampleRules.Call);

    /// <summary>The raw credential, which every rule about the integration's tools concerns.</summary>
    [Benchmark]
    public bool RawCredential() => Decide(sameIntegration, SampleRules.Credential);

    private static bool Decide(PolicySet rules, PolicyRequest request) => PolicyEvaluator.TryPermit(rules, enforced: true, request, out _, out _);
}

/// <summary>What a change of the rules costs each instance once.</summary>
public class PolicyCompilation
{
    private PolicyRules rules = PolicyRules.None;

    /// <summary>How many rules there are.</summary>
    [Params(10, 1_000, 100_000)]
    public int Rules { get; set; }

    /// <summary>Makes them.</summary>
    [GlobalSetup]
    public void Make() => rules = new PolicyRules(1, [.. SampleRules.AboutOthers(Rules)]);

    /// <summary>Compiles a revision.</summary>
    [Benchmark]
    public PolicySet Compile() => PolicySet.Compile(rules);
}

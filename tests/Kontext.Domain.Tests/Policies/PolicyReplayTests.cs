using System.Collections.Immutable;
using System.Text;
using Kontext.Domain.Audit;
using Kontext.Domain.Policies;

namespace Kontext.Domain.Tests.Policies;

/// <summary>Other rules over recorded decisions: exactly what they would have decided, or nothing.</summary>
public sealed class PolicyReplayTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 0, 0, 0, TimeSpan.Zero);
    private static readonly IntegrationId Github = Ids.Named<IntegrationId>("github");
    private static readonly UserId Alice = Ids.Named<UserId>("alice");
    private static readonly AppId Bot = Ids.Named<AppId>("bot");
    private static readonly AppId[] Agents = [Ids.Named<AppId>("first"), Ids.Named<AppId>("second")];
    private static readonly PolicyRule AllowAll = Rule(PolicyLayer.Organization, PolicyEffect.Allow);

    private static readonly PolicyRequest CreateIssue = new()
    {
        Kind = AccessKind.Operation,
        User = Alice,
        Roles = ["member"],
        Application = Bot,
        Integration = Github,
        IntegrationName = "git:hub",
        Operation = "create_issue",
        Consented = true,
        Attached = true,
        Target = "acme/frontend",
        Arguments = """{"owner":"acme","amount":5}"""u8.ToArray(),
    };

    [Fact]
    public void The_rules_that_decided_change_nothing()
    {
        PolicyRule[] rules = [AllowAll, Deny("arguments.owner", ConditionOperator.Equals, "globex"), Deny("arguments.amount", ConditionOperator.AtLeast, "100"), Deny("arguments.amount", ConditionOperator.AtMost, "many")];
        var entry = Record(CreateIssue, rules);
        Assert.False(entry.Policy!.Allowed);
        Assert.Equal(ReplayOutcome.Unchanged, Replay(entry, rules).Outcome);
        Assert.Equal(ReplayOutcome.Unchanged, Replay(entry, [.. rules.Reverse()]).Outcome);
    }

    [Fact]
    public void Roles_target_consent_and_attachment_are_those_of_then()
    {
        Assert.Equal(ReplayOutcome.Changed, Replay(Record(CreateIssue, AllowAll), AllowAll, AllowAll with { Effect = PolicyEffect.Deny, Subject = new(PolicySubjectKind.Role, "member") }).Outcome);
        Assert.Equal(ReplayOutcome.Unchanged, Replay(Record(CreateIssue, AllowAll), AllowAll, AllowAll with { Effect = PolicyEffect.Deny, Subject = new(PolicySubjectKind.Role, "admin") }).Outcome);
        Assert.Equal(ReplayOutcome.Changed, Replay(Record(CreateIssue, AllowAll), AllowAll, Deny("target", ConditionOperator.StartsWith, "acme/")).Outcome);
        Assert.Equal(ReplayOutcome.Changed, Replay(Record(CreateIssue), AllowAll).Outcome);
        Assert.Equal(ReplayOutcome.Unchanged, Replay(Record(CreateIssue with { Consented = false }), AllowAll).Outcome);
        Assert.Equal(ReplayOutcome.Unchanged, Replay(Record(CreateIssue with { Attached = false }), AllowAll).Outcome);
        Assert.Equal(ReplayOutcome.Changed, Replay(Record(CreateIssue with { User = null }), AllowAll).Outcome);
    }

    [Fact]
    public void A_condition_no_rule_had_then_cannot_be_decided_unless_it_makes_no_difference()
    {
        var asked = Deny("arguments.owner", ConditionOperator.Equals, "acme");
        var entry = Record(CreateIssue, AllowAll);
        var replayed = Replay(entry, AllowAll, asked);
        Assert.Equal((ReplayOutcome.Undecidable, ReplayGap.Arguments, null), (replayed.Outcome, replayed.Gap, replayed.Allowed));
        // Denied anyway, about something else, or of a call without arguments: then it does not matter what they were.
        Assert.Equal(ReplayOutcome.Changed, Replay(entry, asked).Outcome);
        Assert.Equal(ReplayOutcome.Unchanged, Replay(entry, AllowAll, asked with { Operation = "delete_repo" }).Outcome);
        Assert.Equal(ReplayOutcome.Changed, Replay(entry, AllowAll, asked, asked with { Conditions = [] }).Outcome);
        Assert.Equal(ReplayOutcome.Unchanged, Replay(Record(CreateIssue with { Arguments = default }, AllowAll), AllowAll, asked).Outcome);
        Assert.Equal(ReplayOutcome.Unchanged, Replay(entry, AllowAll, asked with { Conditions = [.. asked.Conditions, new("target", ConditionOperator.Equals, ["globex/web"])] }).Outcome);
    }

    [Fact]
    public void A_condition_that_was_looked_at_is_known_in_whatever_rule_it_stands()
    {
        var entry = Record(CreateIssue, AllowAll, Deny("arguments.owner", ConditionOperator.Equals, "globex"));
        Assert.Equal(ReplayOutcome.Changed, Replay(entry, Deny("arguments.owner", ConditionOperator.Equals, "globex") with { Effect = PolicyEffect.Allow }).Outcome);
        Assert.Equal(ReplayOutcome.Undecidable, Replay(entry, AllowAll, Deny("arguments.owner", ConditionOperator.Equals, "acme")).Outcome);
        Assert.Equal(ReplayOutcome.Undecidable, Replay(entry, AllowAll, Deny("arguments.owner", ConditionOperator.StartsWith, "globex")).Outcome);
    }

    [Fact]
    public void Arguments_leave_no_trace_in_the_entry_but_how_conditions_came_out()
    {
        var secret = CreateIssue with { Arguments = """{"owner":"acme","password":"hunter2-swordfish"}"""u8.ToArray() };
        var json = AuditChain.Serialize(Record(secret, AllowAll, Deny("arguments.password", ConditionOperator.Equals, "letmein")));
        Assert.DoesNotContain("swordfish", json, StringComparison.Ordinal);
        Assert.DoesNotContain("letmein", json, StringComparison.Ordinal);
        Assert.DoesNotContain("password", json, StringComparison.Ordinal);
    }

    [Fact]
    public void Entries_without_the_facts_of_their_decision_are_not_guessed_at()
    {
        var entry = Record(CreateIssue, AllowAll);
        Assert.Equal(ReplayGap.NotRecorded, Replay(entry with { Policy = entry.Policy! with { Facts = null } }, AllowAll).Gap);
        var crowd = CreateIssue with { Roles = [.. Enumerable.Range(0, 300).Select(n => $"a-rather-long-group-name-{n}")] };
        Assert.Equal(ReplayGap.NotRecorded, Replay(Record(crowd, AllowAll), AllowAll).Gap);
        Assert.Null(PolicyReplay.Run(Compile(AllowAll), entry with { Policy = null }));
    }

    [Fact]
    public void Every_agent_of_a_delegation_has_to_be_allowed_as_then()
    {
        var first = Ids.Named<AppId>("first");
        var entry = Record(CreateIssue, AllowAll);
        entry = Reread(entry with { Policy = entry.Policy! with { Facts = entry.Policy.Facts! with { Delegators = [new DelegatorFacts(first, true)] } } });
        var deny = Rule(PolicyLayer.Application, PolicyEffect.Deny) with { Subject = new(PolicySubjectKind.Application, first.ToString()) };
        Assert.Equal(ReplayOutcome.Unchanged, Replay(entry, AllowAll).Outcome);
        Assert.Equal(ReplayOutcome.Changed, Replay(entry, AllowAll, deny).Outcome);
    }

    [Fact]
    public void What_replay_says_is_what_the_evaluator_would_have_said()
    {
        var decided = 0;
        for (var seed = 0; seed < 3_000; seed++)
        {
            var random = new Random(seed);
            var request = Request(random);
            PolicyRequest[] before = [.. Agents.Take(random.Next(3)).Select(agent => request with { Application = agent, Attached = random.Next(5) > 0 })];
            PolicyRule[] then = [.. Enumerable.Range(0, random.Next(6)).Select(_ => AnyRule(random))], now = [.. Enumerable.Range(0, random.Next(6)).Select(n => n < then.Length && random.Next(2) == 0 ? then[n] : AnyRule(random))];
            var entry = Record(before, request, then);
            var replayed = Replay(entry, now);
            PolicyEvaluator.TryPermit(Compile(now), enforced: true, before, request, out var live, out _);
            if (replayed.Outcome == ReplayOutcome.Undecidable)
                continue;
            decided++;
            Assert.Equal(live.Effect, replayed.Effect);
            Assert.Equal(live.Effect == entry.Policy!.Effect ? ReplayOutcome.Unchanged : ReplayOutcome.Changed, replayed.Outcome);
            if (before.Length == 0)
                Assert.All(live.Layers.Zip(replayed.Layers).Where(pair => pair.Second.Certain), pair => Assert.Equal(pair.First.Allowed, pair.Second.Decision.Allowed));
            // A deny ends the search, so that the conditions of the agents after it were not looked at.
            if (before.Length == 0 || entry.Policy!.Effect != PolicyEffect.Deny)
                Assert.Equal(ReplayOutcome.Unchanged, Replay(entry, then).Outcome);
        }
        Assert.InRange(decided, 1_500, 3_000);
    }

    private static PolicyRequest Request(Random random) => CreateIssue with
    {
        Kind = (AccessKind)random.Next(3),
        Roles = random.Next(2) == 0 ? ["member"] : ["admin", "member"],
        User = random.Next(5) == 0 ? null : Alice,
        Consented = random.Next(5) > 0,
        Attached = random.Next(5) > 0,
        Target = random.Next(3) switch { 0 => null, 1 => "acme/frontend", _ => "globex/web" },
        Arguments = random.Next(4) switch { 0 => default, 1 => "not json"u8.ToArray(), _ => Encoding.UTF8.GetBytes($$"""{"owner":"{{(random.Next(2) == 0 ? "acme" : "globex")}}","amount":{{random.Next(10)}}}""") },
    };

    private static PolicyRule AnyRule(Random random)
    {
        var layer = (PolicyLayer)random.Next(3);
        return Rule(layer, (PolicyEffect)random.Next(3)) with
        {
            Subject = layer == PolicyLayer.Application ? new(PolicySubjectKind.Application, random.Next(3) switch { 0 => Agents[0].ToString(), 1 => Agents[1].ToString(), _ => Bot.ToString() })
                : random.Next(3) switch { 0 => new(PolicySubjectKind.Role, "admin"), 1 => new(PolicySubjectKind.User, Alice.ToString()), _ => new(PolicySubjectKind.Everyone) },
            Integration = random.Next(2) == 0 ? Github : null,
            Operation = random.Next(4) switch { 0 => "create_issue", 1 => "create_*", 2 => "delete_repo", _ => null },
            Conditions = [.. Enumerable.Range(0, random.Next(3)).Select(_ => random.Next(5) switch
            {
                0 => new PolicyCondition("target", ConditionOperator.StartsWith, ["acme/"]),
                1 => new PolicyCondition("arguments.owner", ConditionOperator.Equals, ["acme"]),
                2 => new PolicyCondition("arguments.amount", ConditionOperator.AtLeast, [$"{random.Next(10)}"]),
                3 => new PolicyCondition("arguments.owner", ConditionOperator.AtMost, ["3"]),
                _ => new PolicyCondition("arguments.other", ConditionOperator.Absent, []),
            })],
        };
    }

    private static PolicyRule Deny(string path, ConditionOperator comparison, string value) =>
        Rule(PolicyLayer.Organization, PolicyEffect.Deny) with { Conditions = [new PolicyCondition(path, comparison, [value])] };

    private static PolicyRule Rule(PolicyLayer layer, PolicyEffect effect) =>
        new() { Id = Ids.New<RuleId>(Now), Layer = layer, Effect = effect, Subject = new PolicySubject(PolicySubjectKind.Everyone), CreatedAt = Now };

    private static PolicySet Compile(params PolicyRule[] rules) => PolicySet.Compile(new PolicyRules(1, [.. rules]));

    // As it is stored and read again: only what the entry's text holds can be used.
    private static AuditEvent Record(PolicyRequest request, params PolicyRule[] rules) => Record([], request, rules);

    private static AuditEvent Record(PolicyRequest[] before, PolicyRequest request, params PolicyRule[] rules)
    {
        PolicyEvaluator.TryPermit(Compile(rules), enforced: true, before, request, out var decision, out _);
        return Reread(new AuditEvent
        {
            At = Now,
            Type = AuditTypes.CredentialInjected,
            Agent = new AuditParty(request.Application.ToString(), "bot"),
            User = request.User is { } user ? new AuditParty(user.ToString(), "alice") : null,
            Integration = new AuditParty(request.Integration.ToString(), request.IntegrationName),
            Capability = request.Kind == AccessKind.Operation ? $"{request.IntegrationName}:{request.Operation}" : null,
            Target = request.Target,
            Policy = decision,
        });
    }

    private static AuditEvent Reread(AuditEvent happened) =>
        AuditChain.Append(AuditChain.Start(Ids.Named<OrgId>("org"), "c"), AuditChain.Serialize(happened)).Read().Event;

    private static ReplayedDecision Replay(AuditEvent entry, params PolicyRule[] rules) => PolicyReplay.Run(Compile(rules), entry)!;
}

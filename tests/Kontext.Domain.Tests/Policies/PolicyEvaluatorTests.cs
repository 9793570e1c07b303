using System.Text;
using System.Text.RegularExpressions;
using Kontext.Domain.Policies;

namespace Kontext.Domain.Tests.Policies;

public sealed class PolicyEvaluatorTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 0, 0, 0, TimeSpan.Zero);
    private static readonly IntegrationId Github = Ids.Named<IntegrationId>("github");
    private static readonly IntegrationId Slack = Ids.Named<IntegrationId>("slack");
    private static readonly UserId Alice = Ids.Named<UserId>("alice");
    private static readonly AppId Bot = Ids.Named<AppId>("bot");
    private static readonly PolicyRule AllowAll = Rule(PolicyLayer.Organization, PolicyEffect.Allow);

    private static readonly PolicyRequest CreateIssue = new()
    {
        Kind = AccessKind.Operation,
        User = Alice,
        Roles = ["member"],
        Application = Bot,
        Integration = Github,
        IntegrationName = "github",
        Operation = "create_issue",
        Consented = true,
        Attached = true,
    };

    [Fact]
    public void All_three_layers_have_to_allow()
    {
        Assert.True(Decide(CreateIssue, AllowAll).Allowed);
        Assert.Equal(PolicyLayer.Organization, Decide(CreateIssue).Denial?.Layer);
        Assert.Equal(PolicyLayer.User, Decide(CreateIssue with { Consented = false }, AllowAll).Denial?.Layer);
        Assert.Equal(PolicyLayer.Application, Decide(CreateIssue with { Attached = false }, AllowAll).Denial?.Layer);
    }

    [Fact]
    public void What_an_agent_before_may_not_do_the_one_that_acts_for_it_may_not()
    {
        var first = CreateIssue with { Application = Ids.Named<AppId>("first") };
        var (denied, asked) = (About(first, PolicyEffect.Deny), About(first, PolicyEffect.Ask));
        var (ownDenied, ownAsked) = (About(CreateIssue, PolicyEffect.Deny), About(CreateIssue, PolicyEffect.Ask));

        Assert.Equal((PolicyEffect.Allow, true), Chain(enforced: true, first, AllowAll));
        Assert.Equal((PolicyEffect.Deny, false), Chain(enforced: true, first, AllowAll, denied));
        Assert.Equal((PolicyEffect.Ask, false), Chain(enforced: true, first, AllowAll, asked));
        Assert.Equal((PolicyEffect.Deny, false), Chain(enforced: true, first, AllowAll, asked, ownDenied));
        Assert.Equal((PolicyEffect.Deny, false), Chain(enforced: true, first, AllowAll, denied, ownAsked));
        Assert.Equal((PolicyEffect.Deny, false), Chain(enforced: true, first with { Attached = false }, AllowAll));
    }

    [Fact]
    public void In_observe_mode_it_may_and_what_enforcing_would_have_said_is_recorded()
    {
        var first = CreateIssue with { Application = Ids.Named<AppId>("first") };
        Assert.Equal((PolicyEffect.Deny, true), Chain(enforced: false, first, AllowAll, About(first, PolicyEffect.Deny)));
        Assert.Equal((PolicyEffect.Ask, true), Chain(enforced: false, first, AllowAll, About(first, PolicyEffect.Ask)));
        Assert.Equal((PolicyEffect.Deny, true), Chain(enforced: false, first, AllowAll, About(first, PolicyEffect.Ask), About(CreateIssue, PolicyEffect.Deny)));
    }

    [Fact]
    public void An_explicit_deny_beats_every_allow_of_its_layer_in_any_order()
    {
        var deny = Rule(PolicyLayer.Organization, PolicyEffect.Deny, operation: "create_issue", integration: Github);
        foreach (var rules in (PolicyRule[][])[[AllowAll, deny], [deny, AllowAll]])
        {
            var decision = Decide(CreateIssue, rules);
            Assert.False(decision.Allowed);
            Assert.Equal(deny.Id, decision.Denial?.Rule);
        }
    }

    [Fact]
    public void A_rule_about_an_operation_leaves_the_others_alone()
    {
        var deny = Rule(PolicyLayer.Organization, PolicyEffect.Deny, operation: "delete_repo", integration: Github);
        Assert.True(Decide(CreateIssue, AllowAll, deny).Allowed);
        Assert.False(Decide(CreateIssue with { Operation = "delete_repo" }, AllowAll, deny).Allowed);
        Assert.True(Decide(CreateIssue with { Operation = "delete_repo", Integration = Slack }, AllowAll, deny).Allowed);
    }

    [Theory]
    [InlineData("create_*", "create_issue", true)]
    [InlineData("*_issue", "create_issue", true)]
    [InlineData("*", "create_issue", true)]
    [InlineData("c*e*e", "create_issue", true)]
    [InlineData("Create_*", "create_issue", false)]
    [InlineData("create", "create_issue", false)]
    [InlineData("*x*", "create_issue", false)]
    public void A_pattern_covers_the_operations_it_matches(string pattern, string operation, bool denied)
    {
        var deny = Rule(PolicyLayer.Organization, PolicyEffect.Deny, operation: pattern, integration: Github);
        Assert.Equal(!denied, Decide(CreateIssue with { Operation = operation }, AllowAll, deny).Allowed);
    }

    [Fact]
    public void Among_many_patterns_each_that_matches_counts_however_it_begins_and_ends()
    {
        string[] operations = ["", "a", "create_issue", "create_issue_comment", "issue", "delete_issue", "create_"];
        string[] patterns = ["create_*", "create_issue*", "*_issue", "*issue*", "c*e", "a*", "*a", "*_comment", "create_issue_comment*x", "**", "d*_issue", "create_*_issue"];
        var denies = patterns.Select(pattern => Rule(PolicyLayer.Organization, PolicyEffect.Deny, operation: pattern, integration: Github)).ToArray();
        Assert.All(operations, operation =>
        {
            Assert.All(denies, deny =>
            {
                var others = denies.Where(other => other != deny && !Matches(other.Operation!, operation));
                var decision = Decide(CreateIssue with { Operation = operation }, [AllowAll, .. others, deny]);
                Assert.Equal(Matches(deny.Operation!, operation) ? deny.Id : null, decision.Denial?.Rule);
            });
        });

        static bool Matches(string pattern, string operation) => Regex.IsMatch(operation, $"^{Regex.Escape(pattern).Replace("\\*", ".*", StringComparison.Ordinal)}$");
    }

    [Fact]
    public void Of_two_patterns_that_allow_the_one_that_says_more_is_named()
    {
        var (wide, narrow) = (Rule(PolicyLayer.Organization, PolicyEffect.Allow, operation: "create_*", integration: Github), Rule(PolicyLayer.Organization, PolicyEffect.Allow, operation: "create_iss*", integration: Github));
        Assert.Equal(narrow.Id, Decide(CreateIssue, wide, narrow).Layers[0].Rule);
        Assert.Equal(narrow.Id, Decide(CreateIssue, narrow, wide).Layers[0].Rule);
    }

    [Fact]
    public void A_rule_applies_to_its_subject_only()
    {
        PolicySubject[] hit = [new(PolicySubjectKind.Everyone), new(PolicySubjectKind.Role, "member"), new(PolicySubjectKind.User, Alice.ToString()), new(PolicySubjectKind.Application, Bot.ToString())];
        PolicySubject[] miss = [new(PolicySubjectKind.Role, "admin"), new(PolicySubjectKind.User, Ids.Named<UserId>("bob").ToString()), new(PolicySubjectKind.Application, Ids.Named<AppId>("other").ToString())];
        Assert.All(hit, subject => Assert.False(Decide(CreateIssue, AllowAll, Rule(PolicyLayer.Organization, PolicyEffect.Deny) with { Subject = subject }).Allowed));
        Assert.All(miss, subject => Assert.True(Decide(CreateIssue, AllowAll, Rule(PolicyLayer.Organization, PolicyEffect.Deny) with { Subject = subject }).Allowed));
    }

    [Fact]
    public void An_allow_rule_of_the_application_narrows_what_attachment_allows()
    {
        var only = Rule(PolicyLayer.Application, PolicyEffect.Allow, integration: Github, conditions: new PolicyCondition("target", ConditionOperator.Equals, ["acme/frontend"])) with { Subject = new(PolicySubjectKind.Application, Bot.ToString()) };
        Assert.True(Decide(CreateIssue with { Target = "acme/frontend" }, AllowAll, only).Allowed);
        Assert.Equal(PolicyLayer.Application, Decide(CreateIssue with { Target = "acme/backend" }, AllowAll, only).Denial?.Layer);
        Assert.True(Decide(CreateIssue with { Integration = Slack, Target = "x" }, AllowAll, only).Allowed);
    }

    [Fact]
    public void A_raw_credential_is_denied_by_any_deny_on_the_integration_and_the_reason_says_so()
    {
        var deny = Rule(PolicyLayer.Organization, PolicyEffect.Deny, operation: "delete_repo", integration: Github);
        var decision = Decide(CreateIssue with { Kind = AccessKind.Credential, Operation = null }, AllowAll, deny);
        Assert.False(decision.Allowed);
        Assert.Contains("delete_repo", decision.Denial?.Reason, StringComparison.Ordinal);
        Assert.Contains("gateway", decision.Denial?.Reason, StringComparison.Ordinal);
        Assert.True(Decide(CreateIssue with { Kind = AccessKind.Credential, Operation = null, Integration = Slack }, AllowAll, deny).Allowed);
    }

    [Fact]
    public void A_raw_credential_needs_an_allow_for_the_whole_integration()
    {
        var some = Rule(PolicyLayer.Organization, PolicyEffect.Allow, operation: "create_issue", integration: Github);
        Assert.True(Decide(CreateIssue, some).Allowed);
        Assert.False(Decide(CreateIssue with { Kind = AccessKind.Credential, Operation = null }, some).Allowed);
    }

    [Fact]
    public void What_an_integration_offers_may_be_asked_when_anything_of_it_could_be_allowed()
    {
        var discovery = CreateIssue with { Kind = AccessKind.Discovery, Operation = null };
        Assert.True(Decide(discovery, Rule(PolicyLayer.Organization, PolicyEffect.Allow, operation: "create_issue", integration: Github)).Allowed);
        Assert.True(Decide(discovery, AllowAll, Rule(PolicyLayer.Organization, PolicyEffect.Deny, operation: "delete_repo", integration: Github)).Allowed);
        Assert.False(Decide(discovery, AllowAll, Rule(PolicyLayer.Organization, PolicyEffect.Deny, integration: Github)).Allowed);
    }

    [Theory]
    [InlineData(ConditionOperator.Equals, "arguments.repo.name", "api", """{"repo":{"name":"api"}}""", true)]
    [InlineData(ConditionOperator.Equals, "arguments.repo.name", "api", """{"repo":{"name":"web"}}""", false)]
    [InlineData(ConditionOperator.Equals, "arguments.force", "true", """{"force":true}""", true)]
    [InlineData(ConditionOperator.Equals, "arguments.list.1", "b", """{"list":["a","b"]}""", true)]
    [InlineData(ConditionOperator.Matches, "arguments.path", "/etc/*", """{"path":"/etc/passwd"}""", true)]
    [InlineData(ConditionOperator.StartsWith, "arguments.path", "/etc", """{"path":"/home"}""", false)]
    [InlineData(ConditionOperator.AtLeast, "arguments.amount", "100", """{"amount":100}""", true)]
    [InlineData(ConditionOperator.AtLeast, "arguments.amount", "100", """{"amount":99.5}""", false)]
    [InlineData(ConditionOperator.Absent, "arguments.amount", null, "{}", true)]
    [InlineData(ConditionOperator.Present, "arguments.amount", null, """{"amount":null}""", false)]
    [InlineData(ConditionOperator.Equals, "arguments.amount", "1", "{}", false)]
    // What cannot be evaluated counts against the request.
    [InlineData(ConditionOperator.Equals, "arguments.amount", "1", "not json", true)]
    [InlineData(ConditionOperator.Equals, "arguments.amount", "1", """{"amount":2,"amount":1}""", true)]
    [InlineData(ConditionOperator.Equals, "arguments.amount", "1", """{"amount":{}}""", true)]
    [InlineData(ConditionOperator.AtLeast, "arguments.amount", "100", """{"amount":"much"}""", true)]
    public void A_conditioned_deny_looks_at_the_arguments_and_fails_closed(ConditionOperator comparison, string path, string? value, string arguments, bool denied)
    {
        var deny = Rule(PolicyLayer.Organization, PolicyEffect.Deny, integration: Github, conditions: new PolicyCondition(path, comparison, value is null ? [] : [value]));
        Assert.Equal(!denied, Decide(CreateIssue with { Arguments = Encoding.UTF8.GetBytes(arguments) }, AllowAll, deny).Allowed);
    }

    [Fact]
    public void A_conditioned_allow_that_cannot_be_evaluated_does_not_allow()
    {
        var allow = Rule(PolicyLayer.Organization, PolicyEffect.Allow, conditions: new PolicyCondition("arguments.amount", ConditionOperator.AtMost, ["10"]));
        Assert.True(Decide(CreateIssue with { Arguments = "{\"amount\":10}"u8.ToArray() }, allow).Allowed);
        Assert.False(Decide(CreateIssue with { Arguments = "{\"amount\":\"ten\"}"u8.ToArray() }, allow).Allowed);
        Assert.False(Decide(CreateIssue with { Arguments = "{}"u8.ToArray() }, allow).Allowed);
    }

    [Fact]
    public void Observing_tells_the_truth_and_lets_pass()
    {
        Assert.True(PolicyEvaluator.TryPermit(PolicySet.Compile(PolicyRules.None), enforced: false, CreateIssue, out var decision, out var permit));
        Assert.False(decision.Allowed);
        Assert.NotNull(permit);
    }

    [Fact]
    public void An_allow_rule_with_an_unreadable_subject_allows_nobody() =>
        Assert.False(Decide(CreateIssue, AllowAll with { Subject = new(PolicySubjectKind.User, "not an id") }).Allowed);

    private static PolicyRule About(PolicyRequest request, PolicyEffect effect) =>
        Rule(PolicyLayer.Application, effect) with { Subject = new PolicySubject(PolicySubjectKind.Application, request.Application.ToString()) };

    private static (PolicyEffect Effect, bool Permitted) Chain(bool enforced, PolicyRequest first, params PolicyRule[] rules)
    {
        var permitted = PolicyEvaluator.TryPermit(PolicySet.Compile(new PolicyRules(1, [.. rules])), enforced, [first], CreateIssue, out var decision, out var permit);
        Assert.Equal(permitted, permit is not null);
        Assert.Equal([new DelegatorFacts(first.Application, first.Attached)], decision.Facts!.Delegators);
        return (decision.Effect, permitted);
    }

    private static PolicyDecision Decide(PolicyRequest request, params PolicyRule[] rules)
    {
        PolicyEvaluator.TryPermit(PolicySet.Compile(new PolicyRules(1, [.. rules])), enforced: true, request, out var decision, out var permit);
        Assert.Equal(decision.Allowed, permit is not null);
        return decision;
    }

    private static PolicyRule Rule(PolicyLayer layer, PolicyEffect effect, string? operation = null, IntegrationId? integration = null, params PolicyCondition[] conditions) => new()
    {
        Id = Ids.New<RuleId>(Now),
        Layer = layer,
        Effect = effect,
        Subject = new PolicySubject(PolicySubjectKind.Everyone),
        Integration = integration,
        Operation = operation,
        Conditions = [.. conditions],
        CreatedAt = Now,
    };
}

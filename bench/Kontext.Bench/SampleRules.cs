using System.Globalization;
using Kontext.Domain;
using Kontext.Domain.Policies;

namespace Kontext.Bench;

/// <summary>Rules and requests to decide on.</summary>
public static class SampleRules
{
    private static readonly DateTimeOffset Then = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly IntegrationId Github = Ids.Named<IntegrationId>("github");

    /// <summary>A tool call with a few arguments.</summary>
    public static readonly PolicyRequest Call = new()
    {
        Kind = AccessKind.Operation,
        User = Ids.Named<UserId>("alice"),
        Roles = ["member", "engineering"],
        Application = Ids.Named<AppId>("bot"),
        Integration = Github,
        IntegrationName = "github",
        Operation = "create_issue",
        Consented = true,
        Attached = true,
        Target = "acme/frontend",
        Arguments = """{"owner":"acme","repo":"frontend","title":"It does not start","body":"Since this morning.","labels":["bug"],"priority":2}"""u8.ToArray(),
    };

    /// <summary>The integration's credential.</summary>
    public static readonly PolicyRequest Credential = Call with { Kind = AccessKind.Credential, Operation = null, Target = null, Arguments = default };

    /// <summary>One rule that allows everything.</summary>
    private static readonly PolicyRule AllowAll = Rule(PolicyLayer.Organization, PolicyEffect.Allow);

    /// <summary>Rules about other agents, people, roles and integrations, and the one that allows.</summary>
    public static List<PolicyRule> AboutOthers(int count) => [AllowAll, .. Enumerable.Range(1, count - 1).Select(Other)];

    /// <summary>Rules about other tools of the same integration, and the one that allows.</summary>
    public static List<PolicyRule> AboutOtherTools(int count) => [AllowAll, .. Enumerable.Range(1, count - 1).Select(n => Rule(PolicyLayer.Organization, PolicyEffect.Deny) with { Integration = Github, Operation = Name("tool", n) })];

    /// <summary>Rules about patterns of other tools of the same integration, and the one that allows.</summary>
    public static List<PolicyRule> AboutOtherPatterns(int count) => [AllowAll, .. Enumerable.Range(1, count - 1).Select(n => Rule(PolicyLayer.Organization, PolicyEffect.Deny) with { Integration = Github, Operation = n % 2 == 0 ? Name("*", n) : $"{Name("create", n)}*" })];

    /// <summary>Rules about the call's own tool that look at its arguments.</summary>
    public static PolicyRule[] OnArguments() =>
    [
        On("arguments.owner", ConditionOperator.OneOf, "globex", "initech"),
        On("arguments.repo", ConditionOperator.Matches, "secret-*"),
        On("arguments.priority", ConditionOperator.AtLeast, "5"),
    ];

    /// <summary>The rules, compiled.</summary>
    public static PolicySet Compile(IEnumerable<PolicyRule> rules) => PolicySet.Compile(new PolicyRules(1, [.. rules]));

    private static PolicyRule Other(int n) => (n % 4) switch
    {
        0 => Rule(PolicyLayer.Organization, PolicyEffect.Deny) with { Integration = Ids.Named<IntegrationId>(Name("integration", n)), Operation = "create_*" },
        1 => Rule(PolicyLayer.Organization, PolicyEffect.Deny) with { Subject = new PolicySubject(PolicySubjectKind.Role, Name("role", n)), Integration = Github },
        2 => Rule(PolicyLayer.User, PolicyEffect.Deny) with { Subject = new PolicySubject(PolicySubjectKind.User, Ids.Named<UserId>(Name("user", n)).ToString()), Integration = Github },
        _ => Rule(PolicyLayer.Application, PolicyEffect.Allow) with { Subject = new PolicySubject(PolicySubjectKind.Application, Ids.Named<AppId>(Name("application", n)).ToString()), Operation = "list_*" },
    };

    private static PolicyRule On(string path, ConditionOperator comparison, params string[] values) =>
        Rule(PolicyLayer.Organization, PolicyEffect.Deny) with { Integration = Github, Operation = "create_issue", Conditions = [new PolicyCondition(path, comparison, [.. values])] };

    private static PolicyRule Rule(PolicyLayer layer, PolicyEffect effect) =>
        new() { Id = Ids.New<RuleId>(Then), Layer = layer, Effect = effect, Subject = new PolicySubject(PolicySubjectKind.Everyone), CreatedAt = Then };

    private static string Name(string what, int n) => string.Create(CultureInfo.InvariantCulture, $"{what} {n}");
}

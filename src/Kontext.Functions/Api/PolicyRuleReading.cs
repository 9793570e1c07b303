using System.Collections.Immutable;
using Kontext.Domain;
using Kontext.Domain.Policies;

namespace Kontext.Functions.Api;

/// <summary>Makes rules of what callers send, and says field by field what is wrong with it.</summary>
internal sealed class PolicyRuleReading(PolicyRuleStores stores, TimeProvider time)
{
    /// <summary>The most rules an organization has.</summary>
    public const int MaxRules = 100_000;

    /// <summary>One rule, in place of a known one or as a new one.</summary>
    public async Task<Result<PolicyRule>> OneAsync(ApiCaller caller, PolicyRuleInput input, PolicyRule? known, CancellationToken cancellationToken)
    {
        var errors = new Dictionary<string, string>();
        if (input.Id is not null && input.Id != known?.Id.ToString())
            errors["id"] = known is null ? "A new rule gets its id from Kontext." : "Has to be the id in the address.";
        return await ParseAsync(caller, input, known, errors, cancellationToken) is { } rule ? rule : Api.Invalid(errors);
    }

    /// <summary>Does what a rule refers to exist? One that says what the known one says stays as it is, whatever became of that.</summary>
    public async Task<Result<Done>> CheckReferencesAsync(ApiCaller caller, PolicyRuleInput input, PolicyRule rule, PolicyRule? known, CancellationToken cancellationToken)
    {
        if (known?.SaysTheSameAs(rule) == true)
            return default(Done);
        var errors = new Dictionary<string, string>();
        (await PolicyReferences.LoadAsync(stores, caller.Org, [rule], cancellationToken)).Check(rule, input, errors);
        return errors.Count == 0 ? default(Done) : Api.Invalid(errors);
    }

    /// <summary>A whole set; rules that the organization has already keep their maker and date. Everything that is wrong is said, under the rule's place in the list.</summary>
    public async Task<Result<List<PolicyRule>>> AllAsync(ApiCaller caller, IReadOnlyList<PolicyRuleInput?>? inputs, ImmutableArray<PolicyRule> current, CancellationToken cancellationToken)
    {
        if (inputs is null)
            return Api.Invalid(new Dictionary<string, string> { ["rules"] = "Is required." });
        if (inputs.Count > MaxRules)
            return Api.Invalid(new Dictionary<string, string> { ["rules"] = $"An organization has at most {MaxRules} rules." });
        var known = current.ToDictionary(rule => rule.Id);
        var invalid = new SortedDictionary<int, Dictionary<string, string>>();
        var rules = new List<PolicyRule>(inputs.Count);
        var (read, ids) = (new List<(int Index, PolicyRuleInput Input, PolicyRule Rule)>(), new HashSet<RuleId>());
        for (var index = 0; index < inputs.Count; index++)
        {
            var errors = new Dictionary<string, string>();
            if (inputs[index] is not { } input)
                errors["rule"] = "Has to be an object.";
            else if (await ParseAsync(caller, input, RuleId.TryParse(input.Id, null, out var id) ? known.GetValueOrDefault(id) : null, errors, cancellationToken) is { } rule)
            {
                if (!ids.Add(rule.Id))
                    errors["id"] = "Is the id of an earlier rule in the list.";
                rules.Add(rule);
                if (!known.TryGetValue(rule.Id, out var before) || !before.SaysTheSameAs(rule))
                    read.Add((index, input, rule));
            }
            if (errors.Count > 0)
                invalid[index] = errors;
        }
        var references = await PolicyReferences.LoadAsync(stores, caller.Org, read.Select(entry => entry.Rule), cancellationToken);
        foreach (var (index, input, rule) in read)
        {
            var errors = invalid.GetValueOrDefault(index) ?? [];
            references.Check(rule, input, errors);
            if (errors.Count > 0)
                invalid[index] = errors;
        }
        return invalid.Count == 0 ? rules : new Failure(FailureCode.InvalidRequest, $"{invalid.Count} of {inputs.Count} rules are not valid; validationErrors says where. Nothing was changed.")
        {
            Fields = invalid.SelectMany(rule => rule.Value.Select(error => KeyValuePair.Create($"rules[{rule.Key}].{error.Key}", error.Value))).ToDictionary(),
        };
    }

    // Null when something is wrong; the errors say what.
    private async ValueTask<PolicyRule?> ParseAsync(ApiCaller caller, PolicyRuleInput input, PolicyRule? known, Dictionary<string, string> errors, CancellationToken cancellationToken)
    {
        if (input.Action is not ("allow" or "ask" or "deny"))
            errors["action"] = "Has to be allow, ask or deny.";
        var layer = input.Level switch { "org" => PolicyLayer.Organization, "user" => PolicyLayer.User, "agent" or "application" => PolicyLayer.Application, _ => (PolicyLayer?)null };
        if (layer is null)
            errors["level"] = "Has to be org, user or agent.";
        if (input.Scope is not (null or "server" or "tool"))
            errors["scope"] = "Has to be server (the whole integration) or tool.";
        if (input.Scope == "tool" && string.IsNullOrEmpty(input.ToolName))
            errors["toolName"] = "Is required for the scope tool.";
        if (input.Scope == "server" && input.ToolName is not null)
            errors["toolName"] = "Leave it out for the scope server.";
        var id = known?.Id;
        if (id is null && input.Id is not null)
        {
            if (RuleId.TryParse(input.Id, null, out var given))
                id = given;
            else
                errors["id"] = "Has to be the id of a rule, or left out for a new one.";
        }
        var integration = await IntegrationAsync(caller, input, errors, cancellationToken);
        var conditions = Conditions(input, errors);
        var subject = Subject(input, errors);
        if (errors.Count > 0)
            return null;

        var now = time.GetUtcNow();
        var rule = new PolicyRule
        {
            Id = id ?? Ids.New<RuleId>(now),
            Layer = layer!.Value,
            Effect = input.Action switch { "allow" => PolicyEffect.Allow, "ask" => PolicyEffect.Ask, _ => PolicyEffect.Deny },
            Subject = subject,
            Integration = integration,
            Operation = input.ToolName,
            Conditions = conditions,
            Description = input.Description,
            CreatedAt = known?.CreatedAt ?? now,
            CreatedBy = known is null ? caller.Actor.Name : known.CreatedBy,
        };
        foreach (var (field, error) in PolicyRuleValidation.Check(rule))
            errors[field] = error;
        return errors.Count == 0 ? rule : null;
    }

    private async ValueTask<IntegrationId?> IntegrationAsync(ApiCaller caller, PolicyRuleInput input, Dictionary<string, string> errors, CancellationToken cancellationToken)
    {
        if (input.IntegrationId is not null)
        {
            if (IntegrationId.TryParse(input.IntegrationId, null, out var id))
                return id;
            errors["integrationId"] = "Has to be the id of an integration.";
        }
        else if (input.Integration is not null)
        {
            // A name without an id must not be passed over: the rule would be about every integration.
            if (await stores.Integrations.CurrentByNameAsync(caller.Org, input.Integration, cancellationToken) is { Archived: false } named)
                return named.Id;
            errors["integration"] = "Has to be the name of an integration of this organization.";
        }
        return null;
    }

    private static PolicySubject Subject(PolicyRuleInput input, Dictionary<string, string> errors)
    {
        if (new[] { input.ApplicationId, input.UserId, input.Role }.Count(value => value is not null) > 1)
            errors["applicationId"] = "Name one subject: applicationId, userId or role.";
        // Likewise: without the id the rule would be about everyone.
        if (input.Application is not null && input.ApplicationId is null)
            errors["applicationId"] = "Is required beside the application's name.";
        if (input.User is not null && input.UserId is null)
            errors["userId"] = "Is required beside the person's name.";
        return input switch
        {
            { ApplicationId: { } application } => new PolicySubject(PolicySubjectKind.Application, AppId.TryParse(application, null, out var id) ? id.ToString() : application),
            { UserId: { } user } => new PolicySubject(PolicySubjectKind.User, UserId.TryParse(user, null, out var id) ? id.ToString() : user),
            { Role: { } role } => new PolicySubject(PolicySubjectKind.Role, role),
            _ => new PolicySubject(PolicySubjectKind.Everyone),
        };
    }

    private static ImmutableArray<PolicyCondition> Conditions(PolicyRuleInput input, Dictionary<string, string> errors)
    {
        var conditions = ImmutableArray.CreateBuilder<PolicyCondition>();
        foreach (var sent in input.Conditions ?? [])
        {
            if (sent?.ToCondition() is { } condition)
                conditions.Add(condition);
            else
                errors["conditions"] = $"Each operator has to be one of {PolicyConditionBody.Operators}.";
        }
        return conditions.ToImmutable();
    }
}

using System.Collections.Concurrent;
using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Api;

/// <summary>What the rules of one organization refer to, read once for a whole set.</summary>
internal sealed class PolicyReferences
{
    private const int AtOnce = 16;

    private readonly ConcurrentDictionary<IntegrationId, Integration> integrations = new();
    private readonly ConcurrentDictionary<AppId, Application> applications = new();
    private readonly ConcurrentDictionary<UserId, User> users = new();

    private PolicyReferences()
    {
    }

    /// <summary>Reads what the rules name.</summary>
    public static async Task<PolicyReferences> LoadAsync(PolicyRuleStores stores, OrgId org, IEnumerable<PolicyRule> rules, CancellationToken cancellationToken)
    {
        var found = new PolicyReferences();
        var (integrations, applications, users) = (new HashSet<IntegrationId>(), new HashSet<AppId>(), new HashSet<UserId>());
        foreach (var rule in rules)
        {
            if (rule.Integration is { } integration)
                integrations.Add(integration);
            if (ApplicationOf(rule) is { } application)
                applications.Add(application);
            if (UserOf(rule) is { } user)
                users.Add(user);
        }
        var options = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(integrations, options, async (id, token) => Keep(found.integrations, id, await stores.Integrations.CurrentAsync(org, id, token)));
        await Parallel.ForEachAsync(applications, options, async (id, token) => Keep(found.applications, id, await stores.Applications.CurrentAsync(org, id, token)));
        await Parallel.ForEachAsync(users, options, async (id, token) => Keep(found.users, id, await stores.Users.CurrentAsync(org, id, token)));
        return found;
    }

    /// <summary>The rule's integration; null when it names none, or one there is not.</summary>
    public Integration? Integration(PolicyRule rule) => rule.Integration is { } id ? integrations.GetValueOrDefault(id) : null;

    /// <summary>The application a rule is about; null likewise.</summary>
    public Application? Application(PolicyRule rule) => ApplicationOf(rule) is { } id ? applications.GetValueOrDefault(id) : null;

    /// <summary>The person a rule is about; null likewise.</summary>
    public User? User(PolicyRule rule) => UserOf(rule) is { } id ? users.GetValueOrDefault(id) : null;

    /// <summary>Names what there is not, and names that are not those of the ids.</summary>
    public void Check(PolicyRule rule, PolicyRuleInput input, Dictionary<string, string> errors)
    {
        if (rule.Integration is not null)
            Check(errors, "integrationId", "an integration", Integration(rule) is { Archived: false } integration ? integration.Name : null, input.Integration);
        if (rule.Subject.Kind == PolicySubjectKind.Application)
            Check(errors, "applicationId", "an application", Application(rule) is { Archived: false } application ? application.Name : null, input.Application);
        if (rule.Subject.Kind == PolicySubjectKind.User)
            Check(errors, "userId", "a user", User(rule)?.DisplayName, input.User);
    }

    private static void Check(Dictionary<string, string> errors, string field, string what, string? name, string? stated)
    {
        if (name is null)
            errors[field] = $"Has to be the id of {what} of this organization.";
        // A reviewer reads the name: it must not be another one's.
        else if (stated is not null && !stated.Equals(name, StringComparison.OrdinalIgnoreCase))
            errors[field] = $"Is the id of {name}, not of {stated}.";
    }

    private static AppId? ApplicationOf(PolicyRule rule) =>
        rule.Subject.Kind == PolicySubjectKind.Application && AppId.TryParse(rule.Subject.Value, null, out var id) ? id : null;

    private static UserId? UserOf(PolicyRule rule) =>
        rule.Subject.Kind == PolicySubjectKind.User && UserId.TryParse(rule.Subject.Value, null, out var id) ? id : null;

    private static void Keep<TId, T>(ConcurrentDictionary<TId, T> found, TId id, T? value)
        where TId : notnull
        where T : class
    {
        if (value is not null)
            found[id] = value;
    }
}

/// <summary>Where the things are that rules name.</summary>
internal sealed record PolicyRuleStores(IIntegrationStore Integrations, IApplicationStore Applications, IUserStore Users);

using System.Collections.Immutable;
using System.Globalization;
using Kontext.Domain;
using Kontext.Domain.Policies;

namespace Kontext.Functions.Api;

/// <summary>A change of the rules that was made.</summary>
internal sealed record PolicyChange(int Revision, PolicyDifference Difference);

/// <summary>Changes the rules of an organization, all or nothing, and tells the revision they have then.</summary>
internal sealed class PolicyChanges(IPolicyStore policies)
{
    /// <summary>Applies a change to the rules as they are; when somebody else is faster it is applied anew to what they left.</summary>
    /// <param name="context">The request.</param>
    /// <param name="expectedRevision">The revision the change is meant for, or none; another one is a conflict.</param>
    /// <param name="apply">Makes the next rules of the current ones. May be called several times.</param>
    /// <param name="words">What the trail says of the change. Rules that say the same as before are no change: nothing is said, and the revision stays.</param>
    public async Task<Result<PolicyChange>> ApplyAsync(
        HttpContext context, int? expectedRevision, Func<ImmutableArray<PolicyRule>, Task<Result<ImmutableArray<PolicyRule>>>> apply, Func<PolicyChange, (string Change, string Detail)> words)
    {
        var (caller, cancellationToken) = (ApiCaller.Of(context), context.RequestAborted);
        while (true)
        {
            var current = await policies.FindAsync(caller.Org, cancellationToken);
            if (Stale(current.Value, expectedRevision) is { } stale)
                return stale;
            if (!(await apply(current.Value.Rules)).TryGet(out var next, out var failure))
                return failure;
            if (next.Length > PolicyRuleReading.MaxRules)
                return new Failure(FailureCode.Conflict, $"An organization has at most {PolicyRuleReading.MaxRules} rules.");
            var difference = PolicyDifference.Between(current.Value.Rules, next);
            if (difference is { Added: [], Removed: [], Changed: [] })
                return new PolicyChange(current.Value.Revision, difference);
            var made = new PolicyChange(current.Value.Revision + 1, difference);
            var (change, detail) = words(made);
            if (await Api.ChangeAsync(context, caller, change, null, detail, () => policies.ReplaceAsync(caller.Org, current, current.Value with { Rules = next }, cancellationToken)) is not null)
                return made;
        }
    }

    /// <summary>The conflict with a revision that was expected; null when there is none.</summary>
    public static Failure? Stale(PolicyRules current, int? expectedRevision) =>
        expectedRevision is { } expected && expected != current.Revision
            ? new Failure(FailureCode.Conflict, $"The rules are at revision {current.Revision}, not {expected}. Read them again and repeat the change.") { CurrentRevision = current.Revision }
            : null;

    /// <summary>The revision that If-Match names (RFC 9110 section 13.1.1); null without one, or when any will do.</summary>
    public static Result<int?> Expected(HttpContext context)
    {
        var tag = context.Request.Headers.IfMatch.ToString();
        if (tag is "" or "*")
            return Result.Of<int?>(null);
        if (tag is ['"', .. var number, '"'] && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var revision))
            return Result.Of<int?>(revision);
        return Api.Invalid(new Dictionary<string, string> { ["If-Match"] = "Has to be the ETag of an answer about rules, or *." });
    }

    /// <summary>Says the revision in the answer's ETag: lists of rules are bare arrays and have no other place for it.</summary>
    public static void Tag(HttpContext context, int revision) =>
        context.Response.Headers.ETag = string.Create(CultureInfo.InvariantCulture, $"\"{revision}\"");
}

using System.Collections.Immutable;
using System.Text.Json;
using Kontext.Domain.Policies;

namespace Kontext.Domain.Audit;

/// <summary>What a decision depended on, as <c>facts</c> of its evaluation. Short, since every decision has them: what is as usual (consented, attached, no arguments) is left out.</summary>
internal static class PolicyFactsJson
{
    private static readonly ImmutableArray<(AccessKind Kind, string Word)> Kinds =
        [(AccessKind.Operation, "operation"), (AccessKind.Credential, "credential"), (AccessKind.Discovery, "discovery")];

    /// <summary>Writes the member.</summary>
    public static void Write(Utf8JsonWriter writer, PolicyFacts facts)
    {
        writer.WriteStartObject("facts");
        foreach (var (kind, word) in Kinds)
        {
            if (facts.Kind == kind)
                writer.WriteString("access", word);
        }
        if (!facts.RolesKept)
            writer.WriteNull("roles");
        else if (!facts.Roles.IsDefaultOrEmpty)
        {
            writer.WriteStartArray("roles");
            foreach (var role in facts.Roles)
                writer.WriteStringValue(role);
            writer.WriteEndArray();
        }
        if (!facts.Consented)
            writer.WriteBoolean("consented", false);
        if (!facts.Attached)
            writer.WriteBoolean("attached", false);
        if (facts.HasArguments)
            writer.WriteBoolean("arguments", true);
        WriteConditions(writer, facts.Conditions);
        if (!facts.Delegators.IsDefaultOrEmpty)
        {
            writer.WriteStartObject("delegators");
            foreach (var delegator in facts.Delegators)
                writer.WriteBoolean(delegator.Application.ToString(), delegator.Attached);
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
    }

    /// <summary>Reads the member; null when there is none, or it speaks of a kind of access this version does not know.</summary>
    public static PolicyFacts? Read(JsonElement evaluation)
    {
        if (!evaluation.TryGetProperty("facts", out var facts)
            || Kinds.FirstOrDefault(kind => kind.Word == facts.GetProperty("access").GetString()) is not { Word: not null } found)
            return null;
        var rolesKept = !facts.TryGetProperty("roles", out var roles) || roles.ValueKind == JsonValueKind.Array;
        return new PolicyFacts
        {
            Kind = found.Kind,
            Roles = rolesKept && roles.ValueKind == JsonValueKind.Array ? [.. roles.EnumerateArray().Select(role => role.GetString() ?? "")] : [],
            RolesKept = rolesKept,
            Consented = Flag(facts, "consented") ?? true,
            Attached = Flag(facts, "attached") ?? true,
            HasArguments = Flag(facts, "arguments") ?? false,
            Conditions = facts.TryGetProperty("conditions", out var conditions)
                ? [.. conditions.EnumerateObject().Select(outcome => new ConditionOutcome(outcome.Name, outcome.Value.ValueKind == JsonValueKind.Null ? null : outcome.Value.GetBoolean()))]
                : [],
            Delegators = facts.TryGetProperty("delegators", out var delegators)
                ? [.. delegators.EnumerateObject().Select(delegator => new DelegatorFacts(AppId.Parse(delegator.Name, null), delegator.Value.GetBoolean()))]
                : [],
        };
    }

    private static void WriteConditions(Utf8JsonWriter writer, ImmutableArray<ConditionOutcome> conditions)
    {
        if (conditions.IsDefaultOrEmpty)
            return;
        writer.WriteStartObject("conditions");
        foreach (var (condition, held) in conditions)
        {
            if (held is { } known)
                writer.WriteBoolean(condition, known);
            else
                writer.WriteNull(condition);
        }
        writer.WriteEndObject();
    }

    private static bool? Flag(JsonElement facts, string name) => facts.TryGetProperty(name, out var flag) ? flag.GetBoolean() : null;
}

using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;

namespace Kontext.Domain.Policies;

/// <summary>A request's target and arguments as conditions see them. The arguments are parsed when the first condition looks at them, and not at all otherwise.</summary>
internal sealed class RequestArguments(PolicyRequest request) : IConditionOutcomes, IDisposable
{
    // What is beyond cannot be replayed; it keeps one call from filling an audit entry.
    private const int MaxOutcomes = 100;

    // A name given twice could be read one way here and another way at the integration: such arguments are not read at all.
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 64 };

    private List<ConditionOutcome>? outcomes;
    private JsonDocument? document;
    private bool parsed;

    /// <summary>How the conditions on arguments came out that were looked at.</summary>
    public ImmutableArray<ConditionOutcome> Outcomes => outcomes is null ? [] : [.. outcomes.Distinct()];

    /// <inheritdoc/>
    public bool Satisfy(CompiledCondition[] conditions, PolicyEffect effect)
    {
        foreach (var condition in conditions)
        {
            if (!(Evaluate(condition) ?? effect != PolicyEffect.Allow))
                return false;
        }
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => document?.Dispose();

    private bool? Evaluate(CompiledCondition condition)
    {
        if (condition.IsTarget)
            return condition.Compare(request.Target);
        if (!condition.IsArgument)
            return null;
        // What does not depend on the call need not be remembered of it.
        if (request.Arguments.IsEmpty)
            return condition.Compare(null);
        var held = Root() is { } root ? Evaluate(condition, root) : null;
        outcomes ??= [];
        if (outcomes.Count < MaxOutcomes)
            outcomes.Add(new ConditionOutcome(condition.Key, held));
        return held;
    }

    private static bool? Evaluate(CompiledCondition condition, JsonElement value)
    {
        foreach (var segment in condition.Segments)
        {
            if (value.ValueKind == JsonValueKind.Object && value.TryGetProperty(segment, out var member))
                value = member;
            else if (value.ValueKind == JsonValueKind.Array && int.TryParse(segment, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < value.GetArrayLength())
                value = value[index];
            else
                return condition.Compare(null);
        }
        return value.ValueKind switch
        {
            JsonValueKind.Null => condition.Compare(null),
            JsonValueKind.String => condition.Compare(value.GetString()),
            JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => condition.Compare(value.GetRawText()),
            JsonValueKind.Array => condition.CompareList(value.GetArrayLength()),
            _ => condition.CompareOpaque(),
        };
    }

    private JsonElement? Root()
    {
        if (!parsed)
        {
            parsed = true;
            try
            {
                document = JsonText.Parse(request.Arguments, Strict);
            }
            catch (JsonException)
            {
                document = null;
            }
        }
        return document?.RootElement;
    }
}

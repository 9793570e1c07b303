using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;

namespace Kontext.Domain.Policies;

/// <summary>A request's target and arguments as conditions see them. The arguments are parsed when the first condition looks at them, and not at all otherwise.</summary>
internal sealed class RequestArguments(PolicyRequest request) : IDisposable
{
    private const string TargetPath = "target";
    private const string ArgumentsPrefix = "arguments.";

    // A name given twice could be read one way here and another way at the integration: such arguments are not read at all.
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 64 };

    private JsonDocument? document;
    private bool parsed;

    /// <summary>Do all conditions hold? One that cannot be evaluated counts as <paramref name="unreadable"/>.</summary>
    public bool Satisfy(ImmutableArray<PolicyCondition> conditions, bool unreadable)
    {
        foreach (var condition in conditions)
        {
            if (!(Evaluate(condition) ?? unreadable))
                return false;
        }
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => document?.Dispose();

    private bool? Evaluate(PolicyCondition condition)
    {
        if (condition.Path == TargetPath)
            return Compare(condition, request.Target);
        if (!condition.Path.StartsWith(ArgumentsPrefix, StringComparison.Ordinal))
            return null;
        if (request.Arguments.IsEmpty)
            return Compare(condition, (string?)null);
        if (Root() is not { } value)
            return null;
        foreach (var segment in condition.Path.AsSpan(ArgumentsPrefix.Length).ToString().Split('.'))
        {
            if (value.ValueKind == JsonValueKind.Object && value.TryGetProperty(segment, out var member))
                value = member;
            else if (value.ValueKind == JsonValueKind.Array && int.TryParse(segment, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < value.GetArrayLength())
                value = value[index];
            else
                return Compare(condition, (string?)null);
        }
        return value.ValueKind switch
        {
            JsonValueKind.Null => Compare(condition, (string?)null),
            JsonValueKind.String => Compare(condition, value.GetString()),
            JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => Compare(condition, value.GetRawText()),
            JsonValueKind.Array when condition.Operator == ConditionOperator.SizeAtMost => AtMost(value.GetArrayLength(), condition),
            // A list or an object is there, but is none of the things one can compare with.
            _ => condition.Operator switch { ConditionOperator.Present => true, ConditionOperator.Absent => false, _ => null },
        };
    }

    private JsonElement? Root()
    {
        if (!parsed)
        {
            parsed = true;
            try
            {
                document = JsonDocument.Parse(request.Arguments, Strict);
            }
            catch (JsonException)
            {
                document = null;
            }
        }
        return document?.RootElement;
    }

    private static bool? Compare(PolicyCondition condition, string? value) => condition.Operator switch
    {
        ConditionOperator.Present => value is not null,
        ConditionOperator.Absent => value is null,
        _ when value is null => false,
        ConditionOperator.Equals => condition.Values is [var only] ? value == only : null,
        ConditionOperator.OneOf => condition.Values.Contains(value, StringComparer.Ordinal),
        ConditionOperator.Matches => condition.Values is [var pattern] ? Wildcard.Matches(pattern, value) : null,
        ConditionOperator.StartsWith => condition.Values is [var prefix] ? value.StartsWith(prefix, StringComparison.Ordinal) : null,
        ConditionOperator.AtMost => Number(value) is { } number ? AtMost(number, condition) : null,
        ConditionOperator.AtLeast => Number(value) is { } number && Bound(condition) is { } bound ? number >= bound : null,
        ConditionOperator.SizeAtMost => AtMost(value.Length, condition),
        _ => null,
    };

    private static bool? AtMost(decimal value, PolicyCondition condition) => Bound(condition) is { } bound ? value <= bound : null;

    private static decimal? Bound(PolicyCondition condition) => condition.Values is [var only] ? Number(only) : null;

    private static decimal? Number(string text) => decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;
}

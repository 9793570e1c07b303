using System.Buffers.Text;
using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Kontext.Domain.Policies;

/// <summary>A condition with its path taken apart and its key computed, once per revision of the rules.</summary>
internal sealed class CompiledCondition
{
    private const string TargetPath = "target";
    private const string ArgumentsPrefix = "arguments.";
    private const int KeyBytes = 12;

    private readonly PolicyCondition condition;
    private readonly decimal? bound;

    public CompiledCondition(PolicyCondition condition)
    {
        this.condition = condition;
        IsTarget = condition.Path == TargetPath;
        IsArgument = condition.Path.StartsWith(ArgumentsPrefix, StringComparison.Ordinal);
        Segments = IsArgument ? [.. condition.Path[ArgumentsPrefix.Length..].Split('.')] : [];
        bound = condition.Values is [var only] ? Number(only) : null;
        Key = IsArgument ? KeyOf(condition) : "";
    }

    /// <summary>Looks at the target.</summary>
    public bool IsTarget { get; }

    /// <summary>Looks at an argument. A condition that looks at neither cannot be evaluated.</summary>
    public bool IsArgument { get; }

    /// <summary>The way to the argument.</summary>
    public ImmutableArray<string> Segments { get; }

    /// <summary>Names a condition on an argument by what it says, in whatever rule it stands: 96 bits of SHA-256 over path, operator and values, base64url.</summary>
    public string Key { get; }

    /// <summary>Does the condition hold of a text, a number or a truth value, or of nothing at all? Null when that cannot be said.</summary>
    public bool? Compare(string? value) => condition.Operator switch
    {
        ConditionOperator.Present => value is not null,
        ConditionOperator.Absent => value is null,
        _ when value is null => false,
        ConditionOperator.Equals => condition.Values is [var only] ? value == only : null,
        ConditionOperator.OneOf => condition.Values.Contains(value, StringComparer.Ordinal),
        ConditionOperator.Matches => condition.Values is [var pattern] ? Wildcard.Matches(pattern, value) : null,
        ConditionOperator.StartsWith => condition.Values is [var prefix] ? value.StartsWith(prefix, StringComparison.Ordinal) : null,
        ConditionOperator.AtMost => Number(value) is { } number && bound is { } most ? number <= most : null,
        ConditionOperator.AtLeast => Number(value) is { } number && bound is { } least ? number >= least : null,
        ConditionOperator.SizeAtMost => bound is { } most ? value.Length <= most : null,
        _ => null,
    };

    /// <summary>Does it hold of a list of this length?</summary>
    public bool? CompareList(int length) => condition.Operator == ConditionOperator.SizeAtMost ? (bound is { } most ? length <= most : null) : CompareOpaque();

    /// <summary>Does it hold of something that is there, but is none of the things one can compare with?</summary>
    public bool? CompareOpaque() => condition.Operator switch { ConditionOperator.Present => true, ConditionOperator.Absent => false, _ => null };

    private static string KeyOf(PolicyCondition condition)
    {
        // Lengths stand before the texts, so that no two conditions give the same bytes.
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{condition.Path.Length}:{condition.Path}{condition.Operator}");
        foreach (var value in condition.Values)
            text.Append(CultureInfo.InvariantCulture, $"\n{value.Length}:{value}");
        return Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())).AsSpan(0, KeyBytes));
    }

    private static decimal? Number(string text) => decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;
}

/// <summary>Tells whether a rule's conditions hold of one request.</summary>
internal interface IConditionOutcomes
{
    /// <summary>Do all of them? One that cannot be evaluated counts against the request: as not holding for a rule that allows, as holding for any other.</summary>
    bool Satisfy(CompiledCondition[] conditions, PolicyEffect effect);
}

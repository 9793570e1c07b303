using Kontext.Domain;

namespace Kontext.Functions.Admin;

/// <summary>What the fields of a form hold, and what is wrong with them. Fields are named as the API names them in its errors.</summary>
/// <param name="Values">What they hold; one value a line where there may be several.</param>
/// <param name="Errors">What is wrong, by field.</param>
/// <param name="Message">What is wrong as a whole; null when nothing was refused.</param>
public sealed record FormState(IReadOnlyDictionary<string, string> Values, IReadOnlyDictionary<string, string> Errors, string? Message)
{
    private static readonly Dictionary<string, string> Nothing = [];

    /// <summary>An empty form.</summary>
    public static readonly FormState Empty = new(Nothing, Nothing, null);

    /// <summary>What a field holds; null for nothing.</summary>
    public string? this[string name] => Values.GetValueOrDefault(name);

    /// <summary>Is a checkbox ticked?</summary>
    public bool Has(string name, string value = "yes") => this[name]?.Split('\n').Contains(value) == true;

    /// <summary>The same with something else in one field.</summary>
    public FormState With(string name, string value) => this with { Values = new Dictionary<string, string>(Values, StringComparer.Ordinal) { [name] = value } };

    /// <summary>A form that holds what is there already.</summary>
    public static FormState Of(params IEnumerable<(string Name, string? Value)> values) =>
        new(values.Where(field => field.Value is not null).ToDictionary(field => field.Name, field => field.Value!, StringComparer.Ordinal), Nothing, null);

    /// <summary>What was sent and refused. The form has been read already.</summary>
    public static FormState Refused(HttpContext context, Failure failure) => new(
        context.Request.Form.Where(field => field.Key != "csrf").ToDictionary(field => field.Key, field => string.Join('\n', field.Value.ToArray()), StringComparer.Ordinal),
        failure.Fields ?? Nothing,
        failure.Fields is null ? failure.Message : null);
}

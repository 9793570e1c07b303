namespace Kontext.Domain.OAuth;

/// <summary>The parameters of an OAuth request, from query or form. Empty counts as absent; a repeated parameter is an error, except <c>resource</c> (OAuth 2.1 section 3.1, RFC 8707).</summary>
public sealed class OAuthParameters
{
    private readonly Dictionary<string, List<string>> values = new(StringComparer.Ordinal);

    /// <summary>Collects parameters in the order they came.</summary>
    public OAuthParameters(IEnumerable<KeyValuePair<string, string>> parameters)
    {
        foreach (var (name, value) in parameters)
        {
            if (value.Length == 0)
                continue;
            if (!values.TryGetValue(name, out var list))
                values[name] = list = [];
            list.Add(value);
        }
    }

    /// <summary>The parameter; null when absent or empty.</summary>
    public string? this[string name] => values.TryGetValue(name, out var list) ? list[0] : null;

    /// <summary>All values of a parameter that may be repeated.</summary>
    public IReadOnlyList<string> All(string name) => values.TryGetValue(name, out var list) ? list : [];

    /// <summary>A failure naming the first parameter that may not be repeated but was.</summary>
    public Failure? Repeated => values.FirstOrDefault(entry => entry.Value.Count > 1 && entry.Key is not ("resource" or "audience")) is { Key: { } name }
        ? new Failure(FailureCode.InvalidRequest, $"The parameter {Printable(name)} may be given only once.")
        : null;

    private static string Printable(string name) => name.Length <= 40 && name.All(character => char.IsAsciiLetterOrDigit(character) || character == '_') ? name : "with that name";
}

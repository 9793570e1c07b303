using System.Globalization;

namespace Kontext.Load;

/// <summary>What was given on the command line.</summary>
public sealed class Options
{
    private readonly ILookup<string, string> values;

    private Options(string command, ILookup<string, string> values) => (Command, this.values) = (command, values);

    /// <summary>The first argument; empty when there is none.</summary>
    public string Command { get; }

    /// <summary>How many connections.</summary>
    public int Connections => Number("connections") ?? 16;

    /// <summary>How long to measure.</summary>
    public TimeSpan Duration => TimeSpan.FromSeconds(Number("seconds") ?? 5);

    /// <summary>How often to measure.</summary>
    public int Passes => Number("passes") ?? 3;

    /// <summary>Reads <c>command --name value ...</c>; null when it is not of this form.</summary>
    public static Options? Read(string[] args)
    {
        var pairs = new List<(string Name, string Value)>();
        for (var i = 1; i < args.Length; i += 2)
        {
            if (!args[i].StartsWith("--", StringComparison.Ordinal) || i + 1 == args.Length)
                return null;
            pairs.Add((args[i][2..], args[i + 1]));
        }
        return new Options(args.FirstOrDefault() ?? "", pairs.ToLookup(pair => pair.Name, pair => pair.Value));
    }

    /// <summary>The last value of an option; null when it was not given.</summary>
    public string? Value(string name) => values[name].LastOrDefault();

    /// <summary>All values of an option that may be repeated.</summary>
    public IEnumerable<string> All(string name) => values[name];

    /// <summary>The value as a number; null when it was not given.</summary>
    public int? Number(string name) => Value(name) is { } text ? int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture) : null;
}

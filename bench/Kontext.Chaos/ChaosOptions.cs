using System.Globalization;

namespace Kontext.Chaos;

/// <summary>How long, how much, and which dice.</summary>
public sealed record ChaosOptions
{
    /// <summary>How long things go wrong.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>How many connections there are, each with an account of its own at a provider.</summary>
    public int Connections { get; init; } = 40;

    /// <summary>Decides what goes wrong, where and in which order. What it meets depends on the machine.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>By how much at most an instance's clock is ahead of the machine's or behind it; each life has a clock of its own. Needs libfaketime, which makes an instance several times slower.</summary>
    public TimeSpan Skew { get; init; }

    /// <summary>Where the instances' logs are kept; null to drop them.</summary>
    public string? Logs { get; init; }

    /// <summary>Reads <c>--name value ...</c>; null when it is not of this form.</summary>
    public static ChaosOptions? Read(string[] args)
    {
        var options = new ChaosOptions();
        for (var at = 0; at < args.Length; at += 2)
        {
            if (at + 1 == args.Length)
                return null;
            var (name, value) = (args[at], args[at + 1]);
            if (name == "--logs")
                options = options with { Logs = value };
            else if (!int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number < 1)
                return null;
            else if (name == "--seconds")
                options = options with { Duration = TimeSpan.FromSeconds(number) };
            else if (name == "--skew")
                options = options with { Skew = TimeSpan.FromSeconds(number) };
            else if (name == "--connections")
                options = options with { Connections = number };
            else if (name == "--seed")
                options = options with { Seed = number };
            else
                return null;
        }
        return options;
    }
}

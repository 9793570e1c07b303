using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Kontext.Functions.Triggers;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Surface;

/// <summary>One folder under host/, as the Functions host reads it.</summary>
/// <param name="Name">The function's name.</param>
/// <param name="Trigger">The trigger's binding.</param>
internal sealed record FunctionFolder(string Name, JsonNode Trigger)
{
    public string Type => (string)Trigger["type"]!;

    /// <summary>The HTTP route template; null for triggers that are no HTTP.</summary>
    public string? Route => Type == "httpTrigger" ? (string?)Trigger["route"] ?? Name : null;
}

/// <summary>What the function folders promise the Functions host, and where the program does not keep it.</summary>
internal static partial class FunctionFolders
{
    /// <summary>The only template that may begin with a parameter: it matches nothing but the empty path.</summary>
    private const string EmptyPath = "{root:maxlength(0)?}";

    public static IReadOnlyList<FunctionFolder> Read() =>
    [
        .. Directory.EnumerateDirectories(RepositoryFiles.Path("src", "Kontext.Functions", "host")).Order(StringComparer.Ordinal).Select(folder =>
        {
            var bindings = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "function.json")))!["bindings"]!.AsArray();
            return new FunctionFolder(Path.GetFileName(folder), bindings.Single(b => ((string)b!["type"]!).EndsWith("Trigger", StringComparison.Ordinal))!);
        }),
    ];

    /// <summary>What is wrong with the HTTP side: routes nobody serves, routes two functions serve, and ways from outside to a trigger.</summary>
    public static IEnumerable<string> HttpFaults(IReadOnlyList<FunctionFolder> folders, IEnumerable<string> endpoints)
    {
        var served = folders.Where(f => f.Route is not null).ToLookup(f => FirstSegment(f.Route!), StringComparer.OrdinalIgnoreCase);
        foreach (var folder in folders.Where(f => f.Route is not null))
        {
            if (FirstSegment(folder.Route!).Contains('{', StringComparison.Ordinal))
                yield return $"function {folder.Name}: the route {folder.Route} can spell any first segment, a trigger's too";
            if (FirstSegment(folder.Route!) is "admin" or "runtime")
                yield return $"function {folder.Name}: the host keeps {folder.Route} for itself";
            if ((string?)folder.Trigger["authLevel"] != "anonymous")
                yield return $"function {folder.Name}: without authLevel anonymous the host asks for a key of its own";
        }
        foreach (var shared in served.Where(s => s.Count() > 1))
            yield return $"first segment '{shared.Key}': the functions {string.Join(", ", shared.Select(f => f.Name))} share it";

        var triggers = folders.Where(f => f.Route is null).Select(f => f.Name).ToHashSet(StringComparer.OrdinalIgnoreCase);
        foreach (var trigger in triggers)
        {
            if (!trigger.StartsWith("fn-", StringComparison.Ordinal) && !trigger.StartsWith("fn_", StringComparison.Ordinal))
                yield return $"trigger {trigger}: its name has to begin with fn- or fn_";
            if (served.Contains(trigger))
                yield return $"trigger {trigger}: a function's HTTP route spells its path";
        }
        foreach (var endpoint in endpoints)
        {
            var segment = FirstSegment(endpoint);
            if (segment.Contains('{', StringComparison.Ordinal))
                yield return $"endpoint {endpoint}: a catch-all at the root";
            else if (!triggers.Contains(segment) && !served.Contains(segment))
                yield return $"endpoint {endpoint}: no function serves it";
        }
    }

    /// <summary>Where folders and timers disagree: one without the other, or another schedule.</summary>
    public static IEnumerable<string> TimerFaults(IReadOnlyList<FunctionFolder> folders, IReadOnlyList<ITimerTrigger> timers)
    {
        var schedules = folders.Where(f => f.Type == "timerTrigger").ToDictionary(f => f.Name, f => Interval((string)f.Trigger["schedule"]!));
        foreach (var timer in timers)
        {
            if (!schedules.TryGetValue(timer.Name, out var interval))
                yield return $"timer {timer.Name}: there is no function folder for it";
            else if (interval != timer.Every)
                yield return $"timer {timer.Name}: runs every {timer.Every}, function.json says every {interval}";
        }
        foreach (var name in schedules.Keys.Except(timers.Select(t => t.Name)))
            yield return $"function {name}: the program has no timer of this name";
    }

    private static string FirstSegment(string template) => template == EmptyPath ? "" : template.TrimStart('/').Split('/')[0];

    /// <summary>The interval of the two forms of NCRONTAB in use: every so many minutes, and every so many hours.</summary>
    private static TimeSpan Interval(string schedule)
    {
        var form = Minutes().Match(schedule);
        if (form.Success)
            return TimeSpan.FromMinutes(int.Parse(form.Groups[1].Value, CultureInfo.InvariantCulture));
        form = Hours().Match(schedule);
        return form.Success
            ? TimeSpan.FromHours(int.Parse(form.Groups[1].Value, CultureInfo.InvariantCulture))
            : throw new FormatException($"The schedule {schedule} is neither every n minutes nor every n hours.");
    }

    [GeneratedRegex(@"^0 \*/(\d+) \* \* \* \*$")]
    private static partial Regex Minutes();

    [GeneratedRegex(@"^0 0 \*/(\d+) \* \* \*$")]
    private static partial Regex Hours();
}

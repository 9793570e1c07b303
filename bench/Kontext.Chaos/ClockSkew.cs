using System.Globalization;

namespace Kontext.Chaos;

/// <summary>Sets the clock of one process apart from the machine's, with libfaketime where that is installed (Debian: <c>apt-get install libfaketime</c>). Only the time of day: time that passes is not touched.</summary>
internal static class ClockSkew
{
    private static readonly string? Library = Directory.Exists("/usr/lib")
        ? Directory.EnumerateDirectories("/usr/lib", "*-linux-gnu").Select(folder => Path.Combine(folder, "faketime", "libfaketimeMT.so.1")).FirstOrDefault(File.Exists)
        : null;

    /// <summary>Can it be done here?</summary>
    public static bool IsPossible => Library is not null;

    /// <summary>The environment of a process whose clock is ahead by <paramref name="ahead"/>, or behind when that is negative; empty where it cannot be done.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Environment(TimeSpan ahead) => Library is null
        ? []
        :
        [
            new("LD_PRELOAD", Library),
            new("FAKETIME", string.Create(CultureInfo.InvariantCulture, $"{ahead.TotalSeconds:+0.000;-0.000}s")),
            new("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            new("DONT_FAKE_MONOTONIC", "1"),
        ];
}

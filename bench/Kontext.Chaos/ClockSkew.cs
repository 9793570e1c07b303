using System.Globalization;

namespace Kontext.Chaos;

/// <summary>Sets the clock of one process apart from the machine's, with libfaketime. Only the time of day: time that passes is not touched.</summary>
internal static class ClockSkew
{
    private static readonly string? Library = Directory.Exists("/usr/lib")
        ? Directory.EnumerateDirectories("/usr/lib", "*-linux-gnu").Select(folder => Path.Combine(folder, "faketime", "libfaketimeMT.so.1")).FirstOrDefault(File.Exists)
        : null;

    /// <summary>The environment of a process whose clock is ahead by <paramref name="ahead"/>, or behind when that is negative.</summary>
    /// <exception cref="InvalidOperationException">The library is not installed.</exception>
    public static IEnumerable<KeyValuePair<string, string>> Environment(TimeSpan ahead) =>
        [
            new("LD_PRELOAD", Library ?? throw new InvalidOperationException("libfaketime is not installed. Debian: apt-get install libfaketime")),
            new("FAKETIME", string.Create(CultureInfo.InvariantCulture, $"{ahead.TotalSeconds:+0.000;-0.000}s")),
            new("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            new("DONT_FAKE_MONOTONIC", "1"),
        ];
}

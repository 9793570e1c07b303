using System.Globalization;
using System.Runtime.InteropServices;

namespace Kontext.Load.Report;

/// <summary>What the figures were measured on.</summary>
public static class Machine
{
    /// <summary>In one sentence.</summary>
    public static string Describe()
    {
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1024.0 * 1024 * 1024);
        return string.Create(CultureInfo.InvariantCulture,
            $"{TimeProvider.System.GetUtcNow():yyyy-MM-dd HH:mm} UTC; {Processor()}, {Environment.ProcessorCount} cores, {memory:0} GiB; {RuntimeInformation.OSDescription}; {RuntimeInformation.FrameworkDescription}; load average {Load()} before the first pass. Driver, product, upstream, peers and Azurite share the cores.");
    }

    /// <summary>The load average of the last minute; empty where there is none.</summary>
    public static string Load() => File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[0] : "unknown";

    private static string Processor() => File.Exists("/proc/cpuinfo")
        ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString()
        : RuntimeInformation.ProcessArchitecture.ToString();
}

using System.Diagnostics;

namespace Kontext.Load;

/// <summary>Reads the resident memory of a server process.</summary>
public static class ServerMemory
{
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(100);

    /// <summary>Bytes in memory right now.</summary>
    public static long Resident(int processId)
    {
        using var process = Process.GetProcessById(processId);
        return process.WorkingSet64;
    }

    /// <summary>The most bytes in memory at any look while a load lasts: what a server holds for answers under way is gone when they have ended.</summary>
    public static async Task<long> MostAsync(int processId, Task load)
    {
        var most = Resident(processId);
        while (await Task.WhenAny(load, Task.Delay(Between)) != load)
            most = Math.Max(most, Resident(processId));
        return Math.Max(most, Resident(processId));
    }
}

using System.Diagnostics;

namespace Kontext.Load;

/// <summary>Reads the resident memory of a server process.</summary>
public static class ServerMemory
{
    /// <summary>Bytes in memory right now.</summary>
    public static long Resident(int processId)
    {
        using var process = Process.GetProcessById(processId);
        return process.WorkingSet64;
    }
}

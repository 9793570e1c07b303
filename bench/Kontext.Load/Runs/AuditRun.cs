using System.Diagnostics;
using System.Globalization;

namespace Kontext.Load.Runs;

/// <summary>An export of the trail and its verification.</summary>
/// <param name="Entries">Lines of the export.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Exported">How long it took to come.</param>
/// <param name="Verified">How long it took to be verified, in a process of its own.</param>
public sealed record AuditOutcome(long Entries, long Bytes, TimeSpan Exported, TimeSpan Verified);

/// <summary>Exports the whole trail and verifies it with the command.</summary>
public static class AuditRun
{
    /// <summary>Runs.</summary>
    /// <exception cref="InvalidOperationException">The trail does not hold.</exception>
    public static async Task<AuditOutcome> RunAsync(Workplace workplace)
    {
        var file = Path.GetTempFileName();
        try
        {
            var clock = Stopwatch.StartNew();
            var today = TimeProvider.System.GetUtcNow().UtcDateTime;
            var path = string.Create(CultureInfo.InvariantCulture, $"/api/v1/audit/export?from={today.AddHours(-2):yyyy-MM-dd}&to={today:yyyy-MM-dd}");
            await using (var to = File.Create(file))
                await workplace.DownloadAsync(path, to);
            var exported = clock.Elapsed;
            var entries = File.ReadLines(file).LongCount();
            clock.Restart();
            using var process = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Kontext.Functions.dll"), "audit", "verify", file]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var errors = process.StandardError.ReadToEndAsync();
            var said = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            var verified = clock.Elapsed;
            if (process.ExitCode != 0)
                throw new InvalidOperationException($"The trail was not verified: {said} {await errors}");
            return new AuditOutcome(entries, new FileInfo(file).Length, exported, verified);
        }
        finally
        {
            File.Delete(file);
        }
    }
}

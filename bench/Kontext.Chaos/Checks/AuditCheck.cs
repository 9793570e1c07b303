using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Kontext.Chaos.Checks;

/// <summary>Whatever was acknowledged is in the trail, and the trail's export holds.</summary>
internal static class AuditCheck
{
    /// <summary>Seals the trail, exports it, has the product's own command verify the export, and looks in it for every success.</summary>
    public static async Task<Invariant> RunAsync(Site site, Timers timers, Journal journal)
    {
        var folder = Directory.CreateTempSubdirectory("kontext-chaos-export-").FullName;
        try
        {
            var violations = new List<string>();
            if (!await timers.FireAsync("fn-audit-seal", site.Instances[0]))
                violations.Add("the trail could not be sealed");
            var (export, keys) = (Path.Combine(folder, "export.jsonl"), Path.Combine(folder, "keys.json"));
            await DownloadAsync(site, export, keys);
            var (exitCode, said) = await VerifyAsync(export, keys);
            if (exitCode != 0)
                violations.Add($"audit verify ended with {exitCode}: {said.Trim()}");
            var (kinds, revoked, entries) = await ReadAsync(export);
            journal.Count("audit entries in the export", entries);
            var served = journal.Attempts.Where(attempt => attempt.Verdict == Verdict.Served).ToList();
            violations.AddRange(
                from attempt in served
                from kind in attempt.AskedFor == AskedFor.Credential ? (string[])["credential.issued"] : ["credential.injected", "api.call"]
                where !kinds.Contains((attempt.Trace, kind))
                select $"{attempt.AskedFor} of {attempt.Account.Name} was answered at {attempt.Ended.TotalSeconds:0.000} by instance {attempt.Instance}; there is no {kind} with trace {attempt.Trace}");
            var acknowledged = journal.Revocations.Where(revocation => revocation.Id is not null).ToList();
            violations.AddRange(acknowledged.Where(revocation => !revoked.Any(target => target.Contains(revocation.Id!, StringComparison.Ordinal))).Select(revocation => $"there is no entry of revocation {revocation.Id}"));
            return new Invariant("no acknowledged audit entry missing: an entry for every success and every revocation, and `audit verify` accepts the export", served.Count + acknowledged.Count, violations);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task DownloadAsync(Site site, string export, string keys)
    {
        var today = DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime);
        var period = string.Create(CultureInfo.InvariantCulture, $"from={today.AddDays(-1):yyyy-MM-dd}&to={today:yyyy-MM-dd}");
        using var http = new HttpClient { BaseAddress = site.Instances[1].Url, Timeout = TimeSpan.FromMinutes(5) };
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/audit/export?{period}");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", await site.Owner.TokenAsync());
        using var answer = await http.SendAsync(request);
        answer.EnsureSuccessStatusCode();
        await File.WriteAllBytesAsync(export, await answer.Content.ReadAsByteArrayAsync());
        await File.WriteAllTextAsync(keys, await http.GetStringAsync(new Uri("/.well-known/jwks.json", UriKind.Relative)));
    }

    private static async Task<(int ExitCode, string Said)> VerifyAsync(string export, string keys)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            ArgumentList = { Path.Combine(AppContext.BaseDirectory, "Kontext.Functions.dll"), "audit", "verify", export, "--keys", keys },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start) ?? throw new InvalidOperationException("The product cannot be started.");
        var errors = process.StandardError.ReadToEndAsync();
        var said = await process.StandardOutput.ReadToEndAsync() + await errors;
        await process.WaitForExitAsync();
        return (process.ExitCode, said);
    }

    private static async Task<(HashSet<(string Trace, string Kind)> Kinds, List<string> Revoked, int Entries)> ReadAsync(string export)
    {
        var (kinds, revoked, entries) = (new HashSet<(string, string)>(), new List<string>(), 0);
        await foreach (var line in File.ReadLinesAsync(export))
        {
            using var read = JsonDocument.Parse(line);
            if (read.RootElement.GetProperty("kind").GetString() != "entry")
                continue;
            entries++;
            var happened = read.RootElement.GetProperty("event");
            var type = happened.GetProperty("type").GetString()!;
            if (type == "access.revoked" && happened.TryGetProperty("target", out var target) && target.GetString() is { } words)
                revoked.Add(words);
            if (happened.TryGetProperty("traceId", out var trace) && trace.GetString() is { } id && happened.GetProperty("status").GetString() == "ok")
                kinds.Add((id, type));
        }
        return (kinds, revoked, entries);
    }
}

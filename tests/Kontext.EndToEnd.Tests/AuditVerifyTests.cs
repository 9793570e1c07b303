using System.Diagnostics;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests;

/// <summary>An export of the audit trail, checked offline by the command: what holds is verified, and what was changed is refused with its place.</summary>
public sealed class AuditVerifyTests(AzuriteFixture azurite) : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("kontext-export-").FullName;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_export_is_verified_offline_and_a_tampered_one_is_refused_with_the_place_named()
    {
        var (export, keys) = await ExportAsync();
        var (exitCode, said) = await VerifyAsync(export, keys);
        Assert.True(exitCode == 0, said);
        Assert.Contains("VERIFIED", said, StringComparison.Ordinal);

        var lines = await File.ReadAllLinesAsync(export, Cancelled);
        var entry = Array.FindIndex(lines, line => line.Contains("user.consent", StringComparison.Ordinal) && line.Contains("alice", StringComparison.Ordinal));
        var changed = lines.ToArray();
        changed[entry] = changed[entry].Replace("alice", "mallory", StringComparison.Ordinal);
        await RefusedAsync(changed, keys, $"line {entry + 1},");
        await RefusedAsync([.. lines[..entry], .. lines[(entry + 1)..]], keys, $"line {entry + 1},");
        await RefusedAsync([.. lines[..(entry + 1)], lines[entry], .. lines[(entry + 1)..]], keys, $"line {entry + 2},");
        await RefusedAsync(lines[..^1], keys, "seal");
    }

    [Fact]
    public async Task An_export_signed_by_another_installation_is_refused_by_the_keys_given()
    {
        var (export, _) = await ExportAsync();
        var (_, foreign) = await ExportAsync();
        var (exitCode, said) = await VerifyAsync(export, foreign);
        Assert.Equal(1, exitCode);
        Assert.Contains("foreign signature", said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("audit")]
    [InlineData("audit", "verify")]
    [InlineData("audit", "verify", "no such file")]
    [InlineData("audit", "verify", "--keys")]
    public async Task Wrong_words_or_files_are_told_apart_from_a_refuted_export(params string[] words) => Assert.Equal(2, (await RunAsync(words)).ExitCode);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private async Task RefusedAsync(string[] lines, string keys, string place)
    {
        var file = Path.Combine(folder, Path.GetRandomFileName());
        await File.WriteAllLinesAsync(file, lines, Cancelled);
        var (exitCode, said) = await VerifyAsync(file, keys);
        Assert.Equal(1, exitCode);
        Assert.Contains("REFUTED", said, StringComparison.Ordinal);
        Assert.Contains(place, said, StringComparison.Ordinal);
    }

    /// <summary>A day on which somebody approved an agent, as files: the export, and the keys as they are published.</summary>
    private async Task<(string Export, string Keys)> ExportAsync()
    {
        await using var installation = await Installation.CreateAsync(azurite);
        var kontext = await installation.StartAsync();
        var agent = new TestAgent(kontext.Url);
        var owner = await agent.ManagementTokenAsync("olivia");
        var created = await agent.ApiAsync(HttpMethod.Post, "/applications", owner, new JsonObject
        {
            ["name"] = "Agent",
            ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
        });
        using var browser = new FormBrowser();
        await agent.AuthorizeAsync(browser, (string)created.Json!["application"]!["clientId"]!, "alice", agent.Gateway);

        // The day may end while the test runs.
        var (from, to) = (DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime.AddHours(-1)), DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime));
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(kontext.Url, $"/api/v1/audit/export?from={from:yyyy-MM-dd}&to={to:yyyy-MM-dd}"));
        request.Headers.Authorization = new("Bearer", owner);
        using var answer = await kontext.Http.SendAsync(request, Cancelled);
        answer.EnsureSuccessStatusCode();
        var (export, keys) = (Path.Combine(folder, Path.GetRandomFileName()), Path.Combine(folder, Path.GetRandomFileName()));
        await File.WriteAllBytesAsync(export, await answer.Content.ReadAsByteArrayAsync(Cancelled), Cancelled);
        await File.WriteAllTextAsync(keys, await kontext.Http.GetStringAsync(new Uri("/.well-known/jwks.json", UriKind.Relative), Cancelled), Cancelled);
        return (export, keys);
    }

    private static Task<(int ExitCode, string Said)> VerifyAsync(string export, string keys) => RunAsync("audit", "verify", export, "--keys", keys);

    // No setting and no storage: the command has nothing but its files.
    private static async Task<(int ExitCode, string Said)> RunAsync(params string[] words)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var word in (string[])[Path.Combine(AppContext.BaseDirectory, "Kontext.Functions.dll"), .. words])
            start.ArgumentList.Add(word);
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(Cancelled);
        var said = await process.StandardOutput.ReadToEndAsync(Cancelled) + await errors;
        await process.WaitForExitAsync(Cancelled);
        return (process.ExitCode, said);
    }
}

using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests;

/// <summary>A day's state in a file, and from it into another account: what runs there afterwards is the same installation.</summary>
public sealed class BackupTests(AzuriteFixture azurite) : IDisposable
{
    private const string OtherOrganization = "Kontext__Organizations__acme__Name";

    private readonly string folder = Directory.CreateTempSubdirectory("kontext-backup-").FullName;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task What_is_restored_elsewhere_is_the_same_installation_with_its_tokens_and_its_secrets()
    {
        var (from, to, keys) = (await azurite.EmptyAccountAsync(), await azurite.EmptyAccountAsync(), Path.Combine(folder, "keys"));
        var file = Path.Combine(folder, "all.jsonl");
        Uri url;
        string owner, client;
        await using (var before = await KontextServer.StartAsync(from, keys))
        {
            (url, var agent) = (before.Url, new TestAgent(before.Url));
            owner = await agent.ManagementTokenAsync("olivia");
            client = await ApplicationAsync(agent, owner);
        }
        await DoneAsync(from, "BACKED UP", "backup", file);
        await DoneAsync(storage: null, "VERIFIED", "backup", "verify", file);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.DoesNotContain(client.Split(' ')[1], await File.ReadAllTextAsync(file, Cancelled), StringComparison.Ordinal);
        await DoneAsync(to, "RESTORED", "restore", file);

        // The token of before, signed by a key that came out of the backup, is good; so is the application's secret.
        await using var after = await KontextServer.StartAsync(to, keys, publicUrl: url);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(after.Url, "/api/v1/applications"));
        request.Headers.Authorization = new("Bearer", owner);
        using var answer = await after.Http.SendAsync(request, Cancelled);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Contains("A restored agent", await answer.Content.ReadAsStringAsync(Cancelled), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_backup_that_was_changed_or_cut_off_is_refused_before_anything_is_written()
    {
        var (from, to) = (await azurite.EmptyAccountAsync(), await azurite.EmptyAccountAsync());
        await using (var before = await KontextServer.StartAsync(from, Path.Combine(folder, "keys")))
            await new TestAgent(before.Url).ManagementTokenAsync("olivia");
        var file = Path.Combine(folder, "all.jsonl");
        await DoneAsync(from, "BACKED UP", "backup", file);
        var lines = await File.ReadAllLinesAsync(file, Cancelled);
        foreach (var damaged in (string[][])[[.. lines[..3], .. lines[4..]], lines[..^1], [.. lines[..3], lines[3].Replace("olivia", "mallory", StringComparison.Ordinal) + " ", .. lines[4..]], [.. lines, lines[3]], ["{}", .. lines[1..]]])
        {
            var path = Path.Combine(folder, Path.GetRandomFileName());
            await File.WriteAllLinesAsync(path, damaged, Cancelled);
            Assert.Equal(1, (await RunAsync(storage: null, "backup", "verify", path)).ExitCode);
            Assert.Equal(1, (await RunAsync(to, "restore", path)).ExitCode);
        }
        await DoneAsync(to, "RESTORED", "restore", file);
    }

    [Fact]
    public async Task Nothing_is_restored_over_rows_and_no_backup_over_a_file()
    {
        var from = await azurite.EmptyAccountAsync();
        await using (var before = await KontextServer.StartAsync(from, Path.Combine(folder, "keys")))
            await new TestAgent(before.Url).ManagementTokenAsync("olivia");
        var file = Path.Combine(folder, "all.jsonl");
        await DoneAsync(from, "BACKED UP", "backup", file);
        var (exitCode, said) = await RunAsync(from, "restore", file);
        Assert.Equal(1, exitCode);
        Assert.Contains("is not empty", said, StringComparison.Ordinal);
        Assert.Equal(2, (await RunAsync(from, "backup", file)).ExitCode);
        Assert.Equal(2, (await RunAsync("memory", "backup", file + "2")).ExitCode);
    }

    [Fact]
    public async Task One_organizations_backup_has_its_rows_and_nobody_elses()
    {
        var from = await azurite.EmptyAccountAsync();
        await using (var before = await KontextServer.StartAsync(from, Path.Combine(folder, "keys"), settings: new Dictionary<string, string> { [OtherOrganization] = "Acme" }))
            await ApplicationAsync(new TestAgent(before.Url), await new TestAgent(before.Url).ManagementTokenAsync("olivia"));
        var (all, acme) = (Path.Combine(folder, "all.jsonl"), Path.Combine(folder, "acme.jsonl"));
        await DoneAsync(from, "BACKED UP", "backup", all);
        await DoneAsync(from, "BACKED UP", "backup", acme, "--organization", "acme");
        var everything = (await File.ReadAllLinesAsync(all, Cancelled))[1..^1];
        var dev = Organization(everything, "slug~dev");
        var other = Organization(everything, "slug~acme");
        var rows = (await File.ReadAllLinesAsync(acme, Cancelled))[1..^1];
        Assert.NotEmpty(rows);
        Assert.All(rows, row => Assert.DoesNotContain(dev, row.Replace("-", "", StringComparison.Ordinal), StringComparison.Ordinal));
        Assert.Equal(everything.Where(row => row.Replace("-", "", StringComparison.Ordinal).Contains(other, StringComparison.Ordinal)).Order(StringComparer.Ordinal), rows.Order(StringComparer.Ordinal));
        Assert.Equal(2, (await RunAsync(from, "backup", acme + "2", "--organization", "nobody")).ExitCode);
    }

    // The organization's id without its hyphens, from the index of slugs.
    private static string Organization(string[] rows, string slug) =>
        ((string)JsonNode.Parse(rows.Single(row => row.Contains($"\"p\":\"{slug}\"", StringComparison.Ordinal)))!["v"]!["org"]!).Replace("-", "", StringComparison.Ordinal);

    /// <summary>Makes an application; its client id and secret.</summary>
    private static async Task<string> ApplicationAsync(TestAgent agent, string owner)
    {
        var created = await agent.ApiAsync(HttpMethod.Post, "/applications", owner, new JsonObject
        {
            ["name"] = "A restored agent",
            ["oauth"] = new JsonObject { ["type"] = "confidential", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
        });
        Assert.Equal(HttpStatusCode.Created, created.Status);
        return $"{created.Json!["oauth"]!["clientId"]} {created.Json["oauth"]!["clientSecret"]}";
    }

    private static async Task DoneAsync(string? storage, string said, params string[] words)
    {
        var (exitCode, output) = await RunAsync(storage, words);
        Assert.True(exitCode == 0, output);
        Assert.StartsWith(said, output, StringComparison.Ordinal);
    }

    private static async Task<(int ExitCode, string Said)> RunAsync(string? storage, params string[] words)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var word in (string[])[Path.Combine(AppContext.BaseDirectory, "Kontext.Functions.dll"), .. words])
            start.ArgumentList.Add(word);
        start.Environment.Remove("Kontext__Storage");
        if (storage is not null)
            start.Environment["Kontext__Storage"] = storage;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(Cancelled);
        var said = await process.StandardOutput.ReadToEndAsync(Cancelled) + await errors;
        await process.WaitForExitAsync(Cancelled);
        return (process.ExitCode, said);
    }
}

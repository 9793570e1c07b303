using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests.Hosting;

/// <summary>A package says what it is made of, so that a deployment can tell whether it is what answers.</summary>
public sealed class BuiltFromTests(PackagedApp app) : IDisposable
{
    private readonly DirectoryInfo keys = Directory.CreateTempSubdirectory("kontext-keys-");

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => keys.Delete(recursive: true);

    [Fact]
    public async Task What_a_package_says_it_was_built_from_is_what_its_program_answers_as_its_commit()
    {
        var root = await app.FolderAsync();
        await using var server = await KontextServer.StartAsync("memory", keys.FullName, program: Path.Combine(root, "Kontext.Functions"));
        var version = JsonNode.Parse(await server.Http.GetStringAsync(new Uri("/version", UriKind.Relative), Cancelled))!;
        Assert.False(string.IsNullOrEmpty((string?)version["commit"]));
        Assert.Equal((string?)version["commit"] + "\n", await File.ReadAllTextAsync(Path.Combine(root, "built-from.txt"), Cancelled));
        // As the deployment looks for it.
        Assert.Contains($"\"commit\":\"{(string?)version["commit"]}\"", await server.Http.GetStringAsync(new Uri("/version", UriKind.Relative), Cancelled), StringComparison.Ordinal);
    }
}

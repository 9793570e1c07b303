using System.Text.Json.Nodes;
using Kontext.Domain.Integrations;
using Kontext.Testing;

namespace Kontext.Domain.Tests.Integrations;

/// <summary>The catalog's files against their schema, and the documentation made from them.</summary>
public sealed class ProviderFilesTests : IDisposable
{
    private static readonly string Folder = RepositoryFiles.Path("src", "Kontext.Domain", "Integrations", "providers");
    private readonly string copies = Directory.CreateTempSubdirectory("kontext-providers-").FullName;

    public void Dispose() => Directory.Delete(copies, recursive: true);

    [Fact]
    public async Task Every_file_satisfies_the_schema()
    {
        var outcome = await ValidateAsync(Folder);
        Assert.True(outcome.ExitCode == 0, outcome.Output);
    }

    [Fact]
    public void Every_file_is_named_by_its_key_and_in_the_program()
    {
        var files = Directory.GetFiles(Folder, "*.json").Where(file => Path.GetFileName(file) != "provider.schema.json").ToList();
        Assert.All(files, file => Assert.Equal(Path.GetFileNameWithoutExtension(file), (string?)JsonNode.Parse(File.ReadAllText(file))!["key"]));
        Assert.Equal(files.Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal), ProviderCatalog.Load().All.Select(provider => provider.Key));
    }

    [Theory]
    [InlineData("tokenEndpoint", "\"http://provider.test/token\"")]
    [InlineData("tokenEndpoint", "\"https://{host}/token\"")]
    [InlineData("tokenEndpoint", "\"https://provider.test/{a}b\"")]
    [InlineData("tokenEndpiont", "\"https://provider.test/token\"")]
    [InlineData("documentation", "null")]
    [InlineData("pkce", "\"yes\"")]
    [InlineData("clientAuthentication", "\"jwt\"")]
    [InlineData("pkceMethod", "\"plain\"")]
    [InlineData("scopes", """[{"name":"read"}]""")]
    [InlineData("scopes", """[{"name":"read","explanation":""}]""")]
    [InlineData("scopes", """[{"name":"re ad","explanation":"Read."}]""")]
    [InlineData("revocation", """{"tokenIn":"path"}""")]
    [InlineData("account", """{"url":"https://provider.test/me","paths":["a..b"]}""")]
    [InlineData("account", """{"url":"https://provider.test/me","paths":[]}""")]
    [InlineData("parameters", """[{"name":"client_id","description":"The id.","example":"x"}]""")]
    [InlineData("parameters", """[{"name":"shop","description":"The shop."}]""")]
    [InlineData("tokens", """{"refresh":"sometimes"}""")]
    [InlineData("unstatedLifetime", "0")]
    public async Task The_schema_finds_what_is_wrong(string member, string value)
    {
        var entry = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(Folder, "github.json"), TestContext.Current.CancellationToken))!.AsObject();
        entry[member] = JsonNode.Parse(value);
        await File.WriteAllTextAsync(Path.Combine(copies, "wrong.json"), entry.ToJsonString(), TestContext.Current.CancellationToken);
        var outcome = await ValidateAsync(copies);
        Assert.Equal(1, outcome.ExitCode);
        Assert.StartsWith("wrong.json: ", outcome.LastLine, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_table_in_the_documentation_is_up_to_date()
    {
        var outcome = await NodeProgram.RunAsync("tests/providers/table.mjs", new Dictionary<string, string> { ["CHECK"] = "1" }, TestContext.Current.CancellationToken);
        Assert.True(outcome.ExitCode == 0, outcome.Output);
    }

    private static Task<NodeOutcome> ValidateAsync(string folder) =>
        NodeProgram.RunAsync("tests/providers/validate.mjs", new Dictionary<string, string> { ["PROVIDERS"] = folder }, TestContext.Current.CancellationToken);
}

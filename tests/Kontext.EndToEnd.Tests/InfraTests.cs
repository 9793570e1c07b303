using System.Text.Json.Nodes;
using Kontext.Functions.Settings;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests;

/// <summary>infra/ without a cloud: it can be read, it is safe, it sets what the program reads, and the command that deploys it does so in order.</summary>
public sealed class InfraTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("kontext-infra-").FullName;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task The_templates_can_be_read_are_safe_and_set_exactly_what_the_program_reads()
    {
        var outcome = await CheckAsync(RepositoryFiles.Path("infra"));
        Assert.True(outcome.ExitCode == 0, outcome.Output);
        Assert.Equal("ok", outcome.LastLine);
    }

    [Theory]
    [InlineData("modules/app.bicep", "Kontext__Storage: tableUrl", "Kontext__Storge: tableUrl", "the program reads Kontext__Storage, and nobody sets it")]
    [InlineData("modules/app.bicep", "Kontext__Storage: tableUrl", "Kontext__Storge: tableUrl", "Kontext__Storge is set, and nobody reads it")]
    [InlineData("modules/app.bicep", "__RoleMap'", "__Roles'", "the program reads Kontext__Organizations__*__SignIn__RoleMap, and nobody sets it")]
    [InlineData("modules/app.bicep", "httpsOnly: true", "httpsOnly: false", "properties.httpsOnly has to be true, and is false")]
    [InlineData("modules/app.bicep", "accountName: hostStorageName", "accountName: listKeys(hostStorageName)", "no key may be used")]
    [InlineData("modules/state-storage.bicep", "allowSharedKeyAccess: false", "allowSharedKeyAccess: true", "properties.allowSharedKeyAccess has to be false, and is true")]
    [InlineData("modules/host-storage.bicep", "  scope: account\n", "", "owner is an assignment without a scope")]
    [InlineData("modules/vault.bicep", "enablePurgeProtection: true", "", "properties.enablePurgeProtection has to be true, and is nothing")]
    [InlineData("modules/vault.bicep", "categoryGroup: 'audit'\n        enabled: true", "categoryGroup: 'audit'\n        enabled: false", "vault: audit is not logged")]
    [InlineData("modules/state-storage.bicep", "scope: tableService", "scope: account", "tableService: StorageDelete is not logged")]
    [InlineData("modules/state-storage.bicep", "scope: queueService", "scope: account", "queueService: StorageDelete is not logged")]
    [InlineData("modules/state-storage.bicep", "enabled: logWrites", "enabled: false", "tableService: StorageWrite is not logged")]
    [InlineData("modules/host-storage.bicep", "category: 'StorageWrite'", "category: 'StorageRead'", "blobs: StorageWrite is not logged")]
    [InlineData("modules/host-storage.bicep", "category: 'StorageDelete'", "category: 'StorageRead'", "blobs: StorageDelete is not logged")]
    [InlineData("modules/vault.bicep", "@secure()", "", "secretValue is not @secure()")]
    [InlineData("modules/network.bicep", "resource network", "resource = network", "line 10: cannot be read")]
    [InlineData("main.bicep", "modules/vault.bicep", "modules/vaults.bicep", "there is no modules/vaults.bicep")]
    [InlineData("main.bicep", "state.outputs.tableUrl", "state.outputs.tablesUrl", "module state has no output tablesUrl")]
    [InlineData("main.bicep", "    trustedProxies: trustedProxies\n", "", "module app is not given trustedProxies")]
    [InlineData("main.bicep", "output appName", "output name", "deploy: main.bicep has no output appName")]
    [InlineData("main.prod.bicepparam", "param lockData", "param lockDate", "main.bicep has no parameter lockDate")]
    [InlineData("main.dev.bicepparam", "param environment", "param tags", "environment is not given")]
    public async Task A_template_that_is_wrong_is_found(string file, string was, string becomes, string said)
    {
        foreach (var path in Directory.EnumerateFiles(RepositoryFiles.Path("infra"), "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(folder, Path.GetRelativePath(RepositoryFiles.Path("infra"), path));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            var text = await File.ReadAllTextAsync(path, Cancelled);
            if (path == RepositoryFiles.Path("infra", file))
            {
                Assert.Contains(was, text, StringComparison.Ordinal);
                text = text.Replace(was, becomes, StringComparison.Ordinal);
            }
            await File.WriteAllTextAsync(copy, text, Cancelled);
        }
        var outcome = await CheckAsync(folder);
        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains(said, outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_deployment_command_goes_in_order_repeats_itself_and_says_what_the_matter_is()
    {
        var outcome = await NodeProgram.RunAsync("tests/infra/deploy.mjs", new Dictionary<string, string>(), Cancelled);
        Assert.True(outcome.ExitCode == 0, outcome.Output);
        Assert.Equal("ok", outcome.LastLine);
    }

    private async Task<NodeOutcome> CheckAsync(string infra)
    {
        var settings = Path.Combine(folder, "settings.json");
        var known = KnownSettings.All.Select(setting => new JsonObject { ["name"] = setting.Name, ["inAzure"] = setting.InAzure });
        await File.WriteAllTextAsync(settings, new JsonArray([.. known]).ToJsonString(), Cancelled);
        return await NodeProgram.RunAsync("tests/infra/check.mjs", new Dictionary<string, string> { ["SETTINGS"] = settings, ["INFRA"] = infra }, Cancelled);
    }
}

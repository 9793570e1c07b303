using Kontext.Domain.Vault;
using Kontext.Functions.Cloud;
using Kontext.Functions.Commands;
using Kontext.Functions.Local;
using Kontext.Functions.Storage;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Kontext.Functions.Tests.Cloud;

/// <summary>What <c>Kontext__KeyVault</c>, <c>Kontext__Credentials</c> and <c>Kontext__KeyDirectory</c> together mean.</summary>
public sealed class KeyVaultSettingsTests
{
    [Fact]
    public void Several_vaults_are_named_with_commas()
    {
        var settings = Read(("KeyVault", "https://acme.vault.azure.net/, https://acme-2.vault.azure.cn"), ("Credentials", "keyvault")).KeyVault!;
        Assert.Equal(["acme", "acme-2"], settings.Vaults.Select(KeyVaultSettings.NameOf));
        Assert.Equal(CredentialForm.KeyVault, settings.Credentials);
    }

    [Fact]
    public void With_a_vault_credentials_are_rows_under_keys_in_it_unless_asked_otherwise()
    {
        var settings = Read(("KeyVault", "https://acme.vault.azure.net"));
        Assert.Equal(CredentialForm.Envelope, settings.KeyVault!.Credentials);
        Assert.Null(settings.KeyDirectory);
    }

    [Theory]
    [InlineData("KeyVault", "acme")]
    [InlineData("KeyVault", "http://acme.vault.azure.net")]
    [InlineData("KeyVault", "https://acme.vault.azure.net/secrets")]
    [InlineData("KeyVault", "https://127.0.0.1")]
    [InlineData("KeyVault", "https://acme.vault.azure.net,https://acme.vault.azure.net")]
    [InlineData("Credentials", "keyvault")]
    [InlineData("Credentials", "files")]
    [InlineData("KeyVault", "")]
    public void Anything_else_stops_the_start_with_the_settings_name(string name, string value)
    {
        var wrong = Assert.Throws<InvalidSettingException>(() => Read((name, value)));
        Assert.Contains("Kontext__" + name, wrong.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, null, typeof(EnvelopeVault), typeof(LocalKeys))]
    [InlineData("https://acme.vault.azure.net", null, typeof(KeyVaultCredentialVault), typeof(KeyVaultDataKeys))]
    [InlineData("https://acme.vault.azure.net", "keyvault", typeof(KeyVaultCredentialVault), typeof(KeyVaultDataKeys))]
    public async Task The_vault_is_chosen_by_the_settings(string? keyVault, string? credentials, Type vault, Type keys)
    {
        using var folder = new Local.KeyFolder();
        var settings = Read(("KeyVault", keyVault), ("Credentials", credentials), ("KeyDirectory", folder.Path));
        await using var services = VaultMoveCommand.Services(settings).BuildServiceProvider(new ServiceProviderOptions { ValidateOnBuild = true, ValidateScopes = true });
        Assert.IsType(vault, services.GetRequiredService<ICredentialVault>());
        Assert.IsType(keys, services.GetRequiredService<IDataKeys>());
    }

    private static KontextSettings Read(params (string Name, string? Value)[] settings)
    {
        var all = new Dictionary<string, string?> { ["Kontext:Storage"] = "memory" };
        foreach (var (name, value) in settings)
            all["Kontext:" + name] = value;
        return KontextSettings.Read(new ConfigurationBuilder().AddInMemoryCollection(all).Build(), development: true);
    }
}

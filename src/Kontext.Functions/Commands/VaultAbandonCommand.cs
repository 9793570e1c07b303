using System.Globalization;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Functions.Cloud;
using Kontext.Functions.OAuth;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Commands;

/// <summary><c>vault abandon</c>: gives up a key vault that is gone for good, so that the installation starts again on new keys. It takes the settings the program takes, and the program must not serve meanwhile.</summary>
internal static class VaultAbandonCommand
{
    /// <summary>Runs with the settings of the environment.</summary>
    public static async Task<int> RunAsync(string vault, bool agreed, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        try
        {
            var configuration = new ConfigurationBuilder().AddJsonFile("appsettings.json", optional: true).AddEnvironmentVariables().Build();
            var settings = KontextSettings.Read(configuration, configuration["ASPNETCORE_ENVIRONMENT"] == Environments.Development);
            if (settings.KeyVault is null)
                return NotTried(error, "Kontext__KeyVault is not set: there is no vault to give up. It has to name the vaults that take the place of the lost one.");
            await using var services = Services(settings).BuildServiceProvider();
            return await RunAsync(vault, agreed, settings, services, output, error, cancellationToken);
        }
        catch (InvalidSettingException wrong)
        {
            return NotTried(error, wrong.Message);
        }
    }

    /// <summary>What it needs of the program.</summary>
    public static IServiceCollection Services(KontextSettings settings) => VaultMoveCommand.Services(settings)
        .AddSingleton<SigningKeyStore>()
        .AddSingleton<SigningKeyRotation>()
        .AddSingleton<SessionRevocation>()
        .AddSingleton<CredentialLoss>()
        .AddSingleton<LostVaultRows>()
        .AddSingleton<VaultLoss>();

    /// <summary>Runs with the services given.</summary>
    public static async Task<int> RunAsync(string vault, bool agreed, KontextSettings settings, IServiceProvider services, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        if (!KeyVaultSettings.IsName(vault))
            return NotTried(error, $"{vault} is no name of a key vault: give acme-kv for https://acme-kv.vault.azure.net.");
        if (!agreed)
            return NotTried(error, $"This ends every connection whose credential needs key vault {vault}, and every session of the organizations whose keys were in it, for good: a vault that was only deleted can be recovered. Nothing was done. Stop the program, then say --yes.");
        try
        {
            // Half-way it would be seen too late that the new keys cannot be written.
            await services.GetRequiredService<KeyVaults>().ProbeAsync(cancellationToken);
            if (await services.GetRequiredService<IOrganizationStore>().FindBySlugAsync(settings.Organization, cancellationToken) is not { } own)
                return NotTried(error, $"There is no organization {settings.Organization} in this storage. Give the command the settings that the program has.");
            var report = await services.GetRequiredService<VaultLoss>().RunAsync(vault, own, cancellationToken);
            if (report.IsEmpty)
                return NotTried(error, $"Nothing is lost with key vault {vault}: nothing refers to it, or it gives out what it holds.");
            Write(output, vault, report);
            return CommandLine.Ok;
        }
        catch (StorageUnavailableException unavailable)
        {
            return NotTried(error, $"{unavailable.Message} What was done so far stays so. Run it again: it goes on from there.");
        }
        catch (InvalidDataException wrong)
        {
            return NotTried(error, wrong.Message);
        }
    }

    private static void Write(TextWriter output, string vault, VaultLossReport report)
    {
        output.WriteLine($"ABANDONED: what was lost with key vault {vault} is given up.");
        Line(output, report.Organizations, "organizations had something in it");
        Line(output, report.Keys, "pairs of data key and derivation key made anew, the issuer's own included");
        Line(output, report.SigningKeys, "signing keys cut off; their public halves stay, so that audit checkpoints are still verified");
        Line(output, report.Sessions, "sessions ended: these people approve their agents again");
        Line(output, report.Connections, "connections ended: these people connect again, and what was granted lives on at the providers");
        foreach (var (org, name) in report.ToSetAnew)
            output.WriteLine($"         to be set anew in organization {org}: {name.Name}");
    }

    private static void Line(TextWriter output, int count, string what)
    {
        if (count > 0)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count,8} {what}"));
    }

    private static int NotTried(TextWriter error, string why)
    {
        error.WriteLine(why);
        return CommandLine.NotTried;
    }
}

using System.Globalization;
using Kontext.Domain.Audit;
using Kontext.Domain.Tenancy;
using Kontext.Functions.Cloud;
using Kontext.Functions.Local;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Commands;

/// <summary><c>vault move</c>: moves the installation's credentials to the form that the settings name. It takes the settings the program takes, and the program may serve meanwhile.</summary>
internal static class VaultMoveCommand
{
    private const string EnvelopeWord = "envelope";

    /// <summary>Runs with the settings of the environment.</summary>
    public static async Task<int> RunAsync(string to, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        try
        {
            var configuration = new ConfigurationBuilder().AddJsonFile("appsettings.json", optional: true).AddEnvironmentVariables().Build();
            var settings = KontextSettings.Read(configuration, configuration["ASPNETCORE_ENVIRONMENT"] == Environments.Development);
            await using var services = Services(settings).BuildServiceProvider();
            return await RunAsync(to, settings, services, output, error, cancellationToken);
        }
        catch (InvalidSettingException wrong)
        {
            error.WriteLine(wrong.Message);
            return CommandLine.NotTried;
        }
    }

    /// <summary>What the move needs of the program.</summary>
    public static IServiceCollection Services(KontextSettings settings) =>
        new ServiceCollection().AddLogging().AddSingleton(settings).AddKontextStorage(settings).AddKontextAudit().AddKontextVault(settings);

    /// <summary>Runs with the services given.</summary>
    public static async Task<int> RunAsync(string to, KontextSettings settings, IServiceProvider services, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        var form = to == EnvelopeWord ? CredentialForm.Envelope : CredentialForm.KeyVault;
        if (settings.KeyVault is not { } keyVault)
            return NotTried(error, "Kontext__KeyVault is not set: there is only one form.");
        // Or whatever is written during the move would be in the old form.
        if (keyVault.Credentials != form)
            return NotTried(error, $"Set Kontext__Credentials to {to} first and start the program with it, so that nothing new is written in the other form.");
        try
        {
            var report = await services.GetRequiredService<VaultMove>().RunAsync(form, cancellationToken);
            await RecordAsync(to, report, settings, services);
            Write(output, to, report);
            return report.IsComplete ? CommandLine.Ok : CommandLine.Refuted;
        }
        catch (StorageUnavailableException unavailable)
        {
            return NotTried(error, $"{unavailable.Message} What was moved so far stays so. Run it again: it goes on from there.");
        }
        catch (InvalidDataException wrong)
        {
            error.WriteLine($"{wrong.Message} It was left as it is, and the move ended there.");
            return CommandLine.Refuted;
        }
    }

    private static async Task RecordAsync(string to, VaultMoveReport report, KontextSettings settings, IServiceProvider services)
    {
        if (await services.GetRequiredService<IOrganizationStore>().FindBySlugAsync(settings.Organization, CancellationToken.None) is not { } org)
            return;
        await services.GetRequiredService<IAuditLog>().AppendAsync(org, new AuditEvent
        {
            At = services.GetRequiredService<TimeProvider>().GetUtcNow(),
            Type = AuditTypes.Administered,
            Capability = "vault.moved",
            Target = string.Create(CultureInfo.InvariantCulture, $"{report.Of(VaultMoveOutcome.Moved)} versions to {to}"),
        }, CancellationToken.None);
    }

    private static void Write(TextWriter output, string to, VaultMoveReport report)
    {
        Line(output, report.Of(VaultMoveOutcome.Moved), $"moved to {to}, and read back");
        Line(output, report.Of(VaultMoveOutcome.There), "there already");
        Line(output, report.Of(VaultMoveOutcome.TooLarge), "too large for Key Vault, kept as encrypted rows");
        Line(output, report.Of(VaultMoveOutcome.UnderWay), "being changed at the same time: run it again");
        Line(output, report.Of(VaultMoveOutcome.NotGivenOut), "not given out by their vault: recover or enable the secrets, or have the people connect again; then run it again");
        if (report.RecoverableUntil is { } until)
            output.WriteLine($"What was deleted in Key Vault can be recovered there until {until.UtcDateTime:u}.");
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

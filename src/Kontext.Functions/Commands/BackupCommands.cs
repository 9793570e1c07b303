using System.Globalization;
using Kontext.Domain;
using Kontext.Functions.Backup;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Commands;

/// <summary><c>backup</c>, <c>backup verify</c> and <c>restore</c>: the tables of <c>Kontext__Storage</c> to a file and back. They read no other setting, and no key.</summary>
internal static class BackupCommands
{
    /// <summary>Writes a backup of everything, or of one organization given by slug or id.</summary>
    public static Task<int> BackUpAsync(string file, string? organization, TextWriter output, TextWriter error) => TryAsync(error, async () =>
    {
        var (service, host) = Service();
        OrgId? org = null;
        if (organization is not null)
        {
            org = OrgId.TryParse(organization, null, out var id) ? id : await OrganizationStore.FindSlugAsync(service, organization, CancellationToken.None);
            if (org is null)
                throw new InvalidSettingException($"There is no organization {organization}.");
        }
        var header = new BackupHeader(BackupFile.Format, BackupFile.Version, TimeProvider.System.GetUtcNow(), host, org?.ToString());
        var trailer = await BackupFile.WriteAsync(file, header, new TableBackup(service).RowsAsync(org, CancellationToken.None), CancellationToken.None);
        output.WriteLine($"BACKED UP: {file}");
        Report(header, trailer, output);
    });

    /// <summary>Checks that a file is whole. It opens no connection.</summary>
    public static Task<int> VerifyAsync(string file, TextWriter output, TextWriter error) => TryAsync(error, async () =>
    {
        var (header, trailer) = await BackupFile.VerifyAsync(file, CancellationToken.None);
        output.WriteLine($"VERIFIED: {file} is whole.");
        Report(header, trailer, output);
    });

    /// <summary>Fills empty tables from a file, and then compares what they hold with it.</summary>
    public static Task<int> RestoreAsync(string file, TextWriter output, TextWriter error) => TryAsync(error, async () =>
    {
        var (header, trailer) = await BackupFile.VerifyAsync(file, CancellationToken.None);
        var (service, host) = Service();
        var tables = new TableBackup(service);
        OrgId? org = header.Organization is { } id ? OrgId.Parse(id, null) : null;
        await foreach (var (table, _) in tables.RowsAsync(org, CancellationToken.None))
            throw new InvalidDataException($"table {table} of {host} is not empty. Restore into an account without {(org is null ? "rows" : "rows of this organization")}; nothing was written.");
        await tables.InsertAsync(BackupFile.RowsAsync(file, CancellationToken.None), CancellationToken.None);
        if (BackupFile.SameAs(await tables.TallyAsync(org, CancellationToken.None), trailer.Tables) is { } different)
            throw new InvalidDataException($"table {different} of {host} does not hold what the file does. Does something else write to it?");
        output.WriteLine($"RESTORED: {host} holds what {file} does.");
        Report(header, trailer, output);
    });

    private static (TableService Service, string Host) Service()
    {
        var storage = new ConfigurationBuilder().AddEnvironmentVariables().Build()["Kontext:Storage"];
        if (storage is null or "memory")
            throw new InvalidSettingException("Kontext__Storage is missing: a storage connection string or the https address of a table service.");
        var account = StorageAccount.Parse(storage);
        return (new TableService(account, TimeProvider.System), account.Name ?? account.Endpoint.Host);
    }

    private static void Report(BackupHeader header, BackupTrailer trailer, TextWriter output)
    {
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"of            {header.Organization ?? "all organizations"}, from {header.From}, begun {header.TakenAt:yyyy-MM-dd HH:mm:ss}Z"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"rows          {trailer.Tables.Values.Sum(table => table.Rows)} in {trailer.Tables.Count} tables"));
        output.WriteLine($"sha256        {trailer.Sha256}");
    }

    private static async Task<int> TryAsync(TextWriter error, Func<Task> command)
    {
        try
        {
            await command();
            return CommandLine.Ok;
        }
        catch (InvalidDataException wrong)
        {
            error.WriteLine($"REFUTED: {wrong.Message}");
            return CommandLine.Refuted;
        }
        catch (Exception wrong) when (wrong is InvalidSettingException or IOException or UnauthorizedAccessException or InvalidOperationException || TableService.Refuses(wrong))
        {
            error.WriteLine($"It was not done: {wrong.Message}");
            return CommandLine.NotTried;
        }
    }
}

using System.Globalization;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Retention;

/// <summary><c>Kontext__Audit__...</c>: how long audit entries stay in storage, and where they go then.</summary>
/// <param name="RetentionDays">How many whole UTC days are kept before the day that runs; null keeps everything for ever.</param>
/// <param name="Archive">Where the days before are written to; null only while everything is kept.</param>
internal sealed record AuditSettings(int? RetentionDays, AuditArchiveAddress? Archive)
{
    private const int MaxDays = 36_500;

    /// <summary>What holds when nothing is set: everything is kept.</summary>
    public static readonly AuditSettings Default = new(null, null);

    /// <summary>Reads and checks.</summary>
    /// <param name="section">The settings.</param>
    /// <param name="storage">The setting <c>Kontext__Storage</c>, whose key an archive in the same account is reached with.</param>
    /// <exception cref="InvalidSettingException">A setting is missing or wrong.</exception>
    public static AuditSettings Read(IConfigurationSection section, string storage)
    {
        int? days = section["RetentionDays"] switch
        {
            null or "" => null,
            var text when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= MaxDays => number,
            _ => throw new InvalidSettingException($"Kontext__Audit__RetentionDays has to be a number from 1 to {MaxDays}; without it everything is kept."),
        };
        var archive = section["Archive"] is { Length: > 0 } address ? AuditArchiveAddress.Parse(address, storage) : null;
        return days is null || archive is not null
            ? new AuditSettings(days, archive)
            : throw new InvalidSettingException("Kontext__Audit__Archive is missing: with Kontext__Audit__RetentionDays, a directory or the https address of a blob container that older entries are written to.");
    }
}

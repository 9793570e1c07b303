using System.Globalization;
using Kontext.Domain;

namespace Kontext.Functions.Retention;

/// <summary>Where days of the audit trail go for good: one file per organization and UTC day.</summary>
internal interface IAuditArchive
{
    /// <summary>Where an organization's files are, for people.</summary>
    string PlaceOf(OrgId org);

    /// <summary>Writes a day from a local file, whole or not at all. INVARIANT: what is there is never replaced; false when there was a file already.</summary>
    Task<bool> WriteAsync(OrgId org, DateOnly day, string file, CancellationToken cancellationToken);

    /// <summary>Reads a day back into a local file; false when there is none.</summary>
    Task<bool> ReadAsync(OrgId org, DateOnly day, string file, CancellationToken cancellationToken);

    /// <summary>The name of a day's file within its organization's place.</summary>
    static string NameOf(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) + ".jsonl";
}

/// <summary>The archive does not hold what it should: nothing is deleted until somebody looked at it.</summary>
internal sealed class AuditArchiveException(string message, Exception? inner = null) : Exception(message, inner);

using Kontext.Domain;

namespace Kontext.Functions;

/// <content>The lines of retention and the sweep.</content>
internal static partial class Log
{
    [LoggerMessage(111, LogLevel.Error, "The audit trail of organization {Organization} could not be archived")]
    public static partial void NotArchived(ILogger logger, OrgId organization, Exception exception);

    [LoggerMessage(112, LogLevel.Information, "The expiry sweep walked {Organizations} organizations and {Partitions} partitions and deleted {Rows} rows ({Tables}); archived {Clients} unused clients")]
    public static partial void Swept(ILogger logger, int organizations, int partitions, int rows, string tables, int clients);
}

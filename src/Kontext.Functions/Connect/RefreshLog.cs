namespace Kontext.Functions;

/// <content>The refreshes' lines.</content>
internal static partial class Log
{
    [LoggerMessage(201, LogLevel.Error, "A refresh broke off")]
    public static partial void RefreshBrokeOff(ILogger logger, Exception exception);
}

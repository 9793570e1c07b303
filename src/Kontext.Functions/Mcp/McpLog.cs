namespace Kontext.Functions;

/// <summary>Lines of the gateway's work that nobody waits for.</summary>
internal static partial class Log
{
    [LoggerMessage(401, LogLevel.Warning, "What a call at {Integration} said after a question cannot be handed on yet; tried again in {Pause}")]
    public static partial void ParkedCallWaits(ILogger logger, string integration, TimeSpan pause, Exception exception);

    [LoggerMessage(402, LogLevel.Error, "What a call at {Integration} said after a question was not handed on")]
    public static partial void ParkedCallLost(ILogger logger, string integration, Exception exception);

    [LoggerMessage(403, LogLevel.Error, "A call at {Integration} in which something was asked broke off")]
    public static partial void ParkedCallBroke(ILogger logger, string integration, Exception exception);

    [LoggerMessage(404, LogLevel.Warning, "The mailbox between instances does not answer")]
    public static partial void MailboxFails(ILogger logger, Exception exception);

    [LoggerMessage(405, LogLevel.Warning, "The tools of {Integration} cannot be listed")]
    public static partial void ToolsNotListed(ILogger logger, string integration, Exception exception);
}

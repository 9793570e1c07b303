namespace Kontext.Functions;

/// <content>The queue's lines.</content>
internal static partial class Log
{
    [LoggerMessage(301, LogLevel.Error, "Work of the kind {Kind} for organization {Organization} was given up; it is listed at /api/v1/work/failed")]
    public static partial void WorkGivenUp(ILogger logger, string kind, string organization);

    [LoggerMessage(302, LogLevel.Warning, "A message failed for the {Count}. time")]
    public static partial void WorkFailed(ILogger logger, long count, Exception exception);

    [LoggerMessage(303, LogLevel.Warning, "The work queue does not answer")]
    public static partial void QueueUnavailable(ILogger logger, Exception exception);

    [LoggerMessage(304, LogLevel.Warning, "A webhook's message could not be queued; the sweep queues it later")]
    public static partial void WebhookNotQueued(ILogger logger, Exception exception);

    [LoggerMessage(305, LogLevel.Error, "A message that this version of the program cannot read was given up; /api/v1/work/failed lists it for the organization that runs the installation")]
    public static partial void UnreadableWorkGivenUp(ILogger logger);
}

namespace Kontext.Functions;

/// <content>The triggers' lines.</content>
internal static partial class Log
{
    [LoggerMessage(101, LogLevel.Information, "{Trigger} ran in {Milliseconds:0.0} ms")]
    public static partial void TriggerRan(ILogger logger, string trigger, double milliseconds);

    [LoggerMessage(102, LogLevel.Warning, "{Trigger} was cut off before its end")]
    public static partial void TriggerCutOff(ILogger logger, string trigger);

    [LoggerMessage(103, LogLevel.Error, "{Trigger} failed")]
    public static partial void TriggerFailed(ILogger logger, string trigger, Exception exception);
}

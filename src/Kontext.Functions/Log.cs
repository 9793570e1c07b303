using Kontext.Domain;

namespace Kontext.Functions;

/// <summary>Every line the program logs. None takes a secret.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Error, "Storage is unavailable")]
    public static partial void StorageUnavailable(ILogger logger, Exception exception);

    [LoggerMessage(2, LogLevel.Information, "{Method} {Endpoint} refused: {Code} {Detail}")]
    public static partial void Refused(ILogger logger, string method, string? endpoint, FailureCode code, string? detail);

    [LoggerMessage(3, LogLevel.Information, "Organization {Organization}: its people manage it with the client app_{CommandLine}")]
    public static partial void CommandLineOf(ILogger logger, string organization, AppId commandLine);

    [LoggerMessage(4, LogLevel.Warning, "Not ready: {Dependency} does not answer")]
    public static partial void DependencyFails(ILogger logger, string dependency, Exception exception);

    [LoggerMessage(5, LogLevel.Error, "{Method} {Endpoint} failed unexpectedly, request {Request}")]
    public static partial void Unexpected(ILogger logger, Exception exception, string method, string? endpoint, string request);

    [LoggerMessage(6, LogLevel.Error, "{Setting} is no setting, and nobody reads it. docs/settings.md lists them all")]
    public static partial void UnknownSetting(ILogger logger, string setting);
}

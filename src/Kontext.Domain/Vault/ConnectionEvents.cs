using System.Collections.Immutable;
using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.Vault;

/// <summary>What is recorded about connections.</summary>
internal static class ConnectionEvents
{
    /// <summary>Refreshing began to fail; the connection stands.</summary>
    public const string FailingType = "connection.failing";

    /// <summary>Refreshing works again.</summary>
    public const string Recovered = "connection.recovered";

    /// <summary>A person connected, or connected again.</summary>
    public static AuditEvent Connected(DateTimeOffset now, Integration integration, Connection connection, User user, IReadOnlyList<string> missing) =>
        Of(AuditTypes.Connected, now, integration, connection) with
        {
            User = new AuditParty(user.Id.ToString(), user.DisplayName),
            Target = connection.Account,
            Status = missing.Count == 0 ? "ok" : "warn",
            ErrorMessage = missing.Count == 0 ? null : $"Not granted: {string.Join(' ', missing)}",
        };

    /// <summary>The credential was renewed; with a warning when it may do less than before.</summary>
    public static AuditEvent Refreshed(DateTimeOffset now, Integration integration, Connection before, Connection after)
    {
        var lost = before.Scopes.Except(after.Scopes).ToImmutableArray();
        return Of(AuditTypes.Refreshed, now, integration, after) with
        {
            ExpiresIn = after.AccessExpiresAt is { } end ? $"{(long)Math.Max(0, (end - now).TotalSeconds)}s" : null,
            Status = lost.IsEmpty ? "ok" : "warn",
            ErrorMessage = lost.IsEmpty ? null : $"No longer granted: {string.Join(' ', lost)}",
        };
    }

    /// <summary>Refreshing began to fail.</summary>
    public static AuditEvent Failing(DateTimeOffset now, Integration integration, Connection connection, Failure failure) =>
        Of(FailingType, now, integration, connection) with
        {
            Status = failure.Code == FailureCode.Misconfigured ? "error_proxy" : "warn",
            ErrorType = failure.Code == FailureCode.Misconfigured ? "misconfigured" : "transient",
            ErrorMessage = failure.Message,
        };

    /// <summary>The connection ended.</summary>
    public static AuditEvent Disconnected(DateTimeOffset now, Integration integration, Connection connection, string errorType) =>
        Of(AuditTypes.Disconnected, now, integration, connection) with { Status = "error_auth", ErrorType = errorType, ErrorMessage = connection.Reason };

    /// <summary>An event about a connection.</summary>
    public static AuditEvent Of(string type, DateTimeOffset now, Integration integration, Connection connection) => new()
    {
        At = now,
        Type = type,
        User = new AuditParty(connection.User.ToString(), null),
        Integration = new AuditParty(integration.Id.ToString(), integration.Name),
        Scopes = connection.Scopes,
    };
}

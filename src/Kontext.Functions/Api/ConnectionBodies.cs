using System.Text.Json.Serialization;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Api;

/// <summary>A person's connection (contract 1.8), with why it is as it is.</summary>
internal sealed record ConnectionBody
{
    public required bool Connected { get; init; }

    public required string Status { get; init; }

    /// <summary>Why it does not work, in words; absent while it does.</summary>
    public string? Reason { get; init; }

    public string? ReasonCode { get; init; }

    /// <summary>The address at which the person connects again; absent while it works, and for others than the person.</summary>
    public string? ConnectUrl { get; init; }

    public required string Validity { get; init; }

    public string? CheckedAt { get; init; }

    public string? CheckMessage { get; init; }

    public string? ExpiresAt { get; init; }

    public string? DisplayName { get; init; }

    public required IReadOnlyList<string> Scopes { get; init; }

    public string? ConnectedAt { get; init; }

    public string? DisconnectedAt { get; init; }

    public string? RefreshedAt { get; init; }

    public string? LastError { get; init; }

    /// <summary>Scopes the service demanded and the grant lacks; absent when none is known.</summary>
    public IReadOnlyList<string>? MissingScopes { get; init; }

    public static ConnectionBody Of(ConnectionState state, string? connectUrl = null) => new()
    {
        Connected = state.Connected,
        Status = state.Status,
        Reason = state.Reason,
        ReasonCode = state.ReasonCode,
        ConnectUrl = connectUrl,
        Validity = ConnectionWireWords.Of(state.Validity),
        CheckedAt = Wire.Time(state.Connection?.CheckedAt),
        CheckMessage = state.Connection?.CheckMessage,
        ExpiresAt = Wire.Time(state.Connection?.AccessExpiresAt),
        DisplayName = state.Connection?.Account,
        Scopes = state.Connection?.Scopes ?? [],
        ConnectedAt = Wire.Time(state.Connection?.ConnectedAt),
        DisconnectedAt = Wire.Time(state.Connection?.DisconnectedAt),
        RefreshedAt = Wire.Time(state.Connection?.RefreshedAt),
        LastError = state.Connection?.LastError,
        MissingScopes = state.Connection is { MissingScopes.IsDefaultOrEmpty: false } lacking ? lacking.MissingScopes : null,
    };
}

/// <summary>The words for what is known about connections.</summary>
internal static class ConnectionWireWords
{
    public static string Of(Validity validity) => validity switch
    {
        Validity.Valid => "valid",
        Validity.Invalid => "invalid",
        Validity.Unknown => "unknown",
        _ => throw new InvalidOperationException($"Unknown validity {validity}."),
    };

    public static string Of(ProviderRevocation revocation) => revocation switch
    {
        ProviderRevocation.Nothing => "nothing",
        ProviderRevocation.Revoked => "revoked",
        ProviderRevocation.NotOffered => "not_offered",
        ProviderRevocation.Failed => "failed",
        _ => throw new InvalidOperationException($"Unknown outcome {revocation}."),
    };
}

/// <summary>A connection; its main fields stand outside as well (contract 2.4).</summary>
internal sealed record ConnectionEnvelope(ConnectionBody Connection, bool Connected, string Status);

/// <summary>What asking the provider came to.</summary>
internal sealed record ConnectionValidationBody(string Validity, string Message, ConnectionBody Connection);

/// <summary>What ending a connection came to: the provider told or not, the secrets gone or not, until when the vault's operators could bring them back, and until when what could not be revoked still works.</summary>
internal sealed record RemovalBody(string Provider, bool SecretsDeleted, string? RecoverableUntil, string? LivesUntil, string? Message)
{
    public static RemovalBody Of(RemovalReport report) =>
        new(ConnectionWireWords.Of(report.AtProvider), report.SecretsDeleted, Wire.Time(report.RecoverableUntil), Wire.Time(report.LivesUntil), report.Detail);
}

/// <summary>A connection that was ended.</summary>
internal sealed record RemovedConnectionBody(ConnectionBody Connection, RemovalBody Revocation);

/// <summary>A person's connection as administrators see it.</summary>
internal sealed record PersonConnectionBody(string UserId, string? UserName, ConnectionBody Connection);

/// <summary>A page of people's connections.</summary>
internal sealed record PersonConnectionListBody(IReadOnlyList<PersonConnectionBody> Items, string? NextCursor);

/// <summary>A person's token for a user_token integration, or the fields its credentialSchema names.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record NewConnection
{
    public string? Token { get; init; }

    public IReadOnlyDictionary<string, string?>? Credentials { get; init; }
}

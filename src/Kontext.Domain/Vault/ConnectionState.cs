using System.Collections.Immutable;
using Kontext.Domain.Integrations;

namespace Kontext.Domain.Vault;

/// <summary>What a connection is worth right now, as every surface says it (contract 1.8): the stored row, judged by the integration's settings and the clock.</summary>
public sealed record ConnectionState
{
    /// <summary>A credential is stored, and nothing is known that would keep it from working.</summary>
    public required bool Connected { get; init; }

    /// <summary>Why not, for the person; null while connected, and when they never connected.</summary>
    public string? Reason { get; init; }

    /// <summary>The same for programs, one of <see cref="ConnectionEnds"/>.</summary>
    public string? ReasonCode { get; init; }

    /// <summary>The row; null when there is none.</summary>
    public Connection? Connection { get; init; }

    /// <summary>The word of contract 1.8.</summary>
    public string Status => Connected ? "connected" : "disconnected";

    /// <summary>What the provider said of the credential: a dead one is invalid whether or not anybody asked.</summary>
    public Validity Validity => Connection is null || (!Connected && ReasonCode is ConnectionEnds.ByPerson or ConnectionEnds.ByAdministrator or ConnectionEnds.ModeChanged)
        ? Validity.Unknown
        : Connected ? Connection.Validity : Validity.Invalid;

    /// <summary>Why it is not connected, for an agent, which does not speak to the person by "you".</summary>
    public string? ReasonForAgents => ReasonCode == ConnectionEnds.ByPerson ? "the person disconnected it" : Reason;

    /// <summary>Judges a row; null for a person who never connected.</summary>
    public static ConnectionState Of(Integration integration, Connection? connection, DateTimeOffset now) => connection switch
    {
        null => new ConnectionState { Connected = false },
        { Status: ConnectionStatus.Disconnected } => Ended(connection, connection.Reason ?? "it was disconnected", connection.ReasonCode),
        _ when integration.Archived => Ended(connection, DisconnectReason.Archived.Words, DisconnectReason.Archived.Code),
        _ when connection.Epoch != integration.ConnectionEpoch => Ended(connection, DisconnectReason.ModeChanged.Words, DisconnectReason.ModeChanged.Code),
        { Validity: Validity.Invalid } => Ended(connection, "the service no longer accepts the stored credential: it ended, or was withdrawn there", ConnectionEnds.Refused),
        { Refreshable: false, AccessExpiresAt: { } end } when end <= now => Ended(connection, "its token ended, and the provider gave none to renew it with", ConnectionEnds.Expired),
        _ => new ConnectionState { Connected = true, Connection = connection },
    };

    private static ConnectionState Ended(Connection connection, string reason, string? code) =>
        new() { Connected = false, Reason = reason, ReasonCode = code, Connection = connection };
}

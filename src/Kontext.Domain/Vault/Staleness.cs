namespace Kontext.Domain.Vault;

/// <summary>When nothing was heard of a connection for so long that its service is asked unbidden.</summary>
/// <param name="After">How long; zero for never.</param>
public sealed record Staleness(TimeSpan After)
{
    /// <summary>Is it to be asked about? Not if it is over or known to be refused: then a person has to act, and asking changes nothing.</summary>
    public bool Holds(Connection connection, DateTimeOffset now) =>
        After > TimeSpan.Zero
        && connection is { Status: ConnectionStatus.Connected, Validity: not Validity.Invalid }
        && (connection.Refreshable || !(connection.AccessExpiresAt <= now))
        && HeardAt(connection) + After <= now;

    /// <summary>When its service last had to do with the credential, as far as the row tells. Calls are not noted on rows; a refresh is, and so is being asked.</summary>
    public static DateTimeOffset HeardAt(Connection connection)
    {
        var heard = connection.ConnectedAt;
        if (connection.RefreshedAt > heard)
            heard = connection.RefreshedAt.Value;
        return connection.CheckedAt > heard ? connection.CheckedAt.Value : heard;
    }
}

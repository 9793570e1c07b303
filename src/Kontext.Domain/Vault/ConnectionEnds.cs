namespace Kontext.Domain.Vault;

/// <summary>Why connections end, for programs.</summary>
public static class ConnectionEnds
{
    /// <summary>The person wanted it.</summary>
    public const string ByPerson = "disconnected_by_person";

    /// <summary>An administrator, or a service account, wanted it.</summary>
    public const string ByAdministrator = "disconnected_by_administrator";

    /// <summary>The integration is authenticated in another way, or elsewhere, since (contract 1.6, hard cut-over).</summary>
    public const string ModeChanged = "mode_changed";

    /// <summary>The integration was archived.</summary>
    public const string Archived = "integration_archived";

    /// <summary>The provider no longer accepts the refresh token: withdrawn there, expired, or spent.</summary>
    public const string GrantEnded = "invalid_grant";

    /// <summary>The token ended, and there was none to renew it with.</summary>
    public const string Expired = "expired";

    /// <summary>What is stored cannot be read.</summary>
    public const string Unreadable = "credential_missing";

    /// <summary>The provider refused the token when it was asked; nothing can renew it.</summary>
    public const string Refused = "credential_refused";
}

/// <summary>Why somebody ends a connection.</summary>
/// <param name="Code">For programs, one of <see cref="ConnectionEnds"/>.</param>
/// <param name="Words">What the person will read.</param>
public sealed record DisconnectReason(string Code, string Words)
{
    /// <summary>The person wanted it.</summary>
    public static DisconnectReason ByPerson { get; } = new(ConnectionEnds.ByPerson, "you disconnected it");

    /// <summary>An administrator wanted it.</summary>
    public static DisconnectReason ByAdministrator { get; } = new(ConnectionEnds.ByAdministrator, "an administrator disconnected it");

    /// <summary>The integration changed.</summary>
    public static DisconnectReason ModeChanged { get; } = new(ConnectionEnds.ModeChanged, "an administrator changed how it is authenticated");

    /// <summary>The integration is gone.</summary>
    public static DisconnectReason Archived { get; } = new(ConnectionEnds.Archived, "an administrator archived it");
}

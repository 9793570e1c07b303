using System.Collections.Immutable;

namespace Kontext.Domain.Gateway;

/// <summary>What has changed about a client's session since it was opened: all of it that its id does not say. Written by the few requests that change something.</summary>
public sealed record McpSessionNote
{
    /// <summary>The client ended it.</summary>
    public bool Ended { get; init; }

    /// <summary>The least level of log messages it wants; null while it has not said.</summary>
    public string? LogLevel { get; init; }

    /// <summary>Resources whose changes it wants to hear of.</summary>
    public ImmutableArray<string> Subscriptions { get; init; } = [];

    /// <summary>When the session ends by itself.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }
}

/// <summary>Keeps them.</summary>
public interface IMcpSessionNotes
{
    /// <summary>The note as stored now; null when nothing has changed about the session.</summary>
    Task<McpSessionNote?> FindAsync(OrgId org, string session, CancellationToken cancellationToken);

    /// <summary>Changes it, whoever else does so at the same time.</summary>
    Task ChangeAsync(OrgId org, string session, DateTimeOffset expiresAt, Func<McpSessionNote, McpSessionNote> change, CancellationToken cancellationToken);
}

using System.Collections.Immutable;

namespace Kontext.Domain.Gateway;

/// <summary>A tool of an integration as it was first seen, and what its server has made of it since. A server that changes what a tool says after it was approved can make agents do other things with it.</summary>
public sealed record ToolPin
{
    /// <summary>The longest definition that is kept; of a longer one only the fingerprint is.</summary>
    public const int MaxDefinition = 64 * 1024;

    /// <summary>The server's name for it.</summary>
    public required string Name { get; init; }

    /// <summary>Fingerprints of the definitions that are accepted, the newest last: the first one seen, and those somebody accepted.</summary>
    public ImmutableArray<string> Accepted { get; init; } = [];

    /// <summary>The definition accepted last; null when it was too long to keep.</summary>
    public string? Definition { get; init; }

    /// <summary>When it was first seen.</summary>
    public required DateTimeOffset FirstSeenAt { get; init; }

    /// <summary>The fingerprint of a definition that nobody has accepted yet; null when there is none.</summary>
    public string? ChangedTo { get; init; }

    /// <summary>That definition; null when it was too long to keep.</summary>
    public string? ChangedDefinition { get; init; }

    /// <summary>When it was first seen so.</summary>
    public DateTimeOffset? ChangedAt { get; init; }

    /// <summary>Who accepted the newest definition; null while it is the first one.</summary>
    public string? AcceptedBy { get; init; }

    /// <summary>A change awaits somebody's decision.</summary>
    public bool IsChanged => ChangedTo is not null;
}

/// <summary>Keeps pins.</summary>
public interface IToolPinStore
{
    /// <summary>All pins of an integration, as stored now.</summary>
    Task<IReadOnlyList<Versioned<ToolPin>>> ListAsync(OrgId org, IntegrationId integration, CancellationToken cancellationToken);

    /// <summary>One pin as stored now; null when the tool was never seen.</summary>
    Task<Versioned<ToolPin>?> FindAsync(OrgId org, IntegrationId integration, string tool, CancellationToken cancellationToken);

    /// <summary>Adds pins of tools never seen before; one that somebody else added meanwhile stays as it is.</summary>
    Task InsertAsync(OrgId org, IntegrationId integration, IReadOnlyList<ToolPin> pins, CancellationToken cancellationToken);

    /// <summary>Writes if nobody wrote since; null when somebody did.</summary>
    Task<Versioned<ToolPin>?> ReplaceAsync(OrgId org, IntegrationId integration, Versioned<ToolPin> current, ToolPin next, CancellationToken cancellationToken);
}

using System.Collections.Immutable;

namespace Kontext.Domain.Webhooks;

/// <summary>An address that an organization wants events sent to.</summary>
public sealed record WebhookEndpoint
{
    /// <summary>Its id.</summary>
    public required WebhookId Id { get; init; }

    /// <summary>Where messages are posted.</summary>
    public required string Url { get; init; }

    /// <summary>What it is for; null when nobody said.</summary>
    public string? Description { get; init; }

    /// <summary>The types of events it gets; empty for all.</summary>
    public ImmutableArray<string> Events { get; init; } = [];

    /// <summary>Nothing is sent to it.</summary>
    public bool Disabled { get; init; }

    /// <summary>Why, when it was not an administrator's wish; null otherwise.</summary>
    public string? DisabledReason { get; init; }

    /// <summary>The signing secret's version in the vault.</summary>
    public required string SecretVersion { get; init; }

    /// <summary>The version before it, while messages are signed with it too; null when there is none.</summary>
    public string? RetiringVersion { get; init; }

    /// <summary>Until when they are.</summary>
    public DateTimeOffset? RetiringUntil { get; init; }

    /// <summary>When it was created.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Does it get events of this type?</summary>
    public bool Wants(string type) => !Disabled && (Events.IsDefaultOrEmpty || Events.Contains(type));
}

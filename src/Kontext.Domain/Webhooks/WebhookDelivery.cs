namespace Kontext.Domain.Webhooks;

/// <summary>How far a delivery is.</summary>
public enum DeliveryStatus
{
    /// <summary>It is to be sent, or sent again.</summary>
    Pending,

    /// <summary>The receiver took it.</summary>
    Delivered,

    /// <summary>The receiver did not take it, and it is not tried any more by itself.</summary>
    Failed,
}

/// <summary>One event on its way to one webhook: what is sent, and what came of it. The row decides what is to be done; queue messages only say when to look.</summary>
public sealed record WebhookDelivery
{
    /// <summary>Its id.</summary>
    public required DeliveryId Id { get; init; }

    /// <summary>Where it goes.</summary>
    public required WebhookId Webhook { get; init; }

    /// <summary>The message's id, <c>webhook-id</c>: the same in every attempt, and for every webhook that gets the event.</summary>
    public required string MessageId { get; init; }

    /// <summary>The event's type.</summary>
    public required string Type { get; init; }

    /// <summary>The body, byte for byte the same in every attempt.</summary>
    public required string Payload { get; init; }

    /// <summary>How far it is.</summary>
    public DeliveryStatus Status { get; init; }

    /// <summary>The attempt that is next, from 1; the last one made when it has ended.</summary>
    public int Attempt { get; init; } = 1;

    /// <summary>When that is due; null when it has ended.</summary>
    public DateTimeOffset? NextAttemptAt { get; init; }

    /// <summary>Until when an instance is sending it; null when none is.</summary>
    public DateTimeOffset? LeaseUntil { get; init; }

    /// <summary>When it was last sent; null when never.</summary>
    public DateTimeOffset? LastAttemptAt { get; init; }

    /// <summary>The status of the last answer; null when there was none.</summary>
    public int? ResponseStatus { get; init; }

    /// <summary>What went wrong last, in words; null when nothing did.</summary>
    public string? LastError { get; init; }

    /// <summary>How long the last attempt took, milliseconds.</summary>
    public double? DurationMs { get; init; }

    /// <summary>When the event happened.</summary>
    public required DateTimeOffset CreatedAt { get; init; }
}

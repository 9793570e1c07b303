using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Kontext.Domain.Webhooks;
using Kontext.Domain.Work;
using Kontext.Functions.Work;

namespace Kontext.Functions.Api;

/// <summary>A webhook on the wire.</summary>
internal sealed record WebhookBody(string Id, string Url, string? Description, IReadOnlyList<string> Events, bool Disabled, string? DisabledReason, string CreatedAt)
{
    public static WebhookBody Of(WebhookEndpoint endpoint) => new(
        endpoint.Id.ToString(), endpoint.Url, endpoint.Description, endpoint.Events, endpoint.Disabled, endpoint.DisabledReason, Wire.Time(endpoint.CreatedAt));
}

/// <summary>One webhook; with its signing secret right after that was made.</summary>
internal sealed record WebhookEnvelope(WebhookBody Webhook, string? Secret = null, string? PreviousSecretExpiresAt = null);

/// <summary>All webhooks of the organization, and what they can ask for.</summary>
internal sealed record WebhookListBody(IReadOnlyList<WebhookBody> Items, IReadOnlyList<string> EventTypes);

/// <summary>A new webhook; all events when none are named.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record NewWebhook
{
    public string? Url { get; init; }

    public string? Description { get; init; }

    public IReadOnlyList<string>? Events { get; init; }
}

/// <summary>Changes of a webhook; absent fields stay as they are.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record WebhookChange
{
    public string? Url { get; init; }

    public string? Description { get; init; }

    public IReadOnlyList<string>? Events { get; init; }

    public bool? Disabled { get; init; }
}

/// <summary>A delivery on the wire: what was sent, and what came of it.</summary>
internal sealed record WebhookDeliveryBody(
    string Id, string MessageId, string Type, string Status, int Attempt, int? ResponseStatus, string? Error, double? DurationMs, string CreatedAt, string? LastAttemptAt, string? NextAttemptAt, JsonNode? Payload)
{
    public static WebhookDeliveryBody Of(WebhookDelivery delivery) => new(
        delivery.Id.ToString(), delivery.MessageId, delivery.Type, JsonNamingPolicy.CamelCase.ConvertName(delivery.Status.ToString()), delivery.Attempt, delivery.ResponseStatus, delivery.LastError,
        delivery.DurationMs, Wire.Time(delivery.CreatedAt), Wire.Time(delivery.LastAttemptAt), Wire.Time(delivery.NextAttemptAt), JsonNode.Parse(delivery.Payload));
}

/// <summary>One delivery.</summary>
internal sealed record WebhookDeliveryEnvelope(WebhookDeliveryBody Delivery);

/// <summary>A page of deliveries, newest first.</summary>
internal sealed record WebhookDeliveryListBody(IReadOnlyList<WebhookDeliveryBody> Items, string? NextCursor);

/// <summary>Work that was given up.</summary>
internal sealed record FailedWorkBody(string Id, string Kind, string FailedAt, string Message)
{
    public static FailedWorkBody Of(FailedWork work) => new(work.Id.ToString("D"), work.Kind, Wire.Time(work.FailedAt), work.Message);

    /// <summary>A message that belongs to no organization, without what is in it.</summary>
    public static FailedWorkBody OfNobody(FailedWork work) =>
        new(work.Id.ToString("D"), WorkMessage.Unreadable, Wire.Time(work.FailedAt), "This version of the program cannot read the message. What is in it is not shown: it may be about any organization.");
}

/// <summary>The organization's work that was given up.</summary>
internal sealed record FailedWorkListBody(IReadOnlyList<FailedWorkBody> Items);

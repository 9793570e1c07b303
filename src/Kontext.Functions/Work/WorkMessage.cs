using System.Text.Json;
using System.Text.Json.Serialization;
using Kontext.Domain;
using Kontext.Domain.Work;

namespace Kontext.Functions.Work;

/// <summary>A message on the wire: its version, what is to be done, and the ids it is about.</summary>
internal sealed record WorkBody(int V, string? Kind, Guid Org, Guid? Webhook, Guid? Delivery, Guid? Revocation, int Attempt);

/// <summary>JSON of the queue's messages.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(WorkBody))]
internal sealed partial class WorkJson : JsonSerializerContext;

/// <summary>Writes and reads messages. A version that changes the meaning of a field gets another number, which programs before it take for unreadable.</summary>
internal static class WorkMessage
{
    private const int Version = 1;
    private const string Deliver = "webhook.deliver";
    private const string Revoke = "grant.revoke";

    /// <summary>The message's bytes.</summary>
    public static byte[] Write(WorkItem item) => JsonSerializer.SerializeToUtf8Bytes(
        item switch
        {
            DeliverWebhook deliver => new WorkBody(Version, Deliver, item.Org.Value, deliver.Webhook.Value, deliver.Delivery.Value, null, deliver.Attempt),
            RevokeGrant revoke => new WorkBody(Version, Revoke, item.Org.Value, null, null, revoke.Revocation.Value, revoke.Attempt),
            _ => throw new ArgumentException("Unknown kind of work.", nameof(item)),
        }, WorkJson.Default.WorkBody);

    /// <summary>The work; null when the message is none of ours, or of a later version.</summary>
    public static WorkItem? Read(ReadOnlySpan<byte> message) => ReadBody(message) switch
    {
        { V: Version, Kind: Deliver, Webhook: { } webhook, Delivery: { } delivery } body => new DeliverWebhook(new OrgId(body.Org), new WebhookId(webhook), new DeliveryId(delivery), body.Attempt),
        { V: Version, Kind: Revoke, Revocation: { } revocation } body => new RevokeGrant(new OrgId(body.Org), new RevocationId(revocation), body.Attempt),
        _ => null,
    };

    /// <summary>Whose message it is and what it asks for, as far as that can be told; the empty organization and "unreadable" where not.</summary>
    public static (OrgId Org, string Kind) Describe(ReadOnlySpan<byte> message) =>
        ReadBody(message) is { Kind: { } kind } body ? (new OrgId(body.Org), kind) : (default, "unreadable");

    private static WorkBody? ReadBody(ReadOnlySpan<byte> message)
    {
        try
        {
            return JsonSerializer.Deserialize(message, WorkJson.Default.WorkBody);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

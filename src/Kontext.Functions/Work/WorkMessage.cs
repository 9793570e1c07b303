using System.Text.Json;
using System.Text.Json.Serialization;
using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;
using Kontext.Domain.Work;

namespace Kontext.Functions.Work;

/// <summary>A message on the wire: its version, what is to be done, and the ids it is about.</summary>
internal sealed record WorkBody(int V, string? Kind, Guid Org)
{
    public Guid? Webhook { get; init; }

    public Guid? Delivery { get; init; }

    public Guid? Revocation { get; init; }

    public Guid? CutOff { get; init; }

    public int? Attempt { get; init; }

    public DueRefreshBody? Refresh { get; init; }

    public DueValidationBody? Validation { get; init; }
}

/// <summary>A note of the schedule on the wire.</summary>
internal sealed record DueRefreshBody(Guid User, Guid Integration, Guid Connection, DateTimeOffset ExpiresAt, DateTimeOffset DueAt);

/// <summary>A note of the other schedule on the wire.</summary>
internal sealed record DueValidationBody(Guid User, Guid Integration, Guid Connection, DateTimeOffset HeardAt, DateTimeOffset DueAt);

/// <summary>JSON of the queue's messages.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(WorkBody))]
internal sealed partial class WorkJson : JsonSerializerContext;

/// <summary>Writes and reads messages. A version that changes the meaning of a field gets another number, which programs before it take for unreadable.</summary>
internal static class WorkMessage
{
    /// <summary>The kind of a message that cannot be read.</summary>
    public const string Unreadable = "unreadable";

    private const int Version = 1;
    private const string Deliver = "webhook.deliver";
    private const string Revoke = "grant.revoke";
    private const string Continue = "revocation.continue";
    private const string Refresh = "connection.refresh";
    private const string Validate = "connection.validate";

    /// <summary>The message's bytes.</summary>
    public static byte[] Write(WorkItem item) => JsonSerializer.SerializeToUtf8Bytes(
        item switch
        {
            DeliverWebhook deliver => new WorkBody(Version, Deliver, item.Org.Value) { Webhook = deliver.Webhook.Value, Delivery = deliver.Delivery.Value, Attempt = deliver.Attempt },
            RevokeGrant revoke => new WorkBody(Version, Revoke, item.Org.Value) { Revocation = revoke.Revocation.Value, Attempt = revoke.Attempt },
            ContinueCutOff order => new WorkBody(Version, Continue, item.Org.Value) { CutOff = order.CutOff.Value },
            RefreshConnection { Due: var due } => new WorkBody(Version, Refresh, item.Org.Value)
            {
                Refresh = new DueRefreshBody(due.User.Value, due.Integration.Value, due.Connection.Value, due.ExpiresAt, due.DueAt),
            },
            ValidateConnection { Due: var due } => new WorkBody(Version, Validate, item.Org.Value)
            {
                Validation = new DueValidationBody(due.User.Value, due.Integration.Value, due.Connection.Value, due.HeardAt, due.DueAt),
            },
            _ => throw new ArgumentException("Unknown kind of work.", nameof(item)),
        }, WorkJson.Default.WorkBody);

    /// <summary>The work; null when the message is none of ours, or of a later version.</summary>
    public static WorkItem? Read(ReadOnlySpan<byte> message) => ReadBody(message) switch
    {
        { V: Version, Kind: Deliver, Webhook: { } webhook, Delivery: { } delivery, Attempt: { } attempt } body => new DeliverWebhook(new OrgId(body.Org), new WebhookId(webhook), new DeliveryId(delivery), attempt),
        { V: Version, Kind: Revoke, Revocation: { } revocation, Attempt: { } attempt } body => new RevokeGrant(new OrgId(body.Org), new RevocationId(revocation), attempt),
        { V: Version, Kind: Continue, CutOff: { } order } body => new ContinueCutOff(new OrgId(body.Org), new CutOffId(order)),
        { V: Version, Kind: Refresh, Refresh: { } due } body => new RefreshConnection(new DueRefresh(
            new OrgId(body.Org), new UserId(due.User), new IntegrationId(due.Integration), new ConnectionId(due.Connection), due.ExpiresAt, due.DueAt)),
        { V: Version, Kind: Validate, Validation: { } due } body => new ValidateConnection(new DueValidation(
            new OrgId(body.Org), new UserId(due.User), new IntegrationId(due.Integration), new ConnectionId(due.Connection), due.HeardAt, due.DueAt)),
        _ => null,
    };

    /// <summary>Whose message it is and what it asks for, as far as that can be told; the empty organization and <see cref="Unreadable"/> where not.</summary>
    public static (OrgId Org, string Kind) Describe(ReadOnlySpan<byte> message) =>
        ReadBody(message) is { Kind: { } kind } body ? (new OrgId(body.Org), kind) : (default, Unreadable);

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

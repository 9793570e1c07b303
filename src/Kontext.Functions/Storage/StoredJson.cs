using System.Text.Json;
using System.Text.Json.Serialization;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.OAuth;
using Kontext.Domain.Policies;
using Kontext.Domain.Revocations;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Domain.Webhooks;
using Kontext.Domain.Work;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Storage;

/// <summary>JSON of the stored types. Derived properties are not stored, so that a rule can change without its rows.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    IgnoreReadOnlyProperties = true,
    Converters =
    [
        typeof(IdJsonConverter<AppId>), typeof(IdJsonConverter<ConnectionId>), typeof(IdJsonConverter<IntegrationId>), typeof(IdJsonConverter<OrgId>),
        typeof(IdJsonConverter<RuleId>), typeof(IdJsonConverter<ServiceAccountId>), typeof(IdJsonConverter<SessionId>), typeof(IdJsonConverter<UserId>),
        typeof(IdJsonConverter<CutOffId>), typeof(IdJsonConverter<DeliveryId>), typeof(IdJsonConverter<RevocationId>), typeof(IdJsonConverter<WebhookId>),
    ])]
[JsonSerializable(typeof(AuthorizationCode))]
[JsonSerializable(typeof(DeviceAuthorization))]
[JsonSerializable(typeof(IssuedCredential))]
[JsonSerializable(typeof(UserCodeRow))]
[JsonSerializable(typeof(WrongUserCodes))]
[JsonSerializable(typeof(Organization))]
[JsonSerializable(typeof(User))]
[JsonSerializable(typeof(Application))]
[JsonSerializable(typeof(ServiceAccount))]
[JsonSerializable(typeof(Session))]
[JsonSerializable(typeof(UserSession))]
[JsonSerializable(typeof(Integration))]
[JsonSerializable(typeof(ToolPin))]
[JsonSerializable(typeof(Connection))]
[JsonSerializable(typeof(BrowserSession))]
[JsonSerializable(typeof(SignInState))]
[JsonSerializable(typeof(ConnectSession))]
[JsonSerializable(typeof(ConnectState))]
[JsonSerializable(typeof(McpAuthorization))]
[JsonSerializable(typeof(McpSessionNote))]
[JsonSerializable(typeof(PolicyHead))]
[JsonSerializable(typeof(PolicyPart))]
[JsonSerializable(typeof(PolicyRule))]
[JsonSerializable(typeof(WebhookEndpoint))]
[JsonSerializable(typeof(WebhookDelivery))]
[JsonSerializable(typeof(ParkedGrant))]
[JsonSerializable(typeof(FailedWork))]
[JsonSerializable(typeof(Approval))]
[JsonSerializable(typeof(TraceMention))]
[JsonSerializable(typeof(PersonMention))]
[JsonSerializable(typeof(TraceHour))]
[JsonSerializable(typeof(TraceDay))]
[JsonSerializable(typeof(CapabilityRequest))]
[JsonSerializable(typeof(CutOff))]
internal sealed partial class StoredJson : JsonSerializerContext;

/// <summary>Stores an id of any kind as its UUID.</summary>
/// <typeparam name="TId">The id's type.</typeparam>
internal sealed class IdJsonConverter<TId> : JsonConverter<TId>
    where TId : struct, IId<TId>
{
    /// <inheritdoc/>
    public override TId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => TId.From(reader.GetGuid());

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, TId value, JsonSerializerOptions options) => writer.WriteStringValue(value.Value);
}

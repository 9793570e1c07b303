using System.Text.Json.Serialization;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Mcp;

/// <summary>What the gateway seals into ids that it hands to clients.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, Converters = [typeof(IdJsonConverter<AppId>), typeof(IdJsonConverter<IntegrationId>), typeof(IdJsonConverter<UserId>)])]
[JsonSerializable(typeof(ClientSession))]
[JsonSerializable(typeof(PutQuestion))]
[JsonSerializable(typeof(ParkedState))]
internal sealed partial class SealedJson : JsonSerializerContext;

using System.Text.Json.Serialization;

namespace Kontext.Functions;

/// <summary>What an address that is nobody's answers.</summary>
internal sealed record NotFoundBody(string Message, int StatusCode);

/// <summary>JSON of the answers that belong to no surface.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(NotFoundBody))]
internal sealed partial class RootJson : JsonSerializerContext;

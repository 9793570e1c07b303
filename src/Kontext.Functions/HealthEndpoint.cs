using System.Text.Json.Serialization;
using Kontext.Domain;

namespace Kontext.Functions;

/// <summary><c>GET /healthz</c>: says that the program has started and answers. It asks nobody else, so a slow store never gets instances restarted.</summary>
internal static class HealthEndpoint
{
    private static readonly Surface Health = new(Authenticate: null, (_, _) => Results.StatusCode(StatusCodes.Status503ServiceUnavailable));

    /// <summary>Publishes it.</summary>
    public static void Map(IEndpointRouteBuilder app) => app.MapMethods("/healthz", [HttpMethods.Get, HttpMethods.Head], Answer).WithMetadata(Health);

    private static IResult Answer() => Results.Json(new HealthBody("ok"), HealthJson.Default.HealthBody);
}

/// <summary>What a healthy program answers.</summary>
internal sealed record HealthBody(string Status);

/// <summary>JSON of the health answer.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(HealthBody))]
internal sealed partial class HealthJson : JsonSerializerContext;

using System.Text.Json.Serialization;
using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Api;

namespace Kontext.Functions.Partner;

/// <summary>What a partner's backend sends (contract 5.4).</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record PartnerConnectInput
{
    public string? ApplicationId { get; init; }

    public string? ReturnUrl { get; init; }
}

/// <summary>The link to send the user's browser to.</summary>
internal sealed record PartnerConnectBody(string ConnectUrl, string SessionId, string ExpiresAt);

/// <summary>JSON of the partner's endpoint.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(PartnerConnectInput))]
[JsonSerializable(typeof(PartnerConnectBody))]
internal sealed partial class PartnerJson : JsonSerializerContext;

/// <summary>The endpoint partners' backends call for their own users (contract 5.4).</summary>
internal static class PartnerEndpoints
{
    private const int MaxKeyLength = 512;

    public static void Map(IEndpointRouteBuilder app)
    {
        var group = app.MapGroup("/partner").WithMetadata(new Surface(Authenticate: null, ApiErrors.Of));
        group.MapPost("/connect-session", (HttpContext context, PartnerConnect connect) => ConnectAsync(context, connect));
        NothingHere.Map(group);
    }

    public static IServiceCollection AddKontextPartners(this IServiceCollection services) => services
        .AddSingleton<PartnerKeys>()
        .AddSingleton<IPartnerSignatures, PartnerSignatures>()
        .AddSingleton<PartnerTokens>()
        .AddSingleton<ExternalUsers>()
        .AddSingleton<PartnerConnect>();

    private static async Task<IResult> ConnectAsync(HttpContext context, PartnerConnect connect)
    {
        if (!(await ReadAsync(context)).TryGet(out var request, out var failure)
            || !(await connect.RunAsync(request, context.RequestAborted)).TryGet(out var link, out failure))
            return ApiErrors.Of(context, failure);
        context.Response.Headers.CacheControl = "no-store";
        return Results.Json(new PartnerConnectBody(link.Url.AbsoluteUri, link.SessionId, Wire.Time(link.ExpiresAt)), PartnerJson.Default.PartnerConnectBody);
    }

    private static async Task<Result<PartnerConnectRequest>> ReadAsync(HttpContext context)
    {
        var headers = context.Request.Headers;
        if (headers["X-Api-Key"] is not [{ Length: > 0 and <= MaxKeyLength } key])
            return new Failure(FailureCode.InvalidToken, "Send the application's partner key as X-Api-Key.");
        if (headers.Authorization is not [{ } authorization] || !authorization.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))
            return new Failure(FailureCode.InvalidToken, "Send your own token about the user as Authorization: Bearer.");
        if (!(await Api.Api.ReadAsync(context, PartnerJson.Default.PartnerConnectInput)).TryGet(out var input, out var failure))
            return failure;
        return AppId.TryParse(input.ApplicationId, null, out var application)
            ? new PartnerConnectRequest(application, new Secret(key), new Secret(authorization[7..].Trim()), input.ReturnUrl)
            : Api.Api.Invalid(new Dictionary<string, string> { ["applicationId"] = "Has to be the application's id." });
    }
}

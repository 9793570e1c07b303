using System.Reflection;
using System.Text.Json.Serialization;
using Kontext.Domain;
using Kontext.Functions.Api;
using Kontext.Functions.Limits;

namespace Kontext.Functions.Health;

/// <summary>What load balancers and operators ask: does it run, can it work, which version is it.</summary>
internal static class HealthEndpoint
{
    private const string RetrySeconds = "2";

    private static readonly Surface Health = new(Authenticate: null, (_, failure) => Results.StatusCode(ApiErrors.CodeOf(failure.Code).Status));
    private static readonly VersionBody Version = VersionOf(typeof(HealthEndpoint).Assembly);

    /// <summary>Publishes them.</summary>
    public static void Map(IEndpointRouteBuilder app)
    {
        string[] read = [HttpMethods.Get, HttpMethods.Head];
        var group = app.MapGroup("").WithMetadata(Health, AnsweredAlways.Mark);
        group.MapMethods("/healthz", read, Alive);
        group.MapMethods("/readyz", read, ReadyAsync);
        group.MapMethods("/version", read, () => Results.Json(Version, HealthJson.Default.VersionBody));
    }

    // It asks nobody else, so a slow store never gets instances restarted.
    private static IResult Alive() => Results.Json(new HealthBody("ok"), HealthJson.Default.HealthBody);

    // Names and nothing more: why something does not answer is for the log, not for everybody.
    private static async Task<IResult> ReadyAsync(Readiness readiness, HttpResponse response)
    {
        var found = await readiness.AskAsync();
        response.Headers.CacheControl = "no-store";
        if (found.All(dependency => dependency.Value))
            return Results.Json(BodyOf("ready", found), HealthJson.Default.ReadinessBody);
        response.Headers.RetryAfter = RetrySeconds;
        return Results.Json(BodyOf("not ready", found), HealthJson.Default.ReadinessBody, statusCode: StatusCodes.Status503ServiceUnavailable);
    }

    private static ReadinessBody BodyOf(string status, IReadOnlyDictionary<string, bool> found) =>
        new(status, found.ToDictionary(dependency => dependency.Key, dependency => dependency.Value ? "ok" : "does not answer"));

    // The build appends the commit: 1.0.0+0123abc...
    private static VersionBody VersionOf(Assembly assembly)
    {
        var parts = (assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "").Split('+', 2);
        return new VersionBody(parts[0], parts.ElementAtOrDefault(1));
    }
}

/// <summary>What a running program answers.</summary>
internal sealed record HealthBody(string Status);

/// <summary>Whether it can work, and which of the things it needs answers.</summary>
internal sealed record ReadinessBody(string Status, Dictionary<string, string> Checks);

/// <summary>Which version runs, and the commit it was built from; null when it was built outside a repository.</summary>
internal sealed record VersionBody(string Version, string? Commit);

/// <summary>JSON of these answers.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(HealthBody))]
[JsonSerializable(typeof(ReadinessBody))]
[JsonSerializable(typeof(VersionBody))]
internal sealed partial class HealthJson : JsonSerializerContext;

using System.Collections.Frozen;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Functions.OpenApi;

namespace Kontext.Functions.Api;

/// <summary>Refuses what a request brings to an endpoint that takes no body: who sends fields means something by them, and must not believe that it was done.</summary>
internal static class UntakenBodies
{
    private const int MaxBytes = 1024;

    // As routes have them: a constraint is no part of what the reference shows.
    private static readonly FrozenSet<(string Method, string Route)> Bodiless =
        ApiReference.Operations.Where(operation => operation.Body is null && operation.Method != "GET").Select(operation => (operation.Method, "/api/v1" + operation.Path)).ToFrozenSet();

    /// <summary>The refusal; null when the endpoint takes a body, or when what came says nothing: clients send an empty object out of habit.</summary>
    public static async ValueTask<Failure?> RefusalOfAsync(HttpContext context)
    {
        if (!Api.HasBody(context) || context.GetEndpoint() is not RouteEndpoint { RoutePattern.RawText: { } route }
            || !Bodiless.Contains((context.Request.Method, route.Replace(":guid", "", StringComparison.Ordinal).TrimEnd('/'))))
            return null;
        var bytes = new byte[MaxBytes + 1];
        var length = await context.Request.Body.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, context.RequestAborted);
        return length <= MaxBytes && SaysNothing(bytes.AsMemory(0, length))
            ? null
            : Api.Invalid(new Dictionary<string, string> { ["body"] = "This endpoint takes no body: nothing was done. /openapi describes what it takes." });
    }

    private static bool SaysNothing(ReadOnlyMemory<byte> body)
    {
        if (body.Span.Trim(" \t\r\n"u8).IsEmpty)
            return true;
        try
        {
            using var sent = JsonDocument.Parse(body);
            return sent.RootElement.ValueKind == JsonValueKind.Object && sent.RootElement.GetPropertyCount() == 0;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}

using System.Text.Json.Nodes;

namespace Kontext.Testing.KeyVaultApi;

/// <summary>An answer of the stand-in.</summary>
internal sealed record StandInAnswer(int Status, JsonObject? Body, IReadOnlyList<(string Name, string Value)> Headers)
{
    /// <summary>An answer with a body.</summary>
    public static StandInAnswer Of(int status, JsonObject? body) => new(status, body, []);

    /// <summary>An error as Key Vault words it.</summary>
    public static StandInAnswer Refusal(int status, string code, string message, string? innerCode = null)
    {
        var error = new JsonObject { ["code"] = code, ["message"] = message };
        if (innerCode is not null)
            error["innererror"] = new JsonObject { ["code"] = innerCode };
        return Of(status, new JsonObject { ["error"] = error });
    }

    /// <summary>With a header more.</summary>
    public StandInAnswer With(string name, string value) => this with { Headers = [.. Headers, (name, value)] };
}

/// <summary>What goes wrong with a request.</summary>
internal sealed record StandInFault
{
    /// <summary>Given instead of the true answer; nothing is done.</summary>
    public StandInAnswer? Answer { get; private init; }

    /// <summary>What was asked for is done, and the connection breaks before the answer.</summary>
    public bool LosesAnswer { get; private init; }

    /// <summary>The request is done and its answer lost.</summary>
    public static StandInFault LostAnswer { get; } = new() { LosesAnswer = true };

    /// <summary>The service answers 500.</summary>
    public static StandInFault Broken { get; } = new() { Answer = StandInAnswer.Refusal(500, "InternalServerError", "AKV10190: An internal error occurred.") };

    /// <summary>The identity has no role on the vault.</summary>
    public static StandInFault Forbidden { get; } = new() { Answer = StandInAnswer.Refusal(403, "Forbidden", "Caller is not authorized to perform action on resource.", "ForbiddenByRbac") };

    /// <summary>Too many requests in ten seconds.</summary>
    public static StandInFault Throttled(int retryAfterSeconds) => new()
    {
        Answer = StandInAnswer.Refusal(429, "Throttled", "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached")
            .With("Retry-After", retryAfterSeconds.ToString(System.Globalization.CultureInfo.InvariantCulture)),
    };
}

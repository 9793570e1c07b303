using System.Text.Json;

namespace Kontext.Domain.Gateway;

/// <summary>A best guess at what a tool call acts on, from the arguments that tools commonly name it with. Policy conditions and the audit trail read it.
/// In this order: <c>owner</c> with <c>repo</c>, then <c>repository</c>, <c>repo</c>, <c>project</c>, <c>channel</c>, <c>channel_id</c>, <c>path</c>, <c>uri</c>, <c>url</c>, <c>id</c>.</summary>
public static class CallTarget
{
    private const int MaxLength = 256;
    private static readonly string[] Names = ["repository", "repo", "project", "channel", "channel_id", "path", "uri", "url", "id"];

    /// <summary>The target; null when the arguments do not tell.</summary>
    public static string? Of(JsonElement arguments)
    {
        if (arguments.ValueKind != JsonValueKind.Object)
            return null;
        if (Text(arguments, "owner") is { } owner && Text(arguments, "repo") is { } repo)
            return Bounded($"{owner}/{repo}");
        foreach (var name in Names)
        {
            if (Text(arguments, name) is { } value)
                return Bounded(value);
        }
        return null;
    }

    private static string? Text(JsonElement arguments, string name) =>
        arguments.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;

    // A longer one is not a name of anything; cut off it could equal what a rule allows.
    private static string? Bounded(string target) => target.Length <= MaxLength ? target : null;
}

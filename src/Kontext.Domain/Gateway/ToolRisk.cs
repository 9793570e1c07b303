using System.Text.Json;
using Kontext.Domain.Gateway.Search;

namespace Kontext.Domain.Gateway;

/// <summary>What a tool can do to what is there, from the least to the worst.</summary>
public enum ToolRisk
{
    /// <summary>It looks.</summary>
    Reads,

    /// <summary>It adds or changes.</summary>
    Writes,

    /// <summary>What it does may not be undone.</summary>
    Destroys,
}

/// <summary>Tells how much a tool can do, from what its server says of it (MCP 2025-06-18, tool annotations) and from its name.</summary>
public static class ToolRisks
{
    // The first word of a name that is one of these is its verb: get_merge_request reads.
    private static readonly Dictionary<string, ToolRisk> Verbs = new[]
    {
        (ToolRisk.Reads, "browse check compare count describe discover download enumerate export fetch find get inspect list lookup preview query read retrieve search show summarize view whoami"),
        (ToolRisk.Writes, "add assign attach comment copy create edit enable fork grant import insert install invite make move new open patch post publish push put rename reply restore save schedule send set share start submit subscribe sync "
            + "unarchive update upload upsert write"),
        (ToolRisk.Destroys, "archive ban cancel clear close deactivate disable discard drop force kick kill merge overwrite pay refund reject remove replace reset revert revoke rollback terminate transfer trash truncate uninstall unpublish"),
    }.SelectMany(group => group.Item2.Split(' '), (group, word) => (word, group.Item1)).ToDictionary(StringComparer.Ordinal);

    // Words that are never a thing.
    private static readonly string[] AlwaysDestroying = ["delete", "destroy", "erase", "purge", "wipe"];

    /// <summary>The risk of a tool.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="definition">Its definition as JSON; null when it is not known.</param>
    public static ToolRisk Of(string name, string? definition)
    {
        var named = NamedRisk(name);
        // A server's word may add to what a name says, but not take this from it: who would harm says that it does not.
        return named == ToolRisk.Destroys ? ToolRisk.Destroys : (definition is null ? null : Said(definition)) ?? named ?? ToolRisk.Writes;
    }

    private static ToolRisk? NamedRisk(string name)
    {
        var words = SearchWords.Split(name);
        if (words.Exists(AlwaysDestroying.Contains))
            return ToolRisk.Destroys;
        return words.Find(Verbs.ContainsKey) is { } verb ? Verbs[verb] : null;
    }

    private static ToolRisk? Said(string definition)
    {
        using var document = JsonDocument.Parse(definition);
        if (!document.RootElement.TryGetProperty("annotations", out var annotations) || annotations.ValueKind != JsonValueKind.Object)
            return null;
        return Hint(annotations, "readOnlyHint") switch
        {
            true => ToolRisk.Reads,
            // Without a word about it, what changes things destroys them (MCP): only an explicit no is one.
            false => Hint(annotations, "destructiveHint") == false ? ToolRisk.Writes : ToolRisk.Destroys,
            null => Hint(annotations, "destructiveHint") switch { true => ToolRisk.Destroys, false => ToolRisk.Writes, null => null },
        };
    }

    private static bool? Hint(JsonElement annotations, string name) =>
        annotations.TryGetProperty(name, out var hint) && hint.ValueKind is JsonValueKind.True or JsonValueKind.False ? hint.ValueKind == JsonValueKind.True : null;
}

using System.Globalization;
using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Audit;

/// <summary>Everything an entry says, name by name.</summary>
internal static class EntryText
{
    public static IReadOnlyList<(string Name, string Text)> Of(AuditEventBody entry)
    {
        var parts = new List<(string, string)>();
        void Add(string name, string? text)
        {
            if (!string.IsNullOrEmpty(text))
                parts.Add((name, text));
        }
        Add("Error", entry.ErrorMessage ?? entry.ErrorType);
        if (entry.PolicyEvaluation is { } policy)
        {
            Add("Policy", policy.Allowed ? "allowed" : policy.Enforced ? "denied" : "would have been denied, only observed");
            Add("Organization", LayerOf(policy.Org));
            Add("Person", LayerOf(policy.User));
            Add("Application", LayerOf(policy.Application));
        }
        Add("Agent", PartyOf(entry.Agent));
        Add("Acted for", entry.Act is { Count: > 0 } chain ? string.Join(", ", chain) : null);
        Add("Actor", PartyOf(entry.Actor));
        Add("Scopes", entry.Scopes is { Count: > 0 } scopes ? string.Join(' ', scopes) : null);
        Add("Expires in", entry.ExpiresIn);
        Add("Took", entry.DurationMs is { } duration ? duration.ToString("0.#", CultureInfo.InvariantCulture) + " ms" : null);
        Add("Bytes", entry.BytesIn is null && entry.BytesOut is null ? null : string.Create(CultureInfo.InvariantCulture, $"{entry.BytesIn ?? 0} in, {entry.BytesOut ?? 0} out"));
        Add("Session", entry.SessionId);
        Add("Entry", entry.Id);
        Add("Hash", entry.Hash);
        return parts;
    }

    private static string? PartyOf(AuditPartyBody? party) => party is null ? null : party.Name is null ? party.Id : $"{party.Name} ({party.Id})";

    private static string? LayerOf(RecordedLayerBody? layer) => layer is null ? null : $"{layer.Effect}: {layer.Reason}{(layer.Rule is null ? "" : $" (rule {layer.Rule})")}";
}

using Kontext.Functions.Admin.Parts;
using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Policy;

/// <summary>A decision that would come out otherwise, as people read it.</summary>
/// <param name="At">When it was made.</param>
/// <param name="Agent">Who asked.</param>
/// <param name="Person">For whom.</param>
/// <param name="What">What for.</param>
/// <param name="Before">What was decided.</param>
/// <param name="After">What would be.</param>
/// <param name="Why">The layer that would decide, and its reason.</param>
public sealed record ReplayLine(DateTimeOffset At, string Agent, string Person, string What, bool? Before, bool? After, string Why)
{
    /// <summary>The decisions of a page of a replay.</summary>
    internal static IReadOnlyList<ReplayLine> Of(PolicyReplayBody replay) => [.. replay.Items.Select(item => new ReplayLine(
        Wired.Moment(item.Timestamp), item.Agent?.Name ?? item.Agent?.Id ?? "–", item.User?.Name ?? item.User?.Id ?? "–", item.Capability ?? item.Integration?.Name ?? "–",
        item.Before.Allowed, item.After?.Allowed, WhyOf(item.After?.Layers)))];

    /// <summary>How many decisions came out how.</summary>
    internal static IReadOnlyList<(string Name, int Count)> CountsOf(PolicyReplayBody replay) =>
        [("examined", replay.Counts.Examined), ("come out the same", replay.Counts.Unchanged), ("come out otherwise", replay.Counts.Changed), ("cannot be said", replay.Counts.Undecidable)];

    private static string WhyOf(PolicyLayersBody? layers)
    {
        if (layers is null)
            return "Not known: the call's arguments are not kept.";
        foreach (var (name, layer) in ((string, PolicyLayerBody)[])[("Organization", layers.Org), ("Person", layers.User), ("Application", layers.Application)])
        {
            if (layer.Effect != "allow")
                return $"{name}: {layer.Reason}";
        }
        return "Every layer allows.";
    }
}

using System.Text.Json;
using System.Text.Json.Serialization;
using Kontext.Domain.Policies;

namespace Kontext.Functions.Api;

/// <summary>What is asked: may this agent do this, for this person?</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record PolicyCheckInput
{
    public string? ApplicationId { get; init; }

    /// <summary>For whom, or <c>me</c>; left out: the application acts for itself.</summary>
    public string? UserId { get; init; }

    /// <summary>The session whose approval counts; left out: everything the person approved and has not taken back.</summary>
    public string? SessionId { get; init; }

    public string? IntegrationId { get; init; }

    /// <summary>The integration's name, instead of its id.</summary>
    public string? Integration { get; init; }

    public string? ToolName { get; init; }

    /// <summary>Left out: what a call with these arguments would be taken to act on.</summary>
    public string? Target { get; init; }

    public JsonElement? Arguments { get; init; }

    /// <summary><c>operation</c> or <c>credential</c>; left out: an operation when there is a tool.</summary>
    public string? Access { get; init; }
}

/// <summary>What one layer says.</summary>
/// <param name="Effect"><c>allow</c>, <c>ask</c>, <c>deny</c>, or <c>undecidable</c> where it depends on something that is not known.</param>
/// <param name="Rule">The rule that decided; null when none did.</param>
/// <param name="Reason">Why, for people.</param>
internal sealed record PolicyLayerBody(string Effect, string? Rule, string Reason)
{
    public static PolicyLayerBody Of(LayerDecision decision) => new(PolicyWords.Effect(decision.Effect), decision.Rule?.ToString(), decision.Reason);

    public static PolicyLayerBody Of(ReplayedLayer layer) => layer.Certain ? Of(layer.Decision) : new PolicyLayerBody("undecidable", null, "depends on the call's target or arguments");
}

/// <summary>What each layer says.</summary>
internal sealed record PolicyLayersBody(PolicyLayerBody Org, PolicyLayerBody User, PolicyLayerBody Application)
{
    public static PolicyLayersBody Of(IReadOnlyList<LayerDecision> layers) => new(PolicyLayerBody.Of(layers[0]), PolicyLayerBody.Of(layers[1]), PolicyLayerBody.Of(layers[2]));

    public static PolicyLayersBody Of(IReadOnlyList<ReplayedLayer> layers) => new(PolicyLayerBody.Of(layers[0]), PolicyLayerBody.Of(layers[1]), PolicyLayerBody.Of(layers[2]));
}

/// <summary>The decision that a call would meet now.</summary>
/// <param name="Allowed">Every layer allows.</param>
/// <param name="Enforced">False in observe mode: a denial would only be recorded.</param>
/// <param name="Passes">The call would go on as far as policy is concerned.</param>
/// <param name="HeldBack">The tool changed and waits for somebody to accept the change: it cannot be called whatever the rules say.</param>
/// <param name="Access"><c>operation</c> or <c>credential</c>.</param>
/// <param name="IntegrationId">The integration.</param>
/// <param name="Integration">Its name.</param>
/// <param name="ToolName">The tool; null for the credential.</param>
/// <param name="Target">What the call acts on; null when unknown.</param>
/// <param name="Layers">Why.</param>
internal sealed record PolicyCheckBody(
    bool Allowed, bool Enforced, bool Passes, bool HeldBack, string Access, string IntegrationId, string Integration, string? ToolName, string? Target, PolicyLayersBody Layers);

/// <summary>What an agent may do for a person, page by page over the organization's integrations.</summary>
internal sealed record PolicyAccessBody(string ApplicationId, string? UserId, bool Enforced, IReadOnlyList<IntegrationAccessBody> Items, string? NextCursor);

/// <summary>What it may do on one integration.</summary>
/// <param name="IntegrationId">The integration.</param>
/// <param name="Integration">Its name.</param>
/// <param name="Attached">It is attached to the application.</param>
/// <param name="Consented">The person approved it for the agent.</param>
/// <param name="Credential">Its raw credential.</param>
/// <param name="Capabilities">Its tools, as far as they are known.</param>
internal sealed record IntegrationAccessBody(string IntegrationId, string Integration, bool Attached, bool Consented, CapabilityAccessBody Credential, IReadOnlyList<CapabilityAccessBody> Capabilities);

/// <summary>One thing an agent may do or not.</summary>
/// <param name="ToolName">The tool; null for the credential.</param>
/// <param name="Effect"><c>allow</c>, <c>ask</c> (the person approves first), <c>deny</c>, or <c>conditional</c> when a rule looks at the call's target or arguments.</param>
/// <param name="HeldBack">The tool changed and waits for acceptance.</param>
/// <param name="DeniedBy">The first layer that denies or asks; null when none does for certain.</param>
/// <param name="Rule">The rule of that layer; null when it was not a rule.</param>
/// <param name="Reason">Why not, or what it depends on; null when it is allowed.</param>
internal sealed record CapabilityAccessBody(string? ToolName, string Effect, bool HeldBack, string? DeniedBy, string? Rule, string? Reason)
{
    public static CapabilityAccessBody Of(string? toolName, ReplayedDecision foreseen, bool heldBack)
    {
        if (foreseen.Effect is PolicyEffect.Allow)
            return new CapabilityAccessBody(toolName, "allow", heldBack, null, null, null);
        if (foreseen.Effect is not { } effect)
            return new CapabilityAccessBody(toolName, "conditional", heldBack, null, null, "depends on the call's target or arguments");
        var denial = foreseen.Layers.First(layer => layer.Certain && layer.Decision.Effect == effect).Decision;
        return new CapabilityAccessBody(toolName, PolicyWords.Effect(effect), heldBack, PolicyWords.Layer(denial.Layer), denial.Rule?.ToString(), denial.Reason);
    }
}

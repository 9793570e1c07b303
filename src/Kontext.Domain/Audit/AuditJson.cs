using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Kontext.Domain.Policies;

namespace Kontext.Domain.Audit;

/// <summary>How audit events and checkpoints are stored. The text is plain ASCII, so it can be cut anywhere and its bytes are the same in every encoding.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AuditEvent))]
[JsonSerializable(typeof(AuditCheckpointBody))]
internal sealed partial class AuditJson : JsonSerializerContext;

/// <summary>A decision as <c>policyEvaluation</c>: per layer <c>allow</c>, <c>deny</c> or <c>ask</c>, the rule that decided and why (contract 1.14).</summary>
internal sealed class PolicyEvaluationJson : JsonConverter<PolicyDecision>
{
    private static readonly ImmutableArray<(PolicyLayer Layer, string Name)> Layers =
        [(PolicyLayer.Organization, "org"), (PolicyLayer.User, "user"), (PolicyLayer.Application, "application")];

    public override void Write(Utf8JsonWriter writer, PolicyDecision value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        writer.WriteBoolean("allowed", value.Allowed);
        writer.WriteBoolean("enforced", value.Enforced);
        foreach (var (layer, name) in Layers)
        {
            if (value.Layers.FirstOrDefault(decided => decided.Layer == layer) is not { } decision)
                continue;
            writer.WriteStartObject(name);
            writer.WriteString("effect", decision.Allowed ? "allow" : decision.Asks ? "ask" : "deny");
            if (decision.Rule is { } rule)
                writer.WriteString("rule", rule.Value);
            writer.WriteString("reason", decision.Reason);
            writer.WriteEndObject();
        }
        if (value.Facts is { } facts)
            PolicyFactsJson.Write(writer, facts);
        writer.WriteEndObject();
    }

    public override PolicyDecision Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using var document = JsonDocument.ParseValue(ref reader);
        var evaluation = document.RootElement;
        var layers = ImmutableArray.CreateBuilder<LayerDecision>();
        foreach (var (layer, name) in Layers)
        {
            if (!evaluation.TryGetProperty(name, out var decision))
                continue;
            RuleId? rule = decision.TryGetProperty("rule", out var id) ? new RuleId(id.GetGuid()) : null;
            var effect = decision.GetProperty("effect").GetString();
            layers.Add(new LayerDecision(layer, effect == "allow", rule, decision.GetProperty("reason").GetString() ?? "") { Asks = effect == "ask" });
        }
        return new PolicyDecision(evaluation.GetProperty("allowed").GetBoolean(), evaluation.GetProperty("enforced").GetBoolean(), layers.ToImmutable())
        {
            Facts = PolicyFactsJson.Read(evaluation),
        };
    }
}

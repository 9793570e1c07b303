using System.Text.Json;
using System.Text.Json.Serialization;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;

namespace Kontext.Functions.Api;

/// <summary>A pinned tool on the wire. Fingerprints are SHA-256 over the definition; definitions longer than 64 KiB are not kept.</summary>
/// <param name="Name">The server's name for it.</param>
/// <param name="Status"><c>pinned</c>, <c>changed</c>, or <c>quarantined</c> where changed tools are held back.</param>
/// <param name="Fingerprint">Of the accepted definition.</param>
/// <param name="Definition">The accepted definition.</param>
/// <param name="FirstSeenAt">When it was first seen.</param>
/// <param name="AcceptedBy">Who accepted it; absent while it is the first one.</param>
/// <param name="Change">What the server says now; absent when that is accepted.</param>
internal sealed record PinnedToolBody(string Name, string Status, string Fingerprint, JsonElement? Definition, string FirstSeenAt, string? AcceptedBy, ToolChangeBody? Change);

/// <summary>A change that awaits a decision.</summary>
/// <param name="Fingerprint">Of the changed definition; sent back to accept it.</param>
/// <param name="Definition">The changed definition.</param>
/// <param name="SeenAt">When it was first seen.</param>
/// <param name="Differences">Where the two differ.</param>
internal sealed record ToolChangeBody(string Fingerprint, JsonElement? Definition, string? SeenAt, IReadOnlyList<ToolDifferenceBody> Differences);

/// <summary>One difference.</summary>
/// <param name="Path">JSON Pointer (RFC 6901) of the place.</param>
/// <param name="Before">What was there; absent for nothing.</param>
/// <param name="After">What is there now; absent for nothing.</param>
internal sealed record ToolDifferenceBody(string Path, JsonElement? Before, JsonElement? After);

/// <summary>The tools of an integration.</summary>
internal sealed record PinnedToolListBody(IReadOnlyList<PinnedToolBody> Items);

/// <summary>One tool.</summary>
internal sealed record PinnedToolEnvelope(PinnedToolBody Tool);

/// <summary>Accepts a change.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record ToolAcceptance(string? Name, string? Fingerprint);

/// <summary>Tools as they were pinned when first seen, their changes, and the acceptance of changes: <c>/integrations/{id}/tools</c>.</summary>
internal sealed class IntegrationToolsApi(IIntegrationStore integrations, IToolPinStore pins, ToolPinning pinning)
{
    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/integrations/{id}/tools");
        group.MapGet("", (IntegrationId id, HttpContext context, IntegrationToolsApi self) => self.ListAsync(context, id));
        group.MapPost("/accept", (IntegrationId id, HttpContext context, IntegrationToolsApi self) => self.AcceptAsync(context, id));
    }

    private async Task<IResult> ListAsync(HttpContext context, IntegrationId id)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (await integrations.CurrentAsync(caller.Org, id, context.RequestAborted) is not { Archived: false } integration)
            return ApiErrors.Of(context, Api.NotFound("integration"));
        var found = await pins.ListAsync(caller.Org, id, context.RequestAborted);
        return Api.Ok(new PinnedToolListBody([.. found.Select(pin => BodyOf(integration, pin.Value)).OrderBy(tool => tool.Name, StringComparer.Ordinal)]), ApiJson.Default.PinnedToolListBody);
    }

    private async Task<IResult> AcceptAsync(HttpContext context, IntegrationId id)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!(await Api.ReadAsync(context, ApiJson.Default.ToolAcceptance)).TryGet(out var sent, out var failure))
            return ApiErrors.Of(context, failure);
        if (sent.Name is not { Length: > 0 } name || sent.Fingerprint is not { Length: > 0 } fingerprint)
            return ApiErrors.Of(context, Api.Invalid(new Dictionary<string, string> { [sent.Name is { Length: > 0 } ? "fingerprint" : "name"] = "Is required: name the tool and the fingerprint of the change you accept." }));
        if (await integrations.CurrentAsync(caller.Org, id, context.RequestAborted) is not { Archived: false } integration)
            return ApiErrors.Of(context, Api.NotFound("integration"));
        return (await pinning.AcceptAsync(caller.Org, integration, name, fingerprint, caller.Actor, context.RequestAborted)).TryGet(out var pin, out failure)
            ? Api.Ok(new PinnedToolEnvelope(BodyOf(integration, pin)), ApiJson.Default.PinnedToolEnvelope)
            : ApiErrors.Of(context, failure);
    }

    private static PinnedToolBody BodyOf(Integration integration, ToolPin pin)
    {
        var (before, after) = (Parse(pin.Definition), Parse(pin.ChangedDefinition));
        return new PinnedToolBody(
            pin.Name,
            !pin.IsChanged ? "pinned" : integration.QuarantineChangedTools ? "quarantined" : "changed",
            pin.Accepted[^1],
            before,
            Wire.Time(pin.FirstSeenAt),
            pin.AcceptedBy,
            pin.ChangedTo is null ? null : new ToolChangeBody(pin.ChangedTo, after, Wire.Time(pin.ChangedAt), before is { } old && after is { } now ? [.. Differences("", old, now)] : []));
    }

    private static JsonElement? Parse(string? definition)
    {
        if (definition is null)
            return null;
        using var document = JsonDocument.Parse(definition);
        return document.RootElement.Clone();
    }

    private static IEnumerable<ToolDifferenceBody> Differences(string path, JsonElement before, JsonElement after)
    {
        if (JsonElement.DeepEquals(before, after))
            return [];
        if (before.ValueKind != JsonValueKind.Object || after.ValueKind != JsonValueKind.Object)
            return [new ToolDifferenceBody(path, before, after)];
        return before.EnumerateObject().Select(member => member.Name).Union(after.EnumerateObject().Select(member => member.Name)).SelectMany(name =>
        {
            var place = $"{path}/{name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";
            var was = before.TryGetProperty(name, out var old);
            var isThere = after.TryGetProperty(name, out var now);
            return was && isThere ? Differences(place, old, now) : [new ToolDifferenceBody(place, was ? old : null, isThere ? now : null)];
        });
    }
}

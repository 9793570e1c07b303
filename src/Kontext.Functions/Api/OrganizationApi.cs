using System.Text.Json.Serialization;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Api;

/// <summary>The organization on the wire.</summary>
internal sealed record OrganizationBody(string Id, string Slug, string Name, bool DynamicRegistration, bool PolicyEnabled, string CreatedAt);

/// <summary>One organization.</summary>
internal sealed record OrganizationEnvelope(OrganizationBody Organization);

/// <summary>Changes of it. Policy has its own settings.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record OrganizationChange(string? Name, bool? DynamicRegistration);

/// <summary>The caller's organization and its settings: <c>/organization</c>.</summary>
internal sealed class OrganizationApi(IOrganizationStore organizations)
{
    private const int MaxName = 200;

    public static void Map(RouteGroupBuilder api)
    {
        api.MapGet("/organization", (HttpContext context, OrganizationApi self) => self.ReadAsync(context));
        api.MapPatch("/organization", (HttpContext context, OrganizationApi self) => self.ChangeAsync(context));
    }

    private async Task<IResult> ReadAsync(HttpContext context) =>
        await organizations.CurrentAsync(ApiCaller.Of(context).Org, context.RequestAborted) is { } organization
            ? Answer(organization)
            : ApiErrors.Of(context, Api.NotFound("organization"));

    private async Task<IResult> ChangeAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refusal)
            return ApiErrors.Of(context, refusal);
        if (!(await Api.ReadAsync(context, ApiJson.Default.OrganizationChange)).TryGet(out var change, out var failure))
            return ApiErrors.Of(context, failure);
        if (change.Name is { } name && (string.IsNullOrWhiteSpace(name) || name.Length > MaxName || !PrintableText.IsPrintable(name)))
            return ApiErrors.Of(context, Api.Invalid(new Dictionary<string, string> { ["name"] = $"Has to have 1 to {MaxName} characters. {PrintableText.Rule}" }));
        while (await organizations.FindAsync(caller.Org, context.RequestAborted) is { } current)
        {
            var next = current.Value with { Name = change.Name?.Trim() ?? current.Value.Name, DynamicRegistration = change.DynamicRegistration ?? current.Value.DynamicRegistration };
            if (await Api.ChangeAsync(context, caller, "organization.changed", new AuditParty(next.Id.ToString(), next.Name), $"dynamicRegistration={(next.DynamicRegistration ? "true" : "false")}",
                    () => organizations.ReplaceAsync(current, next, context.RequestAborted)) is not null)
                return Answer(next);
        }
        return ApiErrors.Of(context, Api.NotFound("organization"));
    }

    private static IResult Answer(Organization organization) => Api.Ok(new OrganizationEnvelope(new OrganizationBody(
        organization.Id.ToString(), organization.Slug, organization.Name, organization.DynamicRegistration, organization.PolicyEnabled, Wire.Time(organization.CreatedAt))), ApiJson.Default.OrganizationEnvelope);
}

using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Connect;

/// <summary>Leads a provider's answer on to the page that finishes it, where the person began on the page of their own integrations (seed 004). All answers come to one address first: providers know no other.</summary>
internal sealed class PersonalCallback(IConnectStateStore states, IIntegrationStore integrations, KontextSettings settings)
{
    /// <summary>Address of that page with the answer; null for an authorization that began elsewhere, or is not known.</summary>
    public async ValueTask<string?> AddressAsync(HttpContext context)
    {
        var state = context.Request.Query["state"].ToString();
        return OrgHandle.TryRead(state, OrgHandle.ConnectState, out var org)
            && await states.FindAsync(org, RandomValue.HashOf(state), context.RequestAborted) is { Value: { ReturnUrl: { } from } started } && from == settings.Issuer + "/integrations"
            && await integrations.CurrentAsync(org, started.Integration, context.RequestAborted) is { } integration
            ? $"/integrations/{Uri.EscapeDataString(integration.Name)}/callback{context.Request.QueryString}"
            : null;
    }
}

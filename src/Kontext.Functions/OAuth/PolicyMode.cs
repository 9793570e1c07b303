using Kontext.Domain;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.OAuth;

/// <summary>Says on answers that an organization only observes its rules, so that nobody takes what passed for what is allowed.</summary>
internal sealed class PolicyMode(IOrganizationStore organizations)
{
    /// <summary>The header; its value is <c>observe</c>, and it is absent while rules are enforced.</summary>
    public const string Header = "X-Kontext-Policy";

    /// <summary>Marks the answer, if the organization observes.</summary>
    public async ValueTask SayAsync(HttpContext context, OrgId org)
    {
        if (await organizations.CurrentAsync(org, context.RequestAborted) is { PolicyEnabled: false })
            context.Response.Headers[Header] = "observe";
    }
}

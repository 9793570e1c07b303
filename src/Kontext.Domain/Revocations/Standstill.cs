using Kontext.Domain.Tenancy;

namespace Kontext.Domain.Revocations;

/// <summary>What follows for tokens when a whole organization is cut off: no agent gets or uses one until it is reinstated. The program people manage it with and service accounts do,
/// or nobody could reinstate it; the credentials behind integrations are closed to them as well.</summary>
public sealed class Standstill(IOrganizationStore organizations)
{
    // Not one of the errors after which clients throw away what they hold: reinstated, they go on with it.
    private static readonly Failure Refusal = new(
        FailureCode.Forbidden, "The organization of this application was cut off by an administrator: no agent gets a token until it is reinstated. What the agent holds is good again then.");

    /// <summary>Why the application gets no token now; null when nothing is in the way.</summary>
    public async ValueTask<Failure?> RefusalAsync(OrgId org, Application application, CancellationToken cancellationToken) =>
        application.Registration != Registration.BuiltIn && await organizations.CurrentAsync(org, cancellationToken) is { Suspended: true } ? Refusal : null;
}

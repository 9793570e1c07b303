using Kontext.Domain.Integrations;

namespace Kontext.Domain.Vault;

/// <summary>Refreshes a connection's credential so that a grant is never lost (architecture section 5).</summary>
public sealed class CredentialRefresh
{
    /// <summary>Refreshes, or waits for whoever is doing so, and gives the result.</summary>
    public Task<Result<OpenedCredential>> RunAsync(OrgId org, Integration integration, Connection connection, Secret? rejected, CancellationToken cancellationToken)
    {
        throw new NotSupportedException();
    }
}

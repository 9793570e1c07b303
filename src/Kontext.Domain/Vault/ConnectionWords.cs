using Kontext.Domain.Integrations;

namespace Kontext.Domain.Vault;

/// <summary>What callers are told about connections that do not work.</summary>
internal static class ConnectionWords
{
    /// <summary>The person has to act.</summary>
    public static Failure NotConnected(Integration integration, string reason) =>
        new(FailureCode.NotConnected, $"{integration.Name} is not connected: {reason}. The person has to connect it again.")
        {
            Integration = new FailedIntegration(integration.Id, integration.Name, "disconnected_or_reauth_required"),
        };

    /// <summary>The person has to act; the state says why.</summary>
    public static Failure NotConnected(Integration integration, ConnectionState state) => state.ReasonForAgents is { } reason
        ? NotConnected(integration, reason)
        : new(FailureCode.NotConnected, $"{integration.Name} is not connected. The person has to connect it first.")
        {
            Integration = new FailedIntegration(integration.Id, integration.Name, "disconnected_or_reauth_required"),
        };

    /// <summary>Trying again helps.</summary>
    public static Failure Later(Integration integration, string? reason, TimeSpan wait) =>
        new(FailureCode.Unavailable, $"The credential of {integration.Name} cannot be renewed right now: {(reason ?? "its provider does not answer").TrimEnd('.')}. Try again shortly.")
        {
            RetryAfter = wait > TimeSpan.FromSeconds(1) ? wait : TimeSpan.FromSeconds(1),
            Integration = new FailedIntegration(integration.Id, integration.Name, "transient_exchange_error"),
        };
}

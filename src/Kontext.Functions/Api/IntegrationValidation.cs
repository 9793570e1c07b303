using System.Collections.Immutable;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Api;

/// <summary>What validation found: whether the integration answers as it should, the tools it listed, and what its OAuth settings come down to.</summary>
internal sealed record ValidationOutcome(bool Valid, string Message, ImmutableArray<string> Tools)
{
    public ResolvedEndpoints? OAuth { get; init; }
}

/// <summary>Tests that an integration is reachable, speaks MCP and lists its tools, and that its OAuth settings are complete (contract 2.4).
/// Where each person has a credential of their own, the administrator's is used; without one, being asked for a credential counts as an answer.</summary>
internal sealed class IntegrationValidation(McpToolNames tools, ProviderDirectory providers, ConnectionValidation connections, ConnectionSources sources, ICredentialVault vault)
{
    public async Task<ValidationOutcome> RunAsync(OrgId org, UserId? administrator, Integration integration, CancellationToken cancellationToken)
    {
        if (await sources.OfAsync(org, integration, cancellationToken) is not { } source)
            return new ValidationOutcome(false, "The integration whose connections it used is of another provider now. Set connectionOf anew, or leave it empty.", []);
        ResolvedEndpoints? oauth = null;
        if (integration.AuthMode == AuthMode.Oauth)
        {
            if (!(await providers.ResolveAsync(org, source, cancellationToken)).TryGet(out var app, out var incomplete))
                return new ValidationOutcome(false, incomplete.Message, []);
            oauth = new ResolvedEndpoints
            {
                Issuer = app.Issuer,
                AuthorizationEndpoint = app.AuthorizationEndpoint.AbsoluteUri,
                TokenEndpoint = app.TokenEndpoint.AbsoluteUri,
                RevocationEndpoint = app.RevocationEndpoint?.AbsoluteUri,
                Scopes = app.Scopes,
            };
        }
        if (integration.Category == IntegrationCategory.InternalMcpCredentials)
            return new ValidationOutcome(true, integration.Proxy is null ? "Credentials only: Kontext never calls it." : "No MCP server: agents reach its API through the proxy.", []) { OAuth = oauth };

        var credential = integration switch
        {
            { AuthMode: AuthMode.ServerToken, ServerTokenVersion: { } version } => await vault.GetAsync(org, CredentialName.ServerToken(integration.Id), version, cancellationToken),
            { NeedsConnection: true } when administrator is { } person => await connections.CredentialAsync(org, person, source, cancellationToken),
            _ => null,
        };
        var outcome = (await tools.ListAsync(integration, credential, cancellationToken)).TryGet(out var names, out var failure)
            ? new ValidationOutcome(true, $"It answers, speaks MCP and offers {names.Length} tools.", names)
            : Unanswered(integration, credential, failure);
        return outcome with { OAuth = oauth };
    }

    private static ValidationOutcome Unanswered(Integration integration, Secret? credential, Failure failure) => failure.Code switch
    {
        FailureCode.InvalidToken when integration.NeedsConnection && credential is null => new ValidationOutcome(true, "It answers and asks for a credential. Connect it yourself and validate again to have its tools listed.", []),
        FailureCode.InvalidToken when integration.NeedsConnection => new ValidationOutcome(true, "It answers, but refused your own credential. Validate your connection, or connect again.", []),
        FailureCode.InvalidToken when integration.AuthMode == AuthMode.ServerToken => new ValidationOutcome(false, "It refused the shared server token. Set serverToken anew.", []),
        FailureCode.InvalidToken => new ValidationOutcome(false, "It asks for a credential, but the authentication mode is none.", []),
        _ => new ValidationOutcome(false, failure.Message, []),
    };
}

using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Api;

/// <summary>Takes what a person provides through an API: one token, or the fields that the integration's credentialSchema names.</summary>
internal sealed class ProvidedCredentials(ProvidedTokens tokens)
{
    /// <summary>Checks it at the service and stores it.</summary>
    public async Task<Result<Connection>> SaveAsync(OrgId org, User user, Integration integration, NewConnection input, CancellationToken cancellationToken)
    {
        if (integration.AuthMode != AuthMode.UserToken)
            return new Failure(FailureCode.InvalidRequest, $"{integration.Name} is not connected by providing a token.");
        if (integration.CredentialSchema.IsEmpty)
            return input.Token is { } token
                ? await tokens.SaveAsync(org, user, integration, new Secret(token), cancellationToken)
                : Api.Invalid(new Dictionary<string, string> { ["token"] = "Is required." });
        if (input.Credentials is not { } fields)
            return Api.Invalid(new Dictionary<string, string> { ["credentials"] = $"Is required, with the fields {string.Join(", ", integration.CredentialSchema.Keys.Order(StringComparer.Ordinal))}." });
        var secrets = fields.ToDictionary(field => field.Key, field => new Secret(field.Value ?? ""), StringComparer.Ordinal);
        return await tokens.SaveFieldsAsync(org, user, integration, secrets, cancellationToken);
    }
}

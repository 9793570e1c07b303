using System.Text.Json;
using Kontext.Domain.Integrations;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.Vault;

/// <summary>Takes tokens and keys that people provide themselves (contract 5.2).</summary>
public sealed class ProvidedTokens(ConnectionWriter writer)
{
    /// <summary>The longest token or field value.</summary>
    public const int MaxLength = 8192;

    /// <summary>Stores a person's token for an integration of the mode <c>user_token</c>.</summary>
    public async Task<Result<Connection>> SaveAsync(OrgId org, User user, Integration integration, Secret token, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (integration.AuthMode != AuthMode.UserToken)
            return new Failure(FailureCode.InvalidRequest, $"{integration.Name} takes no token from people.");
        var text = token.Reveal().Trim();
        if (text.Length is 0 or > MaxLength)
            return new Failure(FailureCode.InvalidRequest, $"The token has to have 1 to {MaxLength} characters.");
        // It travels in a header: whatever is not visible ASCII was pasted by mistake, or is meant to do harm.
        if (text.Any(character => character is < '!' or > '~'))
            return new Failure(FailureCode.InvalidRequest, "The token contains a space or a character that tokens do not have. Copy it again.");
        return await writer.SaveProvidedAsync(org, user, integration, new Secret(text));
    }

    /// <summary>Stores the fields that an integration's <c>credentialSchema</c> asks for, as one JSON object.</summary>
    public async Task<Result<Connection>> SaveFieldsAsync(
        OrgId org, User user, Integration integration, IReadOnlyDictionary<string, Secret> fields, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (integration.AuthMode != AuthMode.UserToken || integration.CredentialSchema.IsEmpty)
            return new Failure(FailureCode.InvalidRequest, $"{integration.Name} has no credential fields.");
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in integration.CredentialSchema.Keys.Order(StringComparer.Ordinal))
        {
            var text = fields.TryGetValue(name, out var value) ? value.Reveal().Trim() : "";
            if (text.Length is 0 or > MaxLength)
                return new Failure(FailureCode.InvalidRequest, $"{name} has to have 1 to {MaxLength} characters.");
            values[name] = text;
        }
        var json = JsonSerializer.Serialize(values, StoredGrantJson.Default.DictionaryStringString);
        return await writer.SaveProvidedAsync(org, user, integration, new Secret(json));
    }
}

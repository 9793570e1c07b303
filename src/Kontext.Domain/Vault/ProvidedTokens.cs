using System.Text.Json;
using Kontext.Domain.Integrations;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.Vault;

/// <summary>Takes tokens and keys that people provide themselves (contract 5.2).</summary>
public sealed class ProvidedTokens(ConnectionWriter writer, CredentialCheck check)
{
    /// <summary>The longest token or field value.</summary>
    public const int MaxLength = 8192;

    /// <summary>What a failure calls the token, among the fields that are wrong.</summary>
    public const string TokenField = "token";

    /// <summary>Stores a person's token for an integration of the mode <c>user_token</c>, unless the service refuses it. When the service does not answer the token is stored all the same,
    /// of unknown validity: the person has it at hand now, and the connection says so.</summary>
    public async Task<Result<Connection>> SaveAsync(OrgId org, User user, Integration integration, Secret token, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (integration.AuthMode != AuthMode.UserToken)
            return new Failure(FailureCode.InvalidRequest, $"{integration.Name} takes no token from people.");
        var text = token.Reveal().Trim();
        if (text.Length is 0 or > MaxLength)
            return Wrong($"The token has to have 1 to {MaxLength} characters.");
        // It travels in a header: whatever is not visible ASCII was pasted by mistake, or is meant to do harm.
        if (text.Any(character => character is < '!' or > '~'))
            return Wrong("The token contains a space or a character that tokens do not have. Copy it again.");
        var trimmed = new Secret(text);
        var verdict = await check.ProvidedAsync(integration, trimmed, cancellationToken);
        return verdict.Validity == Validity.Invalid
            ? Wrong($"{integration.Name} does not accept this token, so it was not stored. Check that it was copied whole, has not ended, and has the access it needs.")
            : await writer.SaveProvidedAsync(org, user, integration, trimmed, verdict);
    }

    /// <summary>Stores the fields that an integration's <c>credentialSchema</c> asks for, as one JSON object.</summary>
    public async Task<Result<Connection>> SaveFieldsAsync(
        OrgId org, User user, Integration integration, IReadOnlyDictionary<string, Secret> fields, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (integration.AuthMode != AuthMode.UserToken || integration.CredentialSchema.IsEmpty)
            return new Failure(FailureCode.InvalidRequest, $"{integration.Name} has no credential fields.");
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        var wrong = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in integration.CredentialSchema.Keys.Order(StringComparer.Ordinal))
        {
            var text = fields.TryGetValue(name, out var value) ? value.Reveal().Trim() : "";
            if (text.Length is 0 or > MaxLength)
                wrong[name] = $"Has to have 1 to {MaxLength} characters.";
            values[name] = text;
        }
        if (wrong.Count > 0)
            return new Failure(FailureCode.InvalidRequest, $"{string.Join(" and ", wrong.Keys)} has to have 1 to {MaxLength} characters.") { Fields = wrong };
        var json = JsonSerializer.Serialize(values, StoredGrantJson.Default.DictionaryStringString);
        var secret = new Secret(json);
        return await writer.SaveProvidedAsync(org, user, integration, secret, await check.ProvidedAsync(integration, secret, cancellationToken));
    }

    private static Failure Wrong(string why) => new(FailureCode.InvalidRequest, why) { Fields = new Dictionary<string, string> { [TokenField] = why } };
}

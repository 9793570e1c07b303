using System.Text;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Integrations;

namespace Kontext.Functions.Upstream;

/// <summary>A credential in the place where an integration expects it, for gateway and proxy alike.</summary>
internal sealed class InjectedCredential
{
    private static readonly CredentialInjection Bearer = new() { Kind = InjectionKind.Bearer };

    private InjectedCredential()
    {
    }

    /// <summary>None: the integration needs no credential.</summary>
    public static InjectedCredential None { get; } = new();

    /// <summary>The header it travels in; null when it travels elsewhere.</summary>
    public string? HeaderName { get; private init; }

    /// <summary>The query parameter it travels in; null when it travels elsewhere.</summary>
    public string? ParameterName { get; private init; }

    /// <summary>What must not come back: the credential, and what it was put together with.</summary>
    public IReadOnlyList<string> Secrets { get; private init; } = [];

    private string Value { get; init; } = "";

    /// <summary>Puts the credential into the form the integration's settings ask for; a failure when it does not fit into it.</summary>
    public static Result<InjectedCredential> Of(Integration integration, Secret? credential)
    {
        if (credential is null)
            return None;
        var settings = integration.Injection ?? Bearer;
        if (!TryFields(integration, settings, credential, out var secret, out var username))
            return new Failure(FailureCode.Misconfigured, $"The credential of {integration.Name} lacks the field that is to be sent. An administrator has to correct the integration's credentialInjection, or the person has to connect it again.");
        var pair = username is not null ? $"{username}:{secret}" : secret.Contains(':', StringComparison.Ordinal) ? secret : secret + ":";
        var (header, value) = settings.Kind switch
        {
            InjectionKind.Bearer => ("Authorization", "Bearer " + secret),
            InjectionKind.Header => (settings.Name, settings.Prefix + secret),
            InjectionKind.Basic => ("Authorization", "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(pair))),
            InjectionKind.Query => (null, Uri.EscapeDataString(secret)),
        };
        // Checked here, because the exceptions further down would quote the value.
        if (settings.Kind != InjectionKind.Basic && !secret.All(character => character is >= '!' and <= '~'))
            return new Failure(FailureCode.Misconfigured, $"The credential of {integration.Name} has characters that cannot be sent. It has to be provided again.");
        return new InjectedCredential
        {
            HeaderName = header,
            ParameterName = settings.Kind == InjectionKind.Query ? settings.Name : null,
            Value = value,
            Secrets = settings.Kind == InjectionKind.Basic ? [pair, secret, .. secret.Split(':')[1..]] : [secret],
        };
    }

    /// <summary>What blanks a credential out of its server's answers.</summary>
    public static CredentialScrub ScrubFor(Integration integration, Secret? credential) =>
        Of(integration, credential).TryGet(out var injected, out _) ? new CredentialScrub(injected.Secrets) : new CredentialScrub(credential);

    /// <summary>Sets the header, if that is where it goes.</summary>
    public void ApplyTo(HttpRequestMessage message)
    {
        if (HeaderName is null)
            return;
        message.Headers.Remove(HeaderName);
        message.Headers.TryAddWithoutValidation(HeaderName, Value);
    }

    /// <summary>A query with the parameter, if that is where it goes, in place of any of that name.</summary>
    /// <param name="query">With its question mark, or empty.</param>
    public string ApplyTo(string query)
    {
        if (ParameterName is null)
            return query;
        var others = Without(query, ParameterName);
        return $"{(others.Length == 0 ? "?" : others + "&")}{Uri.EscapeDataString(ParameterName)}={Value}";
    }

    /// <summary>A query without the credential's parameter: neither an agent's own nor one that comes back in a redirect.</summary>
    public string RemoveFrom(string query) => ParameterName is null ? query : Without(query, ParameterName);

    private static string Without(string query, string name)
    {
        var kept = query.TrimStart('?').Split('&').Where(pair => pair.Length > 0 && !Uri.UnescapeDataString(pair.Split('=')[0].Replace('+', ' ')).Equals(name, StringComparison.OrdinalIgnoreCase));
        var text = string.Join('&', kept);
        return text.Length == 0 ? "" : "?" + text;
    }

    private static bool TryFields(Integration integration, CredentialInjection settings, Secret credential, out string secret, out string? username)
    {
        (secret, username) = (credential.Reveal(), settings.Username);
        if (settings.Field is null)
            return true;
        try
        {
            using var fields = JsonDocument.Parse(secret);
            if (FieldOf(fields.RootElement, settings.Field) is not { } value)
                return false;
            secret = value;
            if (settings.UsernameField is { } name)
                username = FieldOf(fields.RootElement, name);
            return settings.UsernameField is null || username is not null;
        }
        catch (JsonException)
        {
            // A credential from before the integration had fields.
            return integration.CredentialSchema.IsEmpty;
        }
    }

    private static string? FieldOf(JsonElement fields, string name) =>
        fields.ValueKind == JsonValueKind.Object && fields.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}

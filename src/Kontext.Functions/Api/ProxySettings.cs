using System.Buffers;
using System.Text.Json.Serialization;
using Kontext.Domain.Integrations;
using Kontext.Functions.Upstream;

namespace Kontext.Functions.Api;

/// <summary>Where the REST proxy finds an integration's API, on the wire.</summary>
internal sealed record IntegrationProxyBody(string BaseUrl, IReadOnlyList<string> AllowedHosts);

/// <summary>How an integration's credential is put into requests, on the wire.</summary>
internal sealed record CredentialInjectionBody(string Type, string? Name, string? Prefix, string? Username, string? Field, string? UsernameField)
{
    public static CredentialInjectionBody Of(CredentialInjection? injection) => injection is null
        ? new("bearer", null, null, null, null, null)
        : new(IntegrationWords.Of(injection.Kind), injection.Name, injection.Prefix, injection.Username, injection.Field, injection.UsernameField);
}

/// <summary>The proxy's settings as sent; an empty base address takes the integration off the proxy.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record IntegrationProxyInput
{
    public string? BaseUrl { get; init; }

    public IReadOnlyList<string>? AllowedHosts { get; init; }
}

/// <summary>How a credential is put into requests, as sent; all of it at once.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record CredentialInjectionInput
{
    public string? Type { get; init; }

    public string? Name { get; init; }

    public string? Prefix { get; init; }

    public string? Username { get; init; }

    public string? Field { get; init; }

    public string? UsernameField { get; init; }
}

/// <summary>Checks and applies what an integration's fields say about the REST proxy and the injection of credentials.</summary>
internal static class ProxySettings
{
    private const int MaxHosts = 20;
    private const int MaxText = 256;
    private static readonly SearchValues<char> NotInHosts = SearchValues.Create("/?#@\\* ");

    /// <summary>What is wrong, field by field.</summary>
    public static void Check(Dictionary<string, string> errors, IntegrationInput input, Integration? current, bool allowHttp)
    {
        if (input.Proxy is { } proxy)
        {
            if (proxy.BaseUrl is null ? current?.Proxy is null : proxy.BaseUrl.Length > 0 && !RestAddress.IsBase(proxy.BaseUrl, allowHttp))
                errors["proxy.baseUrl"] = "Has to be an absolute https address without user name, query, fragment and dot segments; empty for no proxy.";
            if (proxy.AllowedHosts is { } hosts && (hosts.Count > MaxHosts || !hosts.All(IsHost)))
                errors["proxy.allowedHosts"] = $"At most {MaxHosts} host names, with a port where it is not the ordinary one, and nothing else.";
        }
        if (input.CredentialInjection is { } injection && Fault(injection, input.CredentialSchema?.Keys ?? current?.CredentialSchema.Keys ?? []) is { } fault)
            errors["credentialInjection"] = fault;
    }

    /// <summary>The integration with what was sent applied; it has been checked.</summary>
    public static Integration Apply(Integration integration, IntegrationInput input)
    {
        if (input.Proxy is { } proxy)
        {
            integration = integration with
            {
                Proxy = proxy.BaseUrl is { Length: 0 } ? null : new IntegrationProxy
                {
                    BaseUrl = (proxy.BaseUrl ?? integration.Proxy!.BaseUrl).TrimEnd('/'),
                    AllowedHosts = proxy.AllowedHosts is { } hosts ? [.. hosts.Select(host => host.ToLowerInvariant()).Distinct()] : integration.Proxy?.AllowedHosts ?? [],
                },
            };
        }
        return input.CredentialInjection is not { } injection ? integration : integration with
        {
            Injection = new CredentialInjection
            {
                Kind = IntegrationWords.Injection(injection.Type)!.Value,
                Name = injection.Name,
                Prefix = injection.Prefix,
                Username = injection.Username,
                Field = injection.Field,
                UsernameField = injection.UsernameField,
            },
        };
    }

    private static string? Fault(CredentialInjectionInput input, IEnumerable<string> fields)
    {
        if (IntegrationWords.Injection(input.Type) is not { } kind)
            return "The type has to be bearer, header, basic or query.";
        if ((kind is InjectionKind.Header or InjectionKind.Query) != (input.Name is not null))
            return "A name is for the types header and query, which need one.";
        if (kind == InjectionKind.Header && !RestHeaders.CanCarryCredential(input.Name!))
            return "The name is not that of a header credentials can be sent in.";
        if (kind == InjectionKind.Query && !(input.Name!.Length is > 0 and <= 64 && input.Name.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '.' or '_' or '~')))
            return "The name has to be 1 to 64 letters, digits and - . _ ~.";
        if (input.Prefix is not null && (kind != InjectionKind.Header || input.Prefix.Length > 32 || input.Prefix.Any(character => character is < ' ' or > '~')))
            return "A prefix is for the type header: at most 32 ASCII characters.";
        if (input.Username is not null && (kind != InjectionKind.Basic || input.UsernameField is not null || input.Username.Length is 0 or > MaxText || input.Username.Any(character => character == ':' || char.IsControl(character))))
            return "A username is for the type basic, without usernameField: at most 256 characters, no colon.";
        if (input.UsernameField is not null && (kind != InjectionKind.Basic || input.Field is null))
            return "A usernameField is for the type basic, beside field.";
        return new[] { input.Field, input.UsernameField }.Any(field => field is not null && !fields.Contains(field, StringComparer.Ordinal))
            ? "field and usernameField have to be fields of the credentialSchema."
            : null;
    }

    private static bool IsHost(string? host) =>
        host is { Length: > 0 and <= MaxText } && !host.AsSpan().ContainsAny(NotInHosts) && Uri.TryCreate($"https://{host}/", UriKind.Absolute, out var uri)
        && uri.UserInfo.Length == 0 && uri.Authority.Equals(host, StringComparison.OrdinalIgnoreCase);
}

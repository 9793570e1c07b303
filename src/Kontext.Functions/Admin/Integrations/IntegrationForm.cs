using System.Text.Json;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Integrations;

/// <summary>The fields of an integration as forms have them. They are named as the API names them in its errors.</summary>
internal static class IntegrationForm
{
    /// <summary>What the names of a provider's parameters begin with.</summary>
    public const string ParameterPrefix = "oauth.parameters.";

    /// <summary>How calls are authenticated at the service.</summary>
    public static readonly IReadOnlyList<(string Value, string Text)> AuthModes =
    [
        ("none", "Without a credential"), ("oauth", "Each person's account, by OAuth"), ("user_token", "A token from each person"), ("server_token", "One token for everybody"),
    ];

    /// <summary>How agents use it.</summary>
    public static readonly IReadOnlyList<(string Value, string Text)> Categories = [("gateway_remote_mcp", "MCP server, through the gateway"), ("internal_mcp_credentials", "Credentials only, called by agents")];

    /// <summary>What happens when a tool's description changes.</summary>
    public static readonly IReadOnlyList<(string Value, string Text)> ToolChanges = [("record", "Record the change and let the tool be used"), ("quarantine", "Hold the tool back until somebody accepts the change")];

    /// <summary>How a credential is put into requests.</summary>
    public static readonly IReadOnlyList<(string Value, string Text)> Injections =
    [
        ("bearer", "Authorization: Bearer …"), ("header", "A header of its own"), ("basic", "Basic authentication"), ("query", "A parameter of the address"),
    ];

    /// <summary>An integration as sent.</summary>
    public static Result<IntegrationInput> InputOf(OAuthParameters form, IFormCollection all, bool changed) => FieldsOf(form).TryGet(out var fields, out var failure) ? new IntegrationInput
    {
        Name = form["name"] ?? "",
        Url = form["url"] ?? "",
        Category = form["category"],
        AuthMode = form["authMode"],
        Oauth = changed || form["authMode"] != "oauth" ? null : OAuthOf(form, all),
        ServerToken = form["serverToken"],
        AttachByDefault = form["attachByDefault"] == "yes",
        ToolChanges = form["toolChanges"],
        TokenLabel = form["tokenLabel"] ?? (changed ? "" : null),
        TokenHelpUrl = form["tokenHelpUrl"] ?? (changed ? "" : null),
        TokenPlaceholder = form["tokenPlaceholder"] ?? (changed ? "" : null),
        CredentialSchema = changed || fields.Count > 0 ? fields : null,
        Capabilities = JsonElement.Parse(new JsonArray([.. Lines.Of(form["capabilities"]).Select(name => (JsonNode)name)]).ToJsonString()),
    } : failure;

    /// <summary>Where the REST proxy finds its API, and how the credential is put into requests, as sent.</summary>
    public static IntegrationInput ProxyOf(OAuthParameters form) => new()
    {
        Proxy = new IntegrationProxyInput { BaseUrl = form["proxy.baseUrl"] ?? "", AllowedHosts = Lines.Of(form["proxy.allowedHosts"]) },
        CredentialInjection = new CredentialInjectionInput
        {
            Type = form["credentialInjection"],
            Name = form["name"],
            Prefix = form["prefix"],
            Username = form["username"],
            Field = form["field"],
            UsernameField = form["usernameField"],
        },
    };

    // As people enter them: a name, and after a colon its kind.
    private static Result<Dictionary<string, string>> FieldsOf(OAuthParameters form)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in Lines.Of(form["credentialSchema"]))
        {
            var parts = line.Split(':', 2, StringSplitOptions.TrimEntries);
            if (parts[0].Length == 0 || !fields.TryAdd(parts[0], parts.Length < 2 ? "string" : parts[1]))
                return Api.Api.Invalid(new Dictionary<string, string> { ["credentialSchema"] = $"Each line is the name of a field, and each is there once: {line}" });
        }
        return fields;
    }

    /// <summary>Its OAuth settings as sent.</summary>
    public static IntegrationOAuthInput OAuthOf(OAuthParameters form, IFormCollection all) => new()
    {
        Provider = form["oauth.provider"],
        Issuer = form["oauth.issuer"],
        AuthorizationUrl = form["oauth.authorizationUrl"],
        TokenUrl = form["oauth.tokenUrl"],
        Parameters = ParametersOf(all),
        Scopes = [.. form.All("scope").Concat(Lines.Of(form["oauth.scopes"])).Distinct(StringComparer.Ordinal)],
        ClientId = form["oauth.clientId"],
        ClientSecret = form["oauth.clientSecret"],
    };

    private static Dictionary<string, string>? ParametersOf(IFormCollection all)
    {
        var given = all.Where(field => field.Key.StartsWith(ParameterPrefix, StringComparison.Ordinal) && field.Value.ToString().Trim().Length > 0)
            .ToDictionary(field => field.Key[ParameterPrefix.Length..], field => field.Value.ToString().Trim(), StringComparer.Ordinal);
        return given.Count == 0 ? null : given;
    }
}

using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.OAuth;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Api;

/// <summary>Checks and applies an integration's fields as sent to the API; secrets go to the vault, never into the row.</summary>
internal sealed class IntegrationSettings(ICredentialVault vault, ISealer sealer, ProviderCatalog catalog, IIntegrationStore integrations, ConnectionSources sources, KontextSettings settings, TimeProvider time)
{
    private static readonly SearchValues<char> NotInHandles = SearchValues.Create("/:?#\\%");
    private const int MaxTokenLength = 16 * 1024;
    private const int MaxLabel = 200;
    private const int MaxClientId = 2000;

    /// <summary>The integration with what was sent applied. A change of mode voids every connection (contract 1.6).</summary>
    public async Task<Result<Integration>> ApplyAsync(OrgId org, Integration? current, IntegrationInput input, CancellationToken cancellationToken)
    {
        var errors = new Dictionary<string, string>();
        var mode = input.AuthMode is null ? current?.AuthMode ?? AuthMode.None : IntegrationWords.Mode(input.AuthMode);
        var category = input.Category is null ? current?.Category ?? IntegrationCategory.GatewayRemoteMcp : IntegrationWords.Category(input.Category);
        if (mode is null)
            errors["authMode"] = "Has to be oauth, user_token, server_token or none.";
        if (category is null)
            errors["category"] = "Has to be gateway_remote_mcp or internal_mcp_credentials.";
        CheckName(errors, input.Name ?? current?.Name);
        CheckUrl(errors, "url", input.Url ?? current?.Url);
        if (input.TokenHelpUrl is { Length: > 0 })
            CheckUrl(errors, "tokenHelpUrl", input.TokenHelpUrl);
        if (mode == AuthMode.ServerToken && input.ServerToken is null && current?.ServerTokenVersion is null)
            errors["serverToken"] = "Is required for the authentication mode server_token.";
        if (input.ServerToken is { } serverToken && (serverToken.Trim().Length is 0 or > MaxTokenLength || serverToken.Any(char.IsControl)))
            errors["serverToken"] = "Has to be one line of at most 16 KiB.";
        foreach (var (field, text) in (ReadOnlySpan<(string, string?)>)[("tokenLabel", input.TokenLabel), ("tokenPlaceholder", input.TokenPlaceholder)])
        {
            if (text is not null && (text.Length > MaxLabel || !PrintableText.IsPrintable(text)))
                errors[field] = $"At most {MaxLabel} characters. {PrintableText.Rule}";
        }
        if (input.ToolChanges is not (null or "record" or "quarantine"))
            errors["toolChanges"] = "Has to be record or quarantine.";
        CheckOAuth(errors, mode, category, input.Oauth, current?.OAuth);
        if (input.CredentialSchema is { } schema && schema.Any(field => field.Value is null))
            errors["credentialSchema"] = "Each field needs a description.";
        ProxySettings.Check(errors, input, current, settings.AllowPrivateUpstreams);
        if (!TryCapabilities(input.Capabilities, out var capabilities))
            errors["capabilities"] = "Has to be an array of operation names, or an object with tools, resources and prompts.";
        if (errors.Count > 0)
            return Api.Invalid(errors);

        var now = time.GetUtcNow();
        var next = (current ?? new Integration { Id = Ids.New<IntegrationId>(now), Name = "", Url = "", CreatedAt = now, UpdatedAt = now }) with
        {
            Name = (input.Name ?? current!.Name).Trim(),
            Url = input.Url ?? current!.Url,
            Category = category!.Value,
            AuthMode = mode!.Value,
            ConnectionEpoch = current is null || current.AuthMode == mode ? current?.ConnectionEpoch ?? 0 : current.ConnectionEpoch + 1,
            Capabilities = capabilities ?? current?.Capabilities ?? [],
            CredentialSchema = input.CredentialSchema?.ToImmutableDictionary() ?? current?.CredentialSchema ?? ImmutableDictionary<string, string>.Empty,
            AttachByDefault = input.AttachByDefault ?? current?.AttachByDefault ?? false,
            QuarantineChangedTools = input.ToolChanges is null ? current?.QuarantineChangedTools ?? false : input.ToolChanges == "quarantine",
            TokenLabel = input.TokenLabel ?? current?.TokenLabel,
            TokenHelpUrl = input.TokenHelpUrl ?? current?.TokenHelpUrl,
            TokenPlaceholder = input.TokenPlaceholder ?? current?.TokenPlaceholder,
            UpdatedAt = now,
        };
        next = ProxySettings.Apply(next, input);
        if (!(await WithConnectionAsync(org, next, current, input, cancellationToken)).TryGet(out next, out var refused))
            return refused;
        if (input.ServerToken is { } token)
            next = await WithServerTokenAsync(org, next, new Secret(token.Trim()), cancellationToken);
        if (current is { AuthMode: AuthMode.ServerToken } && mode != AuthMode.ServerToken && input.ServerToken is null)
            next = next with { ServerTokenVersion = null, SealedServerToken = null };
        if (input.Oauth is { } oauth)
            next = await WithOAuthAsync(org, next, oauth, cancellationToken);
        if (next is { AuthMode: AuthMode.Oauth, OAuth: null })
            next = next with { OAuth = new IntegrationOAuth() };
        // Where the address is all that says who issues tokens, another address is another service: its tokens are nobody else's to see.
        if (current is not null && current.Url != next.Url && current.ConnectionEpoch == next.ConnectionEpoch && McpAuthorizationServers.Serves(next))
            next = next with { ConnectionEpoch = next.ConnectionEpoch + 1 };
        // People connected it by itself, or nothing of it: what is left of either is of no use to the other.
        if (current is not null && current.ConnectionOf != next.ConnectionOf && current.ConnectionEpoch == next.ConnectionEpoch)
            next = next with { ConnectionEpoch = next.ConnectionEpoch + 1 };
        return current is not null && IsOtherService(current, next) ? next with { ValidationStatus = null, ValidationMessage = null } : next;
    }

    /// <summary>The integration with the one whose connections serve it. Checked before anything of it is put into the vault.</summary>
    private async Task<Result<Integration>> WithConnectionAsync(OrgId org, Integration next, Integration? current, IntegrationInput input, CancellationToken cancellationToken)
    {
        if ((input.ConnectionOf ?? current?.ConnectionOf?.ToString()) is not { Length: > 0 } text)
            return next with { ConnectionOf = null };
        var before = current?.OAuth;
        var candidate = input.Oauth is { } oauth ? next with { OAuth = Merge(oauth, before, ParametersOf(oauth, before), before?.ClientSecretVersion) } : next;
        return IntegrationId.TryParse(text, null, out var id) && await integrations.CurrentAsync(org, id, cancellationToken) is { Archived: false } source && sources.Serves(source, candidate)
            ? next with { ConnectionOf = id }
            : Api.Invalid(new Dictionary<string, string>
            {
                ["connectionOf"] = "Has to be the id of an integration whose oauth.provider is a suite of the catalog, while this one is an MCP server with authMode oauth, a product of that suite as oauth.provider and the address the catalog gives as url. Leave it empty for connections of its own.",
            });
    }

    /// <summary>What validation found of the one says nothing about the other.</summary>
    private static bool IsOtherService(Integration before, Integration after) =>
        (before.Url, before.AuthMode, before.Category, before.ServerTokenVersion, before.ConnectionEpoch) != (after.Url, after.AuthMode, after.Category, after.ServerTokenVersion, after.ConnectionEpoch);

    private async Task<Integration> WithServerTokenAsync(OrgId org, Integration integration, Secret token, CancellationToken cancellationToken)
    {
        var version = await vault.PutAsync(org, CredentialName.ServerToken(integration.Id), token, cancellationToken);
        return integration with
        {
            ServerTokenVersion = version,
            SealedServerToken = await sealer.SealAsync(org, ConnectionCredentials.ServerTokenContext(integration.Id, version), token, cancellationToken),
        };
    }

    /// <summary>The integration with OAuth settings applied. Where people are sent to another provider, shop or site, what the one before granted is void: its tokens are nobody else's to see.</summary>
    public async Task<Integration> WithOAuthAsync(OrgId org, Integration integration, IntegrationOAuthInput input, CancellationToken cancellationToken)
    {
        var before = integration.OAuth;
        var version = before?.ClientSecretVersion;
        if (input.ClientSecret is { Length: > 0 } secret)
            version = await vault.PutAsync(org, CredentialName.ClientSecret(integration.Id), new Secret(secret), cancellationToken);
        var oauth = Merge(input, before, ParametersOf(input, before), version);
        var moved = integration.AuthMode == AuthMode.Oauth && before is not null
            && ((before.Provider, before.Issuer, before.AuthorizationUrl, before.TokenUrl) != (oauth.Provider, oauth.Issuer, oauth.AuthorizationUrl, oauth.TokenUrl)
                || !oauth.Parameters!.ToHashSet().SetEquals(before.Parameters ?? ImmutableDictionary<string, string>.Empty));
        return integration with { ConnectionEpoch = integration.ConnectionEpoch + (moved ? 1 : 0), OAuth = oauth };
    }

    private static IntegrationOAuth Merge(IntegrationOAuthInput input, IntegrationOAuth? current, ImmutableDictionary<string, string> parameters, string? version) =>
        new()
        {
            Provider = input.Provider ?? current?.Provider,
            Issuer = input.Issuer ?? current?.Issuer,
            AuthorizationUrl = input.AuthorizationUrl ?? current?.AuthorizationUrl,
            TokenUrl = input.TokenUrl ?? current?.TokenUrl,
            Parameters = parameters,
            Scopes = input.Scopes?.ToImmutableArray() ?? current?.Scopes ?? [],
            ClientId = input.ClientId ?? current?.ClientId,
            ClientSecretVersion = version,
        };

    /// <summary>Those sent; else those there were, unless they belong to another provider.</summary>
    private static ImmutableDictionary<string, string> ParametersOf(IntegrationOAuthInput input, IntegrationOAuth? current) =>
        input.Parameters?.ToImmutableDictionary(StringComparer.Ordinal)
        ?? (input.Provider is null || input.Provider == current?.Provider ? current?.Parameters : null)
        ?? ImmutableDictionary<string, string>.Empty;

    /// <summary>What is wrong with OAuth settings, field by field.</summary>
    public void CheckOAuth(Dictionary<string, string> errors, AuthMode? mode, IntegrationCategory? category, IntegrationOAuthInput? input, IntegrationOAuth? current)
    {
        var named = (input?.Provider ?? current?.Provider) is not null || (input?.Issuer ?? current?.Issuer) is not null;
        var (authorize, token) = (input?.AuthorizationUrl ?? current?.AuthorizationUrl, input?.TokenUrl ?? current?.TokenUrl);
        // An MCP server that speaks OAuth names its authorization server itself (RFC 9728); one endpoint alone is a slip.
        var byUrl = category == IntegrationCategory.GatewayRemoteMcp && authorize is null && token is null;
        if (mode == AuthMode.Oauth && !named && !byUrl && (authorize is null || token is null))
            errors["oauth"] = "Name a provider of the catalog, an issuer, or authorizationUrl and tokenUrl.";
        if (input is null)
            return;
        if (input.Provider is { } provider && !catalog.TryFind(provider, out _))
            errors["oauth.provider"] = "Unknown provider. GET /api/v1/provider-catalog lists those that are known; name any other service by issuer or endpoints.";
        CheckParameters(errors, input, current);
        foreach (var (field, url) in (ReadOnlySpan<(string, string?)>)[("oauth.issuer", input.Issuer), ("oauth.authorizationUrl", input.AuthorizationUrl), ("oauth.tokenUrl", input.TokenUrl)])
        {
            if (url is not null)
                CheckUrl(errors, field, url);
        }
        if (input.ClientId is { } client && (client.Length > MaxClientId || client.Any(char.IsWhiteSpace) || !PrintableText.IsPrintable(client)))
            errors["oauth.clientId"] = $"At most {MaxClientId} characters, no spaces. {PrintableText.Rule}";
        if (input.ClientSecret is { } secret && (secret.Length > MaxTokenLength || secret.Any(char.IsControl)))
            errors["oauth.clientSecret"] = "Has to be one line of at most 16 KiB.";
        // A space separates scopes (RFC 6749 section 3.3): two in one would never be found among those granted.
        if (input.Scopes is { } scopes && (scopes.Count > 100 || scopes.Any(scope => string.IsNullOrEmpty(scope) || scope.Any(character => char.IsWhiteSpace(character) || char.IsControl(character)))))
            errors["oauth.scopes"] = "At most 100 scopes, none of them empty or with spaces.";
    }

    private void CheckParameters(Dictionary<string, string> errors, IntegrationOAuthInput input, IntegrationOAuth? current)
    {
        var explicitly = (input.AuthorizationUrl ?? current?.AuthorizationUrl) is not null && (input.TokenUrl ?? current?.TokenUrl) is not null;
        var declared = !explicitly && (input.Provider ?? current?.Provider) is { } key && catalog.TryFind(key, out var provider) ? provider.Parameters : [];
        var given = ParametersOf(input, current);
        foreach (var parameter in declared)
        {
            if (given.TryGetValue(parameter.Name, out var value) ? value is null || !parameter.Accepts(value) : parameter.Default is null)
                errors[$"oauth.parameters.{parameter.Name}"] = $"Is required. {parameter.Description} {parameter.Rule}";
        }
        foreach (var name in given.Keys.Where(name => declared.All(parameter => parameter.Name != name)))
            errors["oauth.parameters"] = $"{(PrintableText.IsPrintable(name) && name.Length <= 60 ? name : "One of them")} is not a parameter of this provider.";
    }

    private static void CheckName(Dictionary<string, string> errors, string? name)
    {
        // Ways of a path, the gateway's own address below /mcp and its name as a resource would never reach the integration.
        if (name?.Trim() is { } handle && (handle is "." or ".." || handle.Equals("integrations", StringComparison.OrdinalIgnoreCase) || handle.Equals("connect-session", StringComparison.OrdinalIgnoreCase) || handle.Equals(Resources.GatewayName, StringComparison.OrdinalIgnoreCase)))
            errors["name"] = "This name has another meaning here. Choose another.";
        // The name is the handle in token exchange, tool names and addresses.
        if (string.IsNullOrWhiteSpace(name) || name.Trim().Length > 60 || !PrintableText.IsPrintable(name) || name.AsSpan().ContainsAny(NotInHandles))
            errors["name"] = $"Is required: at most 60 characters, none of / : ? # \\ %. {PrintableText.Rule}";
    }

    private void CheckUrl(Dictionary<string, string> errors, string field, string? url)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.UserInfo.Length > 0 || uri.Fragment.Length > 0
            || !(uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && settings.AllowPrivateUpstreams)))
            errors[field] = "Has to be an absolute https address without user name or fragment.";
    }

    private static bool TryCapabilities(JsonElement? sent, out ImmutableArray<string>? capabilities)
    {
        capabilities = null;
        if (sent is not { ValueKind: not JsonValueKind.Null } element)
            return true;
        if (element.ValueKind == JsonValueKind.Object)
        {
            if (!element.TryGetProperty("tools", out var tools))
            {
                capabilities = [];
                return true;
            }
            element = tools;
        }
        if (element.ValueKind != JsonValueKind.Array || element.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.String || item.GetString() is not { Length: > 0 and <= 128 }))
            return false;
        capabilities = [.. element.EnumerateArray().Select(item => item.GetString()!)];
        return true;
    }
}

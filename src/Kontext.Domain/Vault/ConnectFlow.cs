using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Kontext.Domain.Integrations;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.Vault;

/// <summary>Where this installation is reached, as far as connecting needs to know.</summary>
/// <param name="Issuer">The public address without a trailing slash.</param>
public sealed record ConnectAddresses(string Issuer)
{
    /// <summary>The one redirect URI registered at every provider.</summary>
    public Uri RedirectUri { get; } = new(Issuer + "/oauth/callback");

    /// <summary>Our client metadata document, which is our client id where such are accepted (draft-ietf-oauth-client-id-metadata-document-01 section 3); null when we are not reached by https.</summary>
    public Uri? ClientDocument { get; } = Issuer.StartsWith("https://", StringComparison.Ordinal) ? new(Issuer + "/.well-known/oauth-client") : null;

    /// <summary>The connect page of a session.</summary>
    public Uri PageOf(string handle) => new($"{Issuer}/oauth/connect?session={Uri.EscapeDataString(handle)}");
}

/// <summary>What the provider's redirect brought back (RFC 6749 section 4.1.2, RFC 9207). Everything in it is untrusted.</summary>
public sealed record ConnectCallback(string? State, Secret? Code, string? Error, string? ErrorDescription, string? Issuer);

/// <summary>A person has connected.</summary>
/// <param name="Integration">What.</param>
/// <param name="Connection">The connection as stored.</param>
/// <param name="MissingScopes">Scopes that were asked for and not granted.</param>
/// <param name="ReturnUrl">Where to go now; null for nowhere.</param>
public sealed record ConnectCompletion(Integration Integration, Connection Connection, ImmutableArray<string> MissingScopes, string? ReturnUrl);

/// <summary>Connects a person at an OAuth provider: there with a state bound to person, browser and integration, back with a code that becomes a stored grant.</summary>
public sealed class ConnectFlow(
    ConnectStates states, IIntegrationStore integrations, IConnectionStore connections, ProviderDirectory providers, IProviderClient client, ConnectionWriter writer, ConnectAddresses addresses)
{
    /// <summary>The provider's authorization URL. To be called only for what our own page sent in a way no other site can, or for a caller with an access token, who has no browser session (null).</summary>
    /// <param name="org">The organization.</param>
    /// <param name="user">Who connects.</param>
    /// <param name="integration">What.</param>
    /// <param name="browserBinding">Hash of the browser session.</param>
    /// <param name="session">Handle of the connect session on whose page it is started; null for none.</param>
    /// <param name="returnUrl">Where the person goes afterwards; null for nowhere.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<Result<Uri>> StartAsync(OrgId org, User user, Integration integration, string? browserBinding, Secret? session, string? returnUrl, CancellationToken cancellationToken)
    {
        if (integration.AuthMode != AuthMode.Oauth)
            return new Failure(FailureCode.InvalidRequest, $"{integration.Name} is not connected by authorizing at a provider.");
        if (!(await providers.ResolveAsync(org, integration, cancellationToken)).TryGet(out var app, out var failure))
            return failure;
        var asked = ScopeStepUp.Wanted(app.Scopes, await connections.FindAsync(org, user.Id, integration.Id, cancellationToken) is { } row ? row.Value : null);
        var state = await states.IssueAsync(org, session, (hash, expiresAt) => new ConnectState
        {
            Hash = hash,
            User = user.Id,
            Integration = integration.Id,
            BrowserBinding = browserBinding,
            TokenEndpoint = app.TokenEndpoint.AbsoluteUri,
            ReturnUrl = returnUrl,
            Scopes = asked,
            ExpiresAt = expiresAt,
        }, cancellationToken);

        var parameters = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in app.AuthorizeParameters)
            parameters[name] = value;
        parameters["response_type"] = "code";
        parameters["client_id"] = app.ClientId;
        parameters["redirect_uri"] = addresses.RedirectUri.AbsoluteUri;
        parameters["state"] = state;
        if (!asked.IsEmpty)
            parameters[app.ScopeParameter] = string.Join(app.ScopeSeparator, asked);
        if (app.Resource is not null)
            parameters["resource"] = app.Resource;
        if (app.Pkce)
        {
            var verifier = await states.VerifierAsync(org, state, cancellationToken);
            parameters["code_challenge"] = System.Buffers.Text.Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier.Reveal())));
            parameters["code_challenge_method"] = app.PkceMethod;
        }
        var query = string.Join('&', parameters.Select(parameter => $"{Uri.EscapeDataString(parameter.Key)}={Uri.EscapeDataString(parameter.Value)}"));
        var endpoint = app.AuthorizationEndpoint.GetLeftPart(UriPartial.Path);
        var given = app.AuthorizationEndpoint.Query.TrimStart('?');
        return new Uri(given.Length == 0 ? $"{endpoint}?{query}" : $"{endpoint}?{given}&{query}");
    }

    /// <summary>Redeems the provider's redirect.</summary>
    public async Task<Result<ConnectCompletion>> CallbackAsync(OrgId org, User user, string? browserBinding, ConnectCallback callback, CancellationToken cancellationToken)
    {
        if (!(await states.RedeemAsync(callback.State, org, user.Id, browserBinding, cancellationToken)).TryGet(out var state, out var failure))
            return failure;
        if (await integrations.CurrentAsync(org, state.Integration, cancellationToken) is not { Archived: false, AuthMode: AuthMode.Oauth } integration)
            return new Failure(FailureCode.NotFound, "The integration is no longer there, or is no longer connected by authorizing at a provider.");
        if (!(await providers.ResolveAsync(org, integration, cancellationToken)).TryGet(out var app, out failure))
            return failure;
        if (MixedUp(app, state, callback) is { } mixedUp)
            return mixedUp;
        if (callback.Error is { } error)
            return Refused(app, error, callback.ErrorDescription);
        if (callback.Code is null)
            return new Failure(FailureCode.InvalidRequest, $"{app.Name} sent neither a code nor an error. Start again from the connect page.");

        var verifier = app.Pkce ? await states.VerifierAsync(org, callback.State!, cancellationToken) : null;
        // The code works once: a person who closes the window now must not keep us from storing what it brings.
        if (!(await client.ExchangeCodeAsync(app, callback.Code, addresses.RedirectUri, verifier, CancellationToken.None)).TryGet(out var answer, out failure))
        {
            if (failure.Code == FailureCode.InvalidClient)
            {
                await providers.ForgetClientAsync(org, integration, app, CancellationToken.None);
                return new Failure(FailureCode.InvalidRequest, $"{app.Name} no longer knew Kontext, which registers anew. Start again from the connect page.", failure.Detail);
            }
            return failure.Code == FailureCode.InvalidGrant
                ? new Failure(FailureCode.InvalidGrant, $"{app.Name} did not accept its own authorization code. Start again from the connect page.", failure.Detail)
                : failure;
        }
        if (answer.AccessToken is null)
            return new Failure(FailureCode.UpstreamFailed, answer.Problem ?? $"{app.Name} answered without an access token.");

        var asked = state.Scopes.IsDefaultOrEmpty ? app.Scopes : state.Scopes;
        // No scope in the answer means that what was asked was granted (RFC 6749 section 5.1).
        var granted = answer.Scopes is { } named ? Canonical(app, named) : asked;
        var missing = asked.Except(granted, StringComparer.Ordinal).Where(scope => scope != app.OfflineScope || answer.RefreshToken is null).ToImmutableArray();
        var account = app.Account is { } identity && (await client.IdentityAsync(app.Name, identity, answer.AccessToken, CancellationToken.None)).TryGet(out var name, out _) ? name : null;
        var connection = await writer.SaveGrantAsync(org, user, integration, app, answer with { Scopes = granted }, account, missing);
        return new ConnectCompletion(integration, connection, missing, state.ReturnUrl);
    }

    /// <summary>Is the answer from the provider that was asked (RFC 9207 section 2.4), and is the code still meant for the same token endpoint?</summary>
    private static Failure? MixedUp(ProviderApp app, ConnectState state, ConnectCallback callback)
    {
        var wrongIssuer = app.Issuer is not null && (callback.Issuer is null ? app.SendsIssuer : callback.Issuer != app.Issuer);
        if (wrongIssuer)
            return new Failure(FailureCode.InvalidRequest, $"The answer does not come from {app.Name}. Nothing was connected.", "iss missing or different");
        return state.TokenEndpoint != app.TokenEndpoint.AbsoluteUri
            ? new Failure(FailureCode.InvalidRequest, "The integration's settings changed meanwhile. Start again from the connect page.", "token endpoint changed")
            : null;
    }

    private static Failure Refused(ProviderApp app, string error, string? description) => error switch
    {
        "access_denied" or "user_denied" or "consent_required" => new Failure(FailureCode.AccessDenied, $"Access was not allowed at {app.Name}. Nothing was connected."),
        "temporarily_unavailable" or "server_error" => new Failure(FailureCode.Unavailable, $"{app.Name} has trouble right now. Try again in a while.", Detail(error, description)),
        "invalid_scope" => new Failure(FailureCode.Misconfigured, $"{app.Name} does not know one of the scopes it was asked for. An administrator has to correct oauth.scopes of the integration.", Detail(error, description)),
        "unauthorized_client" or "invalid_client" or "redirect_uri_mismatch" => new Failure(FailureCode.Misconfigured, $"{app.Name} does not accept our OAuth app. An administrator has to check {app.Setting}, and the redirect URI registered there.", Detail(error, description)),
        _ => new Failure(FailureCode.UpstreamFailed, $"{app.Name} answered with an error. Nothing was connected.", Detail(error, description)),
    };

    private static string Detail(string error, string? description)
    {
        var text = $"{error}: {description}";
        return new string([.. text.Take(200).Where(character => !char.IsControl(character))]);
    }

    private static ImmutableArray<string> Canonical(ProviderApp app, ImmutableArray<string> scopes) =>
        [.. scopes.Select(scope => app.ScopeAliases.GetValueOrDefault(scope, scope)).Distinct(StringComparer.Ordinal)];
}

using System.Collections.Immutable;
using Kontext.Domain.Revocations;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.OAuth;

/// <summary>A valid authorization request: what an agent asks a person for.</summary>
public sealed record AuthorizeRequest
{
    /// <summary>The organization of the client.</summary>
    public required OrgId Org { get; init; }

    /// <summary>The agent that asks.</summary>
    public required Application Application { get; init; }

    /// <summary>Where the answer goes; as registered, or on another port of loopback.</summary>
    public required string RedirectUri { get; init; }

    /// <summary>Given back unchanged; null when none was sent.</summary>
    public string? State { get; init; }

    /// <summary>Scopes asked for, with what the resources imply.</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];

    /// <summary>Resources asked for, canonical.</summary>
    public ImmutableArray<string> Resources { get; init; } = [];

    /// <summary>PKCE challenge; null only for confidential clients that need none.</summary>
    public string? CodeChallenge { get; init; }

    /// <summary>The key that has to redeem the code (<c>dpop_jkt</c>, RFC 9449 section 10); null when none was named.</summary>
    public string? KeyThumbprint { get; init; }

    /// <summary>OpenID Connect nonce; null when none was sent.</summary>
    public string? Nonce { get; init; }

    /// <summary>OpenID Connect prompt values.</summary>
    public ImmutableArray<string> Prompt { get; init; } = [];

    /// <summary>Oldest acceptable sign-in; null when any will do.</summary>
    public TimeSpan? MaxAge { get; init; }

    /// <summary>Whom the client expects to sign in; null when it did not say.</summary>
    public string? LoginHint { get; init; }
}

/// <summary>What became of an authorization request.</summary>
public abstract record AuthorizeOutcome
{
    private AuthorizeOutcome()
    {
    }

    /// <summary>It is valid: the person decides.</summary>
    public sealed record Valid(AuthorizeRequest Request) : AuthorizeOutcome;

    /// <summary>Client or redirect URI cannot be trusted, so the failure is shown to the person and nothing is redirected (OAuth 2.1 section 4.1.2.1).</summary>
    public sealed record Shown(Failure Failure) : AuthorizeOutcome;

    /// <summary>The failure goes back to the client.</summary>
    public sealed record Returned(Failure Failure, string RedirectUri, string? State) : AuthorizeOutcome;
}

/// <summary>Checks authorization requests (OAuth 2.1 section 4.1.1, RFC 7636, RFC 8707, OpenID Connect Core section 3.1.2.1).</summary>
public sealed class AuthorizeRequests(IApplicationStore applications, DocumentClients documentClients, Standstill standstill, Resources resources)
{
    /// <summary>Checks everything; the same request is checked again when the consent form comes back.</summary>
    public async Task<AuthorizeOutcome> CheckAsync(OAuthParameters parameters, CancellationToken cancellationToken)
    {
        if (parameters["client_id"] is not { } clientId)
            return new AuthorizeOutcome.Shown(new Failure(FailureCode.InvalidRequest, "The request names no client_id."));
        if (parameters.All("client_id").Count > 1 || parameters.All("redirect_uri").Count > 1)
            return new AuthorizeOutcome.Shown(new Failure(FailureCode.InvalidRequest, "client_id and redirect_uri may be given only once."));
        if (!(await ClientOfAsync(clientId, cancellationToken)).TryGet(out var client, out var unknown))
            return new AuthorizeOutcome.Shown(unknown);
        var (org, application) = client;

        var registered = application.OAuth.RedirectUris;
        var redirectUri = parameters["redirect_uri"] ?? (registered.Length == 1 ? registered[0] : null);
        if (redirectUri is null || !registered.Any(uri => RedirectUri.Matches(uri, redirectUri)))
            return new AuthorizeOutcome.Shown(new Failure(FailureCode.InvalidRequest, "redirect_uri does not match one that is registered for this application."));

        var state = parameters.All("state").Count == 1 ? parameters["state"] : null;
        if (!Check(org, application, redirectUri, state, parameters).TryGet(out var request, out var failure))
            return new AuthorizeOutcome.Returned(failure, redirectUri, state);
        if (await standstill.RefusalAsync(org, application, cancellationToken) is { } stopped)
            return new AuthorizeOutcome.Returned(stopped, redirectUri, state);
        if (application.Registration == Registration.MetadataDocument)
            await documentClients.KeepAsync(org, application, cancellationToken);
        return new AuthorizeOutcome.Valid(request);
    }

    private async Task<Result<(OrgId Org, Application Application)>> ClientOfAsync(string clientId, CancellationToken cancellationToken)
    {
        if (ClientIdUrl.IsUrl(clientId))
            return await documentClients.DescribeAsync(clientId, cancellationToken);
        return await applications.ResolveClientAsync(clientId, cancellationToken) is { } found
            && await applications.CurrentAsync(found.Org, found.Application, cancellationToken) is { Archived: false } application
            ? (found.Org, application)
            : new Failure(FailureCode.InvalidClient, "The application that sent you here is not known, or was revoked.");
    }

    private Result<AuthorizeRequest> Check(OrgId org, Application application, string redirectUri, string? state, OAuthParameters parameters)
    {
        if (parameters.Repeated is { } repeated)
            return repeated;
        if (parameters["request"] is not null || parameters["request_uri"] is not null)
            return new Failure(FailureCode.InvalidRequest, "Request objects are not supported: send the parameters themselves.");
        if (parameters["response_type"] is not "code")
            return new Failure(parameters["response_type"] is null ? FailureCode.InvalidRequest : FailureCode.UnsupportedResponseType, "response_type has to be code.");
        if (parameters["response_mode"] is not (null or "query"))
            return new Failure(FailureCode.InvalidRequest, "response_mode has to be query.");

        var challenge = parameters["code_challenge"];
        if (challenge is null && (application.OAuth.PkceRequired || !application.OAuth.Confidential))
            return new Failure(FailureCode.InvalidRequest, "code_challenge is required (PKCE, RFC 7636).");
        if (challenge is not null && (parameters["code_challenge_method"] is not "S256" || !Pkce.IsChallenge(challenge)))
            return new Failure(FailureCode.InvalidRequest, "code_challenge_method has to be S256, and code_challenge 43 base64url characters.");

        var key = parameters["dpop_jkt"];
        if (key is not null && !ProofKey.IsThumbprint(key))
            return new Failure(FailureCode.InvalidRequest, "dpop_jkt has to be the SHA-256 thumbprint of a key: 43 base64url characters (RFC 9449 section 10).");

        if (!Asked(application, parameters["scope"], parameters.All("resource")).TryGet(out var asked, out var failure))
            return failure;

        var prompt = Domain.OAuth.Scopes.Parse(parameters["prompt"]);
        if (prompt.Contains("none") && prompt.Length > 1)
            return new Failure(FailureCode.InvalidRequest, "prompt=none cannot be combined with another prompt.");
        TimeSpan? maxAge = null;
        if (parameters["max_age"] is { } seconds)
        {
            if (!int.TryParse(seconds, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var value))
                return new Failure(FailureCode.InvalidRequest, "max_age has to be a number of seconds.");
            maxAge = TimeSpan.FromSeconds(value);
        }

        return new AuthorizeRequest
        {
            Org = org,
            Application = application,
            RedirectUri = redirectUri,
            State = state,
            Scopes = asked.Scopes,
            Resources = asked.Resources,
            CodeChallenge = challenge,
            KeyThumbprint = key,
            Nonce = parameters["nonce"],
            Prompt = prompt,
            MaxAge = maxAge,
            LoginHint = parameters["login_hint"],
        };
    }

    /// <summary>The scopes and resources a request means, when the application may ask for them.</summary>
    internal Result<(ImmutableArray<string> Scopes, ImmutableArray<string> Resources)> Asked(Application application, string? scope, IReadOnlyList<string> resource)
    {
        if (!resources.CanonicalAll(resource).TryGet(out var targets, out var failure))
            return failure;
        var scopes = Domain.OAuth.Scopes.Parse(scope);
        // Who asks for access to the gateway alone means its tools, which the person has to see to approve them (contract 3.4.4).
        var meansGateway = scopes.IsEmpty || scopes.Contains(Domain.OAuth.Scopes.Invoke)
            || (scopes.Contains(Domain.OAuth.Scopes.GatewayAccess) && MayAsk(application, Domain.OAuth.Scopes.Invoke));
        if (targets.IsEmpty && meansGateway)
            targets = [resources.Gateway];
        // Clients that name the gateway but not its scope mean to call it (contract 3.5 and 6.9).
        if (targets.Any(resources.IsGateway) && !scopes.Contains(Domain.OAuth.Scopes.Invoke))
            scopes = scopes.Add(Domain.OAuth.Scopes.Invoke);
        if (targets.Contains(resources.Api) && !scopes.Contains(Domain.OAuth.Scopes.Management))
            scopes = scopes.Add(Domain.OAuth.Scopes.Management);
        if (scopes.Contains(Domain.OAuth.Scopes.Management) && !targets.Contains(resources.Api))
            targets = targets.Add(resources.Api);
        if (scopes.FirstOrDefault(name => !MayAsk(application, name)) is { } refused)
            return new Failure(FailureCode.InvalidScope, Domain.OAuth.Scopes.IsKnown(refused) ? $"This application may not ask for {refused}." : "The request asks for a scope this server does not know.");
        if (targets.FirstOrDefault(target => !MayTarget(application, target)) is { } target)
            return new Failure(FailureCode.InvalidTarget, $"This application may not ask for tokens for {target}.");
        return (scopes, targets);
    }

    private static bool MayAsk(Application application, string scope)
    {
        if (!Domain.OAuth.Scopes.IsKnown(scope))
            return false;
        if (Domain.OAuth.Scopes.IsSignIn(scope))
            return true;
        // A client that registered itself may not grow into an administrator, whatever it registered.
        if (scope == Domain.OAuth.Scopes.Management)
            return !application.IsSelfRegistered && application.OAuth.Scopes.Contains(scope);
        return application.OAuth.Scopes.IsEmpty || application.IsSelfRegistered || application.OAuth.Scopes.Contains(scope)
            || (scope == Domain.OAuth.Scopes.GatewayAccess && application.OAuth.Scopes.Contains(Domain.OAuth.Scopes.Invoke));
    }

    private bool MayTarget(Application application, string resource)
    {
        var allowed = application.OAuth.AllowedResources;
        return allowed.IsEmpty || allowed.Any(entry => resources.Canonical(entry) is { } canonical && (canonical == resource || (canonical == resources.Gateway && resources.IsGateway(resource))))
            || resource == resources.Api;
    }
}

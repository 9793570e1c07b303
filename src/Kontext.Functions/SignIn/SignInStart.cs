using System.Globalization;
using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Pages;
using Microsoft.AspNetCore.WebUtilities;

namespace Kontext.Functions.SignIn;

/// <summary>Sends a person to their organization's provider to sign in (OpenID Connect Core section 3.1.2.1): code flow, PKCE, nonce, and a state bound to the browser.</summary>
internal sealed class SignInStart(BrowserSessions browser, SignInOrganizations organizations, IdentityProvider providers, SignInStates states, KontextSettings installation, ILogger<SignInStart> log)
{
    /// <summary>Where providers send people back to; what is registered there.</summary>
    public static string RedirectUriOf(KontextSettings installation) => installation.Issuer + "/login/callback";

    /// <summary>The redirect or a page that leads on, or one that says why there is neither.</summary>
    /// <param name="context">The request.</param>
    /// <param name="organization">The organization.</param>
    /// <param name="settings">Its provider.</param>
    /// <param name="wish">What is asked of the sign-in.</param>
    public async Task<IResult> RunAsync(HttpContext context, OrganizationSettings organization, SignInSettings settings, SignInWish wish)
    {
        var org = await organizations.IdOfAsync(organization, context.RequestAborted);
        if (!(await providers.DiscoverAsync(settings, context.RequestAborted)).TryGet(out var provider, out var failure))
        {
            Log.Refused(log, context.Request.Method, "sign-in", failure.Code, failure.Detail);
            return PageErrors.Of(context, failure);
        }
        var secret = browser.SignInSecret(context);
        var state = await states.StartAsync(org, secret, wish, context.RequestAborted);
        var proof = SignInProof.Of(secret, state);
        var parameters = new Dictionary<string, string?>
        {
            ["response_type"] = "code",
            ["client_id"] = settings.ClientId,
            ["redirect_uri"] = RedirectUriOf(installation),
            ["scope"] = settings.Scopes,
            ["state"] = state,
            ["nonce"] = proof.Nonce,
            ["code_challenge"] = Pkce.ChallengeOf(proof.CodeVerifier.Reveal()),
            ["code_challenge_method"] = "S256",
        };
        if (wish.Fresh)
            parameters["prompt"] = "login";
        if (wish.MaxAgeSeconds is { } seconds)
            parameters["max_age"] = seconds.ToString(CultureInfo.InvariantCulture);
        if (SignInWish.HintOf(wish.LoginHint) is { } hint)
            parameters["login_hint"] = hint;
        var address = QueryHelpers.AddQueryString(provider.AuthorizationEndpoint.AbsoluteUri, parameters);
        return ContinuePage.IsNeeded(context)
            ? ContinuePage.To(address, "Sign in", $"You sign in where {organization.Name} keeps its accounts, and come back here.", $"Continue to {WebLink.HostOf(address)}")
            : SeeOther.To(address);
    }
}

using Kontext.Functions.Pages;
using Microsoft.AspNetCore.WebUtilities;

namespace Kontext.Functions.SignIn;

/// <summary>What follows when a person has signed out of Kontext: the provider, if it takes sign-outs (OpenID Connect RP-Initiated Logout 1.0 section 2).</summary>
internal sealed class SignOut(IdentityProvider providers, KontextSettings installation)
{
    /// <summary>The way to the provider, or to the front page when it takes none or cannot be asked.</summary>
    public async Task<IResult> AfterAsync(SignInSettings settings, CancellationToken cancellationToken)
    {
        if (!(await providers.DiscoverAsync(settings, cancellationToken)).TryGet(out var provider, out _) || provider.EndSessionEndpoint is not { } endpoint)
            return SeeOther.To("/");
        // No id_token_hint: ID tokens are not kept.
        var target = QueryHelpers.AddQueryString(endpoint.AbsoluteUri, new Dictionary<string, string?>
        {
            ["client_id"] = settings.ClientId, ["post_logout_redirect_uri"] = installation.Issuer + "/",
        });
        return ContinuePage.To(target, "You are signed out", "Your sign-in provider comes next, so that nobody else can sign in as you from this browser.", "Continue");
    }
}

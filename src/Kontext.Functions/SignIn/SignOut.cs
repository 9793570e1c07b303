using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Functions.OAuth;
using Kontext.Functions.Pages;
using Microsoft.AspNetCore.WebUtilities;

namespace Kontext.Functions.SignIn;

/// <summary>Signs a person out: of Kontext first, then of the provider, if it takes sign-outs (OpenID Connect RP-Initiated Logout 1.0 section 2).</summary>
/// <param name="browser">The browser's session.</param>
/// <param name="organizations">Whose provider it is.</param>
/// <param name="audit">Where it is recorded.</param>
/// <param name="installation">Where people come back to.</param>
/// <param name="time">The clock.</param>
/// <param name="providers">What the provider publishes; null for the development sign-in, which has none.</param>
internal sealed class SignOut(BrowserSessions browser, SignInOrganizations organizations, IAuditLog audit, KontextSettings installation, TimeProvider time, IdentityProvider? providers = null)
{
    /// <summary>Takes the form.</summary>
    public async Task<IResult> RunAsync(HttpContext context)
    {
        if (!(await FormFields.ReadAsync(context.Request, context.RequestAborted)).TryGet(out var form, out var unreadable))
            return PageErrors.Of(context, unreadable);
        if (await browser.CurrentAsync(context) is not { } person)
        {
            // Nobody is signed out of the provider by a form that did not have to be ours.
            await browser.SignOutAsync(context);
            return SeeOther.To("/");
        }
        if (!browser.IsCsrf(context, person, form["csrf"]))
            return PageErrors.Of(context, new Failure(FailureCode.InvalidRequest, "The form is out of date. Go back, reload the page and try again."));
        await audit.AppendAsync(person.Org, SignInRecord.Out(time.GetUtcNow(), person.User), context.RequestAborted);
        await browser.SignOutAsync(context);
        return providers is not null && await organizations.OfAsync(person.Org, context.RequestAborted) is { SignIn: { } settings } ? await AtProviderAsync(settings, providers, context.RequestAborted) : SeeOther.To("/");
    }

    private async Task<IResult> AtProviderAsync(SignInSettings settings, IdentityProvider identityProviders, CancellationToken cancellationToken)
    {
        if (!(await identityProviders.DiscoverAsync(settings, cancellationToken)).TryGet(out var provider, out _) || provider.EndSessionEndpoint is not { } endpoint)
            return SeeOther.To("/");
        // No id_token_hint: ID tokens are not kept.
        var target = QueryHelpers.AddQueryString(endpoint.AbsoluteUri, new Dictionary<string, string?>
        {
            ["client_id"] = settings.ClientId, ["post_logout_redirect_uri"] = installation.Issuer + "/",
        });
        return ContinuePage.To(target, "You are signed out", "Your sign-in provider comes next, so that nobody else can sign in as you from this browser.", "Continue");
    }
}

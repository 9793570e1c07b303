using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Tenancy;
using Kontext.Functions.Pages;

namespace Kontext.Functions.SignIn;

/// <summary>Where providers send people back to: signs them in, or says in words why not. Both are recorded.</summary>
internal sealed class SignInCallback(BrowserSessions browser, SignInOrganizations organizations, SignInStates states, SignInAnswers answers, SignedInUsers users, IAuditLog audit, TimeProvider time)
{
    /// <summary>Takes the answer and goes on to where the person came from.</summary>
    public async Task<IResult> RunAsync(HttpContext context)
    {
        var answer = context.Request.Query;
        // What was never started here is not recorded either: anybody could fill the trail with it.
        if (answer["state"] is not [{ } state] || await states.OrganizationOfAsync(state, context.RequestAborted) is not { } org)
            return PageErrors.Of(context, new Failure(FailureCode.InvalidGrant, "This is not the answer to a sign-in that was started here."));
        if (await organizations.OfAsync(org, context.RequestAborted) is not { SignIn: { } settings })
            return await RefuseAsync(context, org, null, new Failure(FailureCode.Misconfigured, "This organization has no sign-in provider any more. An administrator of the installation has to configure one."));
        if (!(await answers.CheckAsync(org, settings, state, browser.KnownSignInSecret(context), answer, context.RequestAborted)).TryGet(out var signedIn, out var failure))
            return await RefuseAsync(context, org, null, failure);
        var user = await users.EnsureAsync(org, settings, signedIn.Person, context.RequestAborted);
        if (user.Disabled)
            return await RefuseAsync(context, org, user, new Failure(FailureCode.Forbidden, "This account is disabled.", "the account is disabled"));
        await audit.AppendAsync(org, SignInRecord.Done(time.GetUtcNow(), user), context.RequestAborted);
        await browser.SignInAsync(context, org, user.Id, signedIn.Person.AuthenticatedAt);
        return SeeOther.To(signedIn.State.ReturnTo);
    }

    private async Task<IResult> RefuseAsync(HttpContext context, OrgId org, User? user, Failure failure)
    {
        await audit.AppendAsync(org, SignInRecord.Refused(time.GetUtcNow(), user, failure), context.RequestAborted);
        return PageErrors.Of(context, failure);
    }
}

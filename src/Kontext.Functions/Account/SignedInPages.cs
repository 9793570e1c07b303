using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;
using Kontext.Functions.OAuth;
using Kontext.Functions.Pages;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Account;

/// <summary>What every page for a signed-in person shares: who is not signed in signs in first, forms prove that they come from our page, actions that cannot be taken back are asked about, and what came of them is said on the next page.</summary>
internal sealed class SignedInPages(BrowserSessions browser, IOrganizationStore organizations, PageNotices notices)
{
    /// <summary>The field that a form carries once the person was asked.</summary>
    public const string ConfirmedField = "confirmed";

    private static readonly Failure OutOfDate = new(FailureCode.InvalidRequest, "The form is out of date, or came from another page. Go back, reload the page and try again.");

    /// <summary>Shows a page, or leads to sign in and back to it.</summary>
    public async Task<IResult> ShowAsync(HttpContext context, Func<BrowserUser, PagePerson, Task<IResult>> show)
    {
        if (await browser.CurrentAsync(context) is not { } user)
            return SignInEndpoints.Redirect(context.Request.Path + context.Request.QueryString);
        return await show(user, await PersonAsync(context, user));
    }

    /// <summary>Takes a form. What it came to is said on the page it leads to; what failed is said on the page at <paramref name="back"/>, where it was.</summary>
    public async Task<IResult> PostAsync(HttpContext context, string back, Func<BrowserUser, OAuthParameters, Task<Result<Posted>>> act)
    {
        if (!(await FormFields.ReadAsync(context.Request, context.RequestAborted)).TryGet(out var form, out var failure))
            return PageErrors.Of(context, failure);
        if (await browser.CurrentAsync(context) is not { } user)
            return ContinuePage.ToSignIn(back);
        // From here on error pages have the person's navigation.
        await PersonAsync(context, user);
        if (!browser.IsCsrf(context, user, form["csrf"]))
            return PageErrors.Of(context, OutOfDate);
        if (!(await act(user, form)).TryGet(out var posted, out failure))
        {
            notices.Leave(context, user, new PageNotice(Succeeded: false, failure.Message));
            return SeeOther.To(back);
        }
        switch (posted)
        {
            case Posted.To to:
                if (to.Notice is { } notice)
                    notices.Leave(context, user, new PageNotice(Succeeded: true, notice));
                return SeeOther.To(to.Path);
            case Posted.Question question:
                return await AskAsync(context, user, back, question);
            default:
                return ((Posted.Answer)posted).Result;
        }
    }

    /// <summary>Was the person asked about what this form does?</summary>
    public static bool IsConfirmed(OAuthParameters form) => form[ConfirmedField] == "yes";

    /// <summary>What a page's frame says of the person. Kept with the request, for the error page.</summary>
    public async ValueTask<PagePerson> PersonAsync(HttpContext context, BrowserUser user)
    {
        if (context.Items[typeof(PagePerson)] is PagePerson known)
            return known;
        var person = new PagePerson(
            user.User.DisplayName,
            (await organizations.CurrentAsync(user.Org, context.RequestAborted))?.Name ?? "",
            user.User.IsPrivileged || user.User.Roles.Contains("auditor"),
            user.CsrfToken,
            notices.Take(context, user));
        context.Items[typeof(PagePerson)] = person;
        return person;
    }

    private async Task<IResult> AskAsync(HttpContext context, BrowserUser user, string back, Posted.Question question)
    {
        var form = await context.Request.ReadFormAsync(context.RequestAborted);
        var carried = form.Where(field => field.Key is not ("csrf" or ConfirmedField)).ToLookup(field => SecretFields.LabelOf(field.Key) is not null);
        var fields = carried[false].SelectMany(field => field.Value, (field, value) => new KeyValuePair<string, string>(field.Key, value ?? "")).ToList();
        var secrets = carried[true].Where(field => field.Value.ToString().Length > 0).Select(field => new KeyValuePair<string, string>(field.Key, SecretFields.LabelOf(field.Key)!)).ToList();
        return PageResult.Of<ConfirmPage>(new ConfirmModel(await PersonAsync(context, user), question.Title, question.Text, question.Button, context.Request.Path, fields, secrets, back));
    }
}

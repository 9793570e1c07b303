using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Account;
using Kontext.Functions.Pages;
using Kontext.Functions.SignIn;
using Microsoft.AspNetCore.Components;

namespace Kontext.Functions.Admin;

/// <summary>What the administration pages share: who does not administer gets none of them, what the API refuses is said in its words.</summary>
internal sealed class AdminPages(SignedInPages pages, ManagementApi api)
{
    private static readonly Failure NotYours = new(FailureCode.Forbidden, "The administration is for the roles owner, admin and auditor.");

    /// <summary>Shows a page made of what the API answers.</summary>
    public Task<IResult> ShowAsync<TPage>(HttpContext context, Func<AdminVisit, Task<Result<AdminModel>>> view)
        where TPage : IComponent => AnswerAsync(context, async visit =>
            (await view(visit)).TryGet(out var model, out var failure) ? Result.Of(PageResult.Of<TPage>(model)) : failure);

    /// <summary>Answers with something else, such as a file.</summary>
    public Task<IResult> AnswerAsync(HttpContext context, Func<AdminVisit, Task<Result<IResult>>> answer) => pages.ShowAsync(context, async (user, person) =>
    {
        if (!person.Administers)
            return PageErrors.Of(context, NotYours);
        return (await answer(VisitOf(context, user, person))).TryGet(out var result, out var failure) ? result : ErrorOf(context, failure);
    });

    /// <summary>Takes a form; what failed is said on the page at <paramref name="back"/>.</summary>
    public Task<IResult> PostAsync(HttpContext context, string back, Func<AdminVisit, OAuthParameters, Task<Result<Posted>>> act) => pages.PostAsync(context, back, async (user, form) =>
    {
        var administers = user.User.IsPrivileged || user.User.IsAuditor;
        return administers
            ? await act(VisitOf(context, user, await pages.PersonAsync(context, user)), form)
            : new Posted.Answer(PageErrors.Of(context, NotYours));
    });

    /// <summary>The page again with what was entered, and what is wrong with it.</summary>
    public static Posted Again<TPage>(AdminModel model)
        where TPage : IComponent => new Posted.Answer(PageResult.Of<TPage>(model, StatusCodes.Status400BadRequest));

    /// <summary>How the pages say that something went wrong.</summary>
    public static IResult ErrorOf(HttpContext context, Failure failure) => LoadErrors.Of(context, failure, "this page", context.Request.Path);

    private AdminVisit VisitOf(HttpContext context, BrowserUser user, PagePerson person) => new(context, user, new AdminFrame(person, user.User.IsPrivileged), api);
}

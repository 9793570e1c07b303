using Kontext.Domain;
using Kontext.Functions.Pages;

namespace Kontext.Functions.Account;

/// <summary>How a page that shows a list says that it could not be loaded: with a way to try again. Everything else is said as on all pages.</summary>
internal static class LoadErrors
{
    /// <summary>The page for a failure. What is ours, or passes, can be tried again; what the request itself has wrong cannot.</summary>
    public static IResult Of(HttpContext context, Failure failure, string what, string path)
    {
        var request = context.Request;
        var status = PageErrors.StatusOf(failure.Code);
        if (status is not (StatusCodes.Status429TooManyRequests or >= StatusCodes.Status500InternalServerError) || !HttpMethods.IsGet(request.Method) || !request.Path.Equals(path, StringComparison.OrdinalIgnoreCase))
            return PageErrors.Of(context, failure);
        PageErrors.SayWhen(context, failure);
        return PageResult.Of<LoadFailedPage>(new LoadFailedModel(context.Items[typeof(PagePerson)] as PagePerson, what, path, path + request.QueryString, failure.Message), status);
    }
}

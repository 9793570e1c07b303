using Kontext.Domain;
using Kontext.Functions.Pages;

namespace Kontext.Functions.Account;

/// <summary>How a page that shows a list says that it could not be loaded: with a way to try again. Everything else is said as on all pages.</summary>
internal static class LoadErrors
{
    /// <summary>The page for a failure.</summary>
    public static IResult Of(HttpContext context, Failure failure, string what, string path)
    {
        if (failure.Code != FailureCode.Unavailable || !HttpMethods.IsGet(context.Request.Method) || !context.Request.Path.Equals(path, StringComparison.OrdinalIgnoreCase))
            return PageErrors.Of(context, failure);
        PageErrors.SayWhen(context, failure);
        return PageResult.Of<LoadFailedPage>(new LoadFailedModel(context.Items[typeof(PagePerson)] as PagePerson, what, path), StatusCodes.Status503ServiceUnavailable);
    }
}

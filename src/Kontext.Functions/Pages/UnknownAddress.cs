using Kontext.Domain;

namespace Kontext.Functions.Pages;

/// <summary>The answer where there is nothing: a page for people, JSON for programs.</summary>
internal static class UnknownAddress
{
    private const string Nothing = "There is nothing at this address.";

    // Whatever a program there accepts besides, it reads JSON.
    private static readonly PathString[] Programs = ["/api", "/mcp", "/oauth2", "/.well-known", "/proxy", "/partner"];

    /// <summary>Answers.</summary>
    public static Task AnswerAsync(HttpContext context)
    {
        if (IsForPeople(context.Request))
            return PageErrors.Of(context, new Failure(FailureCode.NotFound, Nothing)).ExecuteAsync(context);
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return context.Response.WriteAsJsonAsync(new NotFoundBody(Nothing, StatusCodes.Status404NotFound), RootJson.Default.NotFoundBody);
    }

    private static bool IsForPeople(HttpRequest request)
    {
        if (Programs.Any(program => request.Path.StartsWithSegments(program)))
            return false;
        var accepted = request.GetTypedHeaders().Accept;
        double Liking(string type) => accepted.Where(range => range.MediaType.Equals(type, StringComparison.OrdinalIgnoreCase)).Select(range => range.Quality ?? 1).DefaultIfEmpty(0).Max();
        return Liking("text/html") > Liking("application/json");
    }
}

using System.Security.Cryptography;
using System.Text;
using Kontext.Domain;
using Kontext.Functions.OAuth;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Organizations;

/// <summary>Establishes the person behind a request to /api/organizations, and that the organization in its path is theirs.</summary>
internal sealed class PersonAuthentication(BearerAuthentication bearer, BrowserSessions browsers, KontextSettings settings)
{
    /// <summary>The header with the anti-forgery token of the person's pages.</summary>
    public const string CsrfHeader = "X-CSRF-Token";

    /// <summary>The person. An organization that is not theirs is not there.</summary>
    public async ValueTask<Result<Caller>> OfAsync(HttpContext context)
    {
        if (!(await PersonAsync(context)).TryGet(out var person, out var failure))
            return failure;
        return OrgId.TryParse(context.Request.RouteValues["organization"] as string, null, out var addressed) && addressed == person.Org
            ? person
            : new Failure(FailureCode.NotFound, "There is no organization with this id.");
    }

    private async ValueTask<Result<PersonCaller>> PersonAsync(HttpContext context)
    {
        // A browser adds cookies by itself, never this header: who sends it means it.
        if (context.Request.Headers.Authorization.Count > 0)
        {
            if (!(await bearer.ManagementAsync(context)).TryGet(out var caller, out var failure))
                return failure;
            return caller is AgentCaller agent
                ? new PersonCaller(agent.Org, agent.User, Browser: null)
                : new Failure(FailureCode.Forbidden, "Connections belong to people; a service account has none.");
        }
        if (await browsers.CurrentAsync(context) is not { } user)
            return new Failure(FailureCode.InvalidToken, "Sign in, or send an access token: Authorization: Bearer.");
        return IsOurPage(context.Request, user)
            ? new PersonCaller(user.Org, user.User, user.SessionBinding)
            : new Failure(FailureCode.Forbidden, $"The request was not sent from one of our pages. Reload the page, or send {CsrfHeader}.", "cross-site request");
    }

    /// <summary>Another site can make a browser send cookies, but neither this header nor our origin.</summary>
    private bool IsOurPage(HttpRequest request, BrowserUser user)
    {
        if (request.Headers["Sec-Fetch-Site"].ToString() is "cross-site" or "same-site")
            return false;
        if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method))
            return true;
        var token = request.Headers[CsrfHeader].ToString();
        return token.Length > 0
            ? CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(token), Encoding.UTF8.GetBytes(user.CsrfToken))
            : request.Headers.Origin.ToString() == settings.PublicUrl.GetLeftPart(UriPartial.Authority);
    }
}

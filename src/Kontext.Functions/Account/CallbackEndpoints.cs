using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;
using Kontext.Functions.Connect;
using Kontext.Functions.Organizations;
using Kontext.Functions.Pages;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Account;

/// <summary>The page that takes a provider's answer: <c>/integrations/{service}/callback</c> (seed 004). With scripts it hands the answer to the API; without them, a form does.</summary>
internal sealed class CallbackEndpoints(SignedInPages pages, BrowserSessions browser, IntegrationsView view, ServiceDirectory services, ConnectFlow flow, InterruptedConnections interrupted, IConnectPages connect)
{
    private const int MaxLength = 4096;
    private static readonly string[] Parameters = ["code", "state", "iss", "error", "error_description"];

    /// <summary>Maps it below the page of the person's connections.</summary>
    public static void Map(IEndpointRouteBuilder integrations)
    {
        integrations.MapGet("/{service}/callback", (string service, HttpContext context, CallbackEndpoints self) => self.ShowAsync(context, service));
        integrations.MapPost("/{service}/callback", (string service, HttpContext context, CallbackEndpoints self) => self.FinishAsync(context, service));
    }

    private async Task<IResult> ShowAsync(HttpContext context, string service)
    {
        // Signing in anew would not bring the answer back: it is bound to the sign-in that asked for it.
        if (await browser.CurrentAsync(context) is not { } user)
            return connect.SignedOut(context, (await interrupted.FindAsync(context)).IntegrationName, IntegrationsModel.Path);
        var person = await pages.PersonAsync(context, user);
        if (await services.FindAsync(user.Org, service, context.RequestAborted) is not { } integration)
            return Failed(person, service, service, "Your organization no longer offers this service.", StatusCodes.Status404NotFound);
        var name = view.NameOf(integration);
        var query = context.Request.Query;
        if (query.Any(parameter => parameter.Value.Count > 1 || parameter.Value.ToString().Length > MaxLength))
            return Failed(person, service, name, "The provider's answer is not valid. Start again.", StatusCodes.Status400BadRequest);
        var answer = Parameters.Where(parameter => query[parameter] is [{ Length: > 0 }]).Select(parameter => new KeyValuePair<string, string>(parameter, query[parameter].ToString())).ToList();
        if (!query.ContainsKey("code") && !query.ContainsKey("error"))
            return Failed(person, service, name, "There is nothing to finish here: the provider sent neither a code nor an error. Start again.", StatusCodes.Status400BadRequest);
        // A refusal brings nothing that would have to be stored: it is said at once.
        if (query.ContainsKey("error") && !(await RedeemAsync(context, user, parameter => query[parameter])).TryGet(out _, out var failure))
            return Failed(person, service, name, failure.Message, StatusCodes.Status400BadRequest);
        return PageResult.Of<CallbackPage>(new CallbackModel(person, user.Org.ToString(), Uri.EscapeDataString(integration.Name), name, answer, Error: null));
    }

    private Task<IResult> FinishAsync(HttpContext context, string service) => pages.PostAsync(context, IntegrationsModel.Path, async (user, form) =>
    {
        var name = await services.FindAsync(user.Org, service, context.RequestAborted) is { } integration ? view.NameOf(integration) : service;
        if (form.Repeated is not null || Parameters.Any(parameter => form[parameter]?.Length > MaxLength))
            return new Posted.Answer(Failed(await pages.PersonAsync(context, user), service, name, "The provider's answer is not valid. Start again.", StatusCodes.Status400BadRequest));
        if (!(await RedeemAsync(context, user, parameter => form[parameter])).TryGet(out var done, out var failure))
            return new Posted.Answer(Failed(await pages.PersonAsync(context, user), service, name, failure.Message, StatusCodes.Status400BadRequest));
        return new Posted.To(IntegrationsModel.Path, done.MissingScopes.IsEmpty
            ? $"{name} connected."
            : $"{name} connected. Not everything that was asked for was granted. Some actions will not work without: {string.Join(", ", done.MissingScopes)}.");
    });

    private Task<Result<ConnectCompletion>> RedeemAsync(HttpContext context, BrowserUser user, Func<string, string?> value)
    {
        string? Given(string parameter) => value(parameter) is { Length: > 0 } given ? given : null;
        var callback = new ConnectCallback(Given("state"), Given("code") is { } code ? new Secret(code) : null, Given("error"), Given("error_description"), Given("iss"));
        return flow.CallbackAsync(user.Org, user.User, user.SessionBinding, callback, context.RequestAborted);
    }

    private static IResult Failed(PagePerson person, string service, string name, string error, int statusCode) =>
        PageResult.Of<CallbackPage>(CallbackModel.Failed(person, service, name, error), statusCode);
}

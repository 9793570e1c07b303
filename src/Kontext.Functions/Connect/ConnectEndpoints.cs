using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;
using Kontext.Functions.Account;
using Kontext.Functions.OAuth;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Connect;

/// <summary>The pages on which a person connects services (contract section 5), and the address providers send them back to.</summary>
internal static class ConnectEndpoints
{
    private static readonly Failure OfGuest = new(FailureCode.NotFound, "This link works for a quarter of an hour, in the browser that opened it first. Go back to the application you came from and start again there.");

    /// <summary>Maps them. <paramref name="signedInUser"/> tells who is signed in with this browser; null sends the person to sign in. An application's own users come with a link that says who they are.</summary>
    public static void Map(IEndpointRouteBuilder app, KontextSettings settings, Func<HttpContext, ValueTask<BrowserUser?>> signedInUser)
    {
        var guests = app.ServiceProvider.GetRequiredService<ConnectGuests>();
        async ValueTask<BrowserUser?> posting(HttpContext posted) => await guests.OfFormAsync(posted) ?? await signedInUser(posted);
        var oauth = app.MapGroup("/oauth").WithMetadata(new Surface(
            Authenticate: null, (context, failure) => context.RequestServices.GetRequiredService<IConnectPages>().Error(context, failure)));
        oauth.MapGet("/connect", (HttpContext context, ConnectPageBuilder builder, IConnectPages pages, PageNotices notices) => ShowAsync(context, builder, pages, notices, guests, signedInUser));
        oauth.MapGet("/callback", (HttpContext context, ConnectFlow flow, ConnectOrigins origins, IConnectPages pages, PersonalCallback personal, InterruptedConnections interrupted) => CallbackAsync(context, flow, origins, pages, personal, interrupted, async returned => await guests.OfStateAsync(returned, returned.Request.Query["state"]) ?? await signedInUser(returned)));
        oauth.MapPost("/connect/start", (HttpContext context, ConnectPageBuilder builder, ConnectFlow flow, IConnectPages pages, InterruptedConnections interrupted) =>
            PostAsync(context, settings, builder, pages, interrupted, posting, post => StartAsync(post, flow)));
        oauth.MapPost("/connect/token", (HttpContext context, ConnectPageBuilder builder, ProvidedTokens tokens, IConnectPages pages, InterruptedConnections interrupted) =>
            PostAsync(context, settings, builder, pages, interrupted, posting, post => SaveTokenAsync(post, tokens)));
        oauth.MapPost("/connect/credentials", (HttpContext context, ConnectPageBuilder builder, ProvidedTokens tokens, IConnectPages pages, InterruptedConnections interrupted) =>
            PostAsync(context, settings, builder, pages, interrupted, posting, post => SaveFieldsAsync(post, tokens)));
        oauth.MapPost("/connect/disconnect", (HttpContext context, ConnectPageBuilder builder, Disconnection disconnection, IConnectPages pages, InterruptedConnections interrupted) =>
            PostAsync(context, settings, builder, pages, interrupted, posting, post => DisconnectAsync(post, disconnection)));
    }

    private sealed record Post(HttpContext Context, BrowserUser User, OpenedSession Session, Integration Integration, ConnectForm Form)
    {
        public CancellationToken Aborted => Context.RequestAborted;
    }

    /// <summary>What a post came to: the provider to go to, or the page again with a notice.</summary>
    private sealed record Posted(Uri? Provider, string? Notice);

    private static async Task<IResult> ShowAsync(HttpContext context, ConnectPageBuilder builder, IConnectPages pages, PageNotices notices, ConnectGuests guests, Func<HttpContext, ValueTask<BrowserUser?>> signedInUser)
    {
        if ((await guests.OpenAsync(context, context.Request.Query["session"]) ?? await signedInUser(context)) is not { } user)
            return await guests.IsGuestAsync(context, context.Request.Query["session"])
                ? pages.Error(context, OfGuest)
                : SignInEndpoints.Redirect(context.Request.Path + context.Request.QueryString);
        if (!(await builder.OpenAsync(user, context.Request.Query["session"], context.RequestAborted)).TryGet(out var session, out var failure))
            return pages.Error(context, failure);
        return await PageAsync(context, builder, pages, user, session, ConnectOutcome.Of(notices.Take(context, user)), StatusCodes.Status200OK);
    }

    private static async Task<IResult> CallbackAsync(HttpContext context, ConnectFlow flow, ConnectOrigins origins, IConnectPages pages, PersonalCallback personal, InterruptedConnections interrupted, Func<HttpContext, ValueTask<BrowserUser?>> signedInUser)
    {
        // Without the browser session that started it, the answer cannot be taken: signing in anew would not bring it back.
        if (await signedInUser(context) is not { } user)
            return await interrupted.FindAsync(context) is { ReturnTo: { } from } interruption ? pages.SignedOut(context, interruption.IntegrationName, from) : pages.Error(context, OfGuest);
        if (await personal.AddressAsync(context) is { } page)
            return SeeOther.To(page);
        var query = context.Request.Query;
        if (query.Any(parameter => parameter.Value.Count > 1))
            return pages.Error(context, new Failure(FailureCode.InvalidRequest, "The provider's answer is not valid. Start again from the connect page.", "repeated parameter"));
        string? Value(string name) => query[name] is [{ Length: > 0 and <= 4096 } value] ? value : null;
        var callback = new ConnectCallback(Value("state"), Value("code") is { } code ? new Secret(code) : null, Value("error"), Value("error_description"), Value("iss"));
        var origin = await origins.FindAsync(user, callback.State, context.RequestAborted);
        if (!(await flow.CallbackAsync(user.Org, user.User, user.SessionBinding, callback, context.RequestAborted)).TryGet(out var done, out var failure))
            return origin is null ? pages.Error(context, failure) : pages.Failed(context, failure, origin.IntegrationName, origin.Page, origin.ReturnUrl);
        var notice = done.MissingScopes.IsEmpty ? null
            : $"Not everything that was asked for was granted. Some actions will not work without: {string.Join(", ", done.MissingScopes)}.";
        return pages.Done(context, done.Integration.Name, done.Connection.Account, await origins.NextAsync(user, origin, context.RequestAborted), done.ReturnUrl, notice);
    }

    private static async Task<IResult> PostAsync(
        HttpContext context, KontextSettings settings, ConnectPageBuilder builder, IConnectPages pages, InterruptedConnections interrupted,
        Func<HttpContext, ValueTask<BrowserUser?>> signedInUser, Func<Post, Task<Result<Posted>>> act)
    {
        if (await signedInUser(context) is not { } user)
            return await ReturnAsync(context, pages, interrupted);
        if (!(await ConnectForm.ReadAsync(context, user, settings)).TryGet(out var form, out var failure))
            return pages.Error(context, failure);
        if (!(await builder.OpenAsync(user, form.Session, context.RequestAborted)).TryGet(out var session, out failure))
            return pages.Error(context, failure);
        if (!(await builder.FindIntegrationAsync(user, session, form.Integration, context.RequestAborted)).TryGet(out var integration, out failure))
            return pages.Error(context, failure);

        var acted = (await act(new Post(context, user, session, integration, form))).TryGet(out var posted, out failure);
        if (acted && posted!.Provider is { } provider)
            return pages.Onward(context, integration.Name, provider);
        return acted
            ? await PageAsync(context, builder, pages, user, session, new ConnectOutcome(Notice: posted!.Notice), StatusCodes.Status200OK)
            : await PageAsync(context, builder, pages, user, session, ConnectOutcome.Of(failure!, integration, form), StatusCodes.Status400BadRequest);
    }

    /// <summary>A form of somebody who is not signed in: they sign in and come back to the page it is on, if that is still there.</summary>
    private static async Task<IResult> ReturnAsync(HttpContext context, IConnectPages pages, InterruptedConnections interrupted)
    {
        if (!(await FormFields.ReadAsync(context.Request, context.RequestAborted)).TryGet(out var form, out var failure))
            return pages.Error(context, failure);
        return await interrupted.PageOfFormAsync(context, form["session"]) is { } page
            ? pages.SignIn(context, page)
            : pages.Error(context, ConnectPageBuilder.LinkIsOver);
    }

    private static async Task<Result<Posted>> StartAsync(Post post, ConnectFlow flow) =>
        (await flow.StartAsync(post.User.Org, post.User.User, post.Integration, post.User.SessionBinding, new Secret(post.Session.Handle), post.Session.Session.ReturnUrl, post.Aborted)).TryGet(out var target, out var failure)
            ? new Posted(target, Notice: null) : failure;

    private static async Task<Result<Posted>> SaveTokenAsync(Post post, ProvidedTokens tokens) =>
        (await tokens.SaveAsync(post.User.Org, post.User.User, post.Integration, post.Form.Token, post.Aborted)).TryGet(out var connection, out var failure)
            ? new Posted(Provider: null, connection.Validity == Validity.Valid ? $"{post.Integration.Name} is connected." : $"{post.Integration.Name} is connected. {connection.CheckMessage}") : failure;

    private static async Task<Result<Posted>> SaveFieldsAsync(Post post, ProvidedTokens tokens) =>
        (await tokens.SaveFieldsAsync(post.User.Org, post.User.User, post.Integration, post.Form.Fields, post.Aborted)).TryGet(out _, out var failure)
            ? new Posted(Provider: null, $"{post.Integration.Name} is connected.") : failure;

    private static async Task<Result<Posted>> DisconnectAsync(Post post, Disconnection disconnection)
    {
        var report = await disconnection.RunAsync(post.User.Org, post.User.User.Id, post.Integration, DisconnectReason.ByPerson, actor: null, post.Aborted);
        return new Posted(Provider: null, report.Detail is null
            ? $"{post.Integration.Name} is disconnected."
            : $"{post.Integration.Name} is disconnected. {report.Detail}");
    }

    private static async Task<IResult> PageAsync(
        HttpContext context, ConnectPageBuilder builder, IConnectPages pages, BrowserUser user, OpenedSession session, ConnectOutcome outcome, int statusCode)
    {
        var view = await builder.BuildAsync(user, session, outcome, context.RequestAborted);
        return pages.Connect(context, view, statusCode);
    }
}

using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Pages;
using Kontext.Functions.SignIn;
using Microsoft.AspNetCore.WebUtilities;

namespace Kontext.Functions.OAuth;

/// <summary>The authorization endpoint (OAuth 2.1 section 4.1.1): sign-in, consent, code. Nothing is kept between its steps: the consent form carries the request, which is checked again.</summary>
internal sealed class AuthorizeEndpoint(
    AuthorizeRequests requests,
    IAuthorizationCodeStore codes,
    ConsentScreen consent,
    ConsentDecision decisions,
    BrowserSessions browser,
    SignInOrganizations organizations,
    KontextSettings settings,
    TimeProvider time)
{
    /// <summary>Takes the request of a client, by GET or POST.</summary>
    public async Task<IResult> StartAsync(HttpContext context, CancellationToken cancellationToken)
    {
        var query = context.Request.QueryString.Value ?? "";
        if (HttpMethods.IsPost(context.Request.Method))
        {
            if (!(await FormFields.ReadAsync(context.Request, cancellationToken)).TryGet(out _, out var unreadable))
                return PageErrors.Of(context, unreadable);
            var form = await context.Request.ReadFormAsync(cancellationToken);
            query = QueryString.Create(form.SelectMany(field => field.Value, (field, value) => new KeyValuePair<string, string?>(field.Key, value))).Value ?? "";
        }
        switch (await requests.CheckAsync(Parameters(query), cancellationToken))
        {
            case AuthorizeOutcome.Shown shown:
                return PageErrors.Of(context, shown.Failure);
            case AuthorizeOutcome.Returned returned:
                return Return(returned.RedirectUri, returned.State, returned.Failure);
            case AuthorizeOutcome.Valid { Request: var request }:
                return await AskAsync(context, request, query, cancellationToken);
            default:
                throw new InvalidOperationException("Unknown outcome.");
        }
    }

    /// <summary>Takes the consent form.</summary>
    public async Task<IResult> DecideAsync(HttpContext context, CancellationToken cancellationToken)
    {
        if (!(await FormFields.ReadAsync(context.Request, cancellationToken)).TryGet(out _, out var unreadable))
            return PageErrors.Of(context, unreadable);
        var form = await context.Request.ReadFormAsync(cancellationToken);
        var query = form["request"].ToString();
        if (await requests.CheckAsync(Parameters(query), cancellationToken) is not AuthorizeOutcome.Valid { Request: var request })
            return PageErrors.Of(context, new Failure(FailureCode.InvalidRequest, "The request is no longer valid. Go back to the application and start again."));
        if (await browser.CurrentAsync(context) is not { } person)
            return ContinuePage.To("/oauth2/auth" + QueryString.Create(QueryHelpers.ParseQuery(query)).Value, "Your sign-in has ended", "It was too long ago. Sign in again to decide.", "Sign in");
        if (!browser.IsCsrf(context, person, form["csrf"]))
            return PageErrors.Of(context, new Failure(FailureCode.InvalidRequest, "The form is out of date, or came from another page. Go back to the application and start again."));
        if (person.Org != request.Org)
            return PageErrors.Of(context, new Failure(FailureCode.InvalidClient, "The application that sent you here is not known, or was revoked."));

        if (await decisions.TakeAsync(request, person, form, cancellationToken) is not { } approved)
            return Return(request.RedirectUri, request.State, new Failure(FailureCode.AccessDenied, "The person refused."));

        var now = time.GetUtcNow();
        var code = OrgHandle.New(request.Org, OrgHandle.AuthorizationCode);
        await codes.InsertAsync(request.Org, new AuthorizationCode
        {
            Hash = RandomValue.HashOf(code),
            Application = request.Application.Id,
            User = person.User.Id,
            RedirectUri = request.RedirectUri,
            CodeChallenge = request.CodeChallenge,
            KeyThumbprint = request.KeyThumbprint,
            Scopes = request.Scopes,
            Resources = request.Resources,
            Approved = approved,
            Nonce = request.Nonce,
            SignedInAt = person.SignedInAt,
            Session = Ids.New<SessionId>(now),
            ExpiresAt = now + AuthorizationCode.Lifetime,
        }, cancellationToken);
        return Return(request.RedirectUri, request.State, [new("code", code)]);
    }

    private async Task<IResult> AskAsync(HttpContext context, AuthorizeRequest request, string query, CancellationToken cancellationToken)
    {
        var person = await browser.CurrentAsync(context);
        if (person is not null && person.Org != request.Org)
            person = null;
        if (request.Prompt.Contains("none"))
            return Return(request.RedirectUri, request.State, [new("error", person is null ? "login_required" : "consent_required"), new("error_description", "This needs the person: send the request without prompt=none.")]);
        var tooOld = person is not null && request.MaxAge is { } maxAge && time.GetUtcNow() - person.SignedInAt > maxAge;
        if (person is null || tooOld || request.Prompt.Contains("login"))
            return SignInEndpoints.Redirect("/oauth2/auth" + AfterSignIn(query), request.Prompt.Contains("login"), request.MaxAge, request.LoginHint, (await organizations.OfAsync(request.Org, cancellationToken))?.Slug);
        return await consent.ShowAsync(request, person, query, cancellationToken);
    }

    private static OAuthParameters Parameters(string query) =>
        new(QueryHelpers.ParseQuery(query).SelectMany(field => field.Value, (field, value) => new KeyValuePair<string, string>(field.Key, value ?? "")));

    // After the sign-in the same request comes back: asked to sign in again, or to be younger than it can be (max_age=0), it would never end.
    private static string AfterSignIn(string query)
    {
        var fields = QueryHelpers.ParseQuery(query);
        var prompt = string.Join(' ', Scopes.Parse(fields.GetValueOrDefault("prompt")).Where(value => value != "login"));
        fields["prompt"] = prompt;
        return QueryString.Create(fields.Where(field => field.Key != "max_age" && (field.Key != "prompt" || prompt.Length > 0))).Value ?? "";
    }

    private IResult Return(string redirectUri, string? state, Failure failure) =>
        Return(redirectUri, state, [new("error", OAuthErrors.CodeOf(failure.Code).Error), new("error_description", failure.Message)]);

    // Every answer names the issuer, so that a client of several servers cannot be confused (RFC 9207).
    private IResult Return(string redirectUri, string? state, IEnumerable<KeyValuePair<string, string>> parameters) =>
        SeeOther.To(RedirectUri.With(redirectUri, [.. parameters, .. state is null ? [] : (KeyValuePair<string, string>[])[new("state", state)], new("iss", settings.Issuer)]));
}

using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Limits;

namespace Kontext.Functions.OAuth;

/// <summary>The endpoints under /oauth2 (contract 3).</summary>
internal static class OAuthEndpoints
{
    public static void Map(IEndpointRouteBuilder app)
    {
        // For programs: JSON errors, and reachable from browser-based clients.
        var programs = app.MapGroup("/oauth2").WithMetadata(new Surface(Authenticate: null, OAuthErrors.Of)).RequireCors(PublicCors.Policy);
        programs.MapPost("/token", (HttpContext context, TokenEndpoint endpoint) => endpoint.IssueAsync(context, context.RequestAborted)).LimitFailures().RecordRefusals();
        programs.MapPost("/revoke", (HttpContext context, RevocationEndpoint endpoint) => endpoint.RevokeAsync(context, context.RequestAborted)).LimitFailures().RecordRefusals();
        programs.MapPost("/introspect", (HttpContext context, IntrospectionEndpoint endpoint) => endpoint.IntrospectAsync(context, context.RequestAborted)).LimitFailures().RecordRefusals();
        // Contract 3.4 knows the second name.
        foreach (var path in (string[])["/device/authorize", "/device/auth"])
            programs.MapPost(path, (HttpContext context, DeviceAuthorizationEndpoint endpoint) => endpoint.StartAsync(context, context.RequestAborted)).LimitFailures().LimitCreations().RecordRefusals();
        programs.MapPost("/register", (HttpContext context, RegistrationEndpoint endpoint) => endpoint.RegisterAsync(context, context.RequestAborted)).LimitCreations();
        programs.MapGet("/register/{client}", (string client, HttpContext context, RegistrationManagement registrations) => registrations.ReadAsync(context, client, context.RequestAborted)).LimitFailures();
        programs.MapDelete("/register/{client}", (string client, HttpContext context, RegistrationManagement registrations) => registrations.DeleteAsync(context, client, context.RequestAborted)).LimitFailures();

        var bearer = app.MapGroup("/oauth2").RequireCors(PublicCors.Policy).WithMetadata(new Surface(
            context => context.RequestServices.GetRequiredService<BearerAuthentication>().AnyAsync(context), OAuthErrors.Of));
        bearer.MapGet("/userinfo", UserInfo);
        bearer.MapPost("/userinfo", UserInfo);

        // For people: pages, and no CORS (OAuth 2.1 section 3.1).
        var people = app.MapGroup("/oauth2").WithMetadata(new Surface(Authenticate: null, Pages.PageErrors.Of));
        foreach (var path in (string[])["/auth", "/authorize"])
        {
            people.MapGet(path, (HttpContext context, AuthorizeEndpoint endpoint) => endpoint.StartAsync(context, context.RequestAborted));
            people.MapPost(path, (HttpContext context, AuthorizeEndpoint endpoint) => endpoint.StartAsync(context, context.RequestAborted));
        }
        people.MapPost("/auth/decision", (HttpContext context, AuthorizeEndpoint endpoint) => endpoint.DecideAsync(context, context.RequestAborted));
    }

    private static IResult UserInfo(HttpContext context)
    {
        context.Response.Headers.CacheControl = "no-store";
        if (CallerOf.Request(context) is not AgentCaller caller || !caller.Scopes.Contains(Scopes.OpenId))
            return OAuthErrors.Of(context, new Failure(FailureCode.InsufficientScope, "Userinfo needs a person's access token with the scope openid."));
        return Results.Json(new UserInfoBody(
            caller.User.Id.ToString(),
            caller.Scopes.Contains("profile") ? caller.User.DisplayName : null,
            caller.Scopes.Contains("email") ? caller.User.Email : null), OAuthJson.Default.UserInfoBody);
    }
}

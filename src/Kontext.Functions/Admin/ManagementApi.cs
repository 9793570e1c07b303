using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Kontext.Domain;
using Kontext.Functions.Api;
using Kontext.Functions.Organizations;
using Kontext.Functions.SignIn;
using Microsoft.AspNetCore.Http.Features;

namespace Kontext.Functions.Admin;

/// <summary>The person on whose behalf one of our own pages calls the management API. No request from outside can carry it.</summary>
internal sealed record PageCaller(PersonCaller Person);

/// <summary>A page's call of the management API.</summary>
/// <param name="Method">Its method.</param>
/// <param name="Address">Path and query below <c>/api/v1</c>.</param>
/// <param name="Body">Its JSON; null for none.</param>
internal sealed record ApiRequest(string Method, string Address, byte[]? Body = null)
{
    /// <summary>The tag of the state that a change is meant for; null for whatever state there is.</summary>
    public string? IfMatch { get; init; }
}

/// <summary>The management API as the administration pages use it: its own endpoints, run in this process as the person signed in. So a page can do nothing that the API refuses that person, and what it does is checked and recorded in one place.</summary>
internal sealed class ManagementApi
{
    private const string Root = "/api/v1";
    private RequestDelegate? endpoints;

    /// <summary>Takes over the program's endpoints. Called once, at the start, when the API's are mapped.</summary>
    public void Attach(WebApplication app)
    {
        // A pipeline of its own has a routing of its own, which has to be given the endpoints.
        var own = ((IApplicationBuilder)app).New();
        own.UseRouting();
        own.UseCors();
        own.UseMiddleware<SurfaceMiddleware>();
        own.UseEndpoints(routes =>
        {
            foreach (var source in ((IEndpointRouteBuilder)app).DataSources)
                routes.DataSources.Add(source);
        });
        endpoints = own.Build();
    }

    /// <summary>Sends a request and reads the answer; what the API refuses is a failure with its words.</summary>
    public async Task<Result<T>> SendAsync<T>(HttpContext page, BrowserUser user, ApiRequest request, JsonTypeInfo<T> answer)
        where T : class => (await SendTaggedAsync(page, user, request, answer)).TryGet(out var answered, out var failure) ? answered.Value : failure;

    /// <summary>Likewise, with the tag of the state that was answered.</summary>
    public async Task<Result<(T Value, string Tag)>> SendTaggedAsync<T>(HttpContext page, BrowserUser user, ApiRequest request, JsonTypeInfo<T> answer)
        where T : class
    {
        using var body = new MemoryStream();
        var call = CallOf(page, user, request);
        call.Response.Body = body;
        await RunAsync(call);
        if (call.Response.StatusCode >= StatusCodes.Status400BadRequest)
            return Refusal(body, call.Response.StatusCode);
        var value = JsonSerializer.Deserialize(body.ToArray(), answer) ?? throw new InvalidOperationException($"{request.Method} {request.Address} was answered without a body.");
        return (value, call.Response.Headers.ETag.ToString());
    }

    /// <summary>Sends a request whose answer has no body to read.</summary>
    public async Task<Result<Done>> SendAsync(HttpContext page, BrowserUser user, ApiRequest request)
    {
        using var body = new MemoryStream();
        var call = CallOf(page, user, request);
        call.Response.Body = body;
        await RunAsync(call);
        return call.Response.StatusCode >= StatusCodes.Status400BadRequest ? Refusal(body, call.Response.StatusCode) : default(Done);
    }

    /// <summary>Lets the API answer the browser itself: for files to be downloaded.</summary>
    public IResult Download(BrowserUser user, ApiRequest request) => new Forwarded(this, user, request);

    private Task RunAsync(HttpContext call) => (endpoints ?? throw new InvalidOperationException("The management API is not attached."))(call);

    private static DefaultHttpContext CallOf(HttpContext page, BrowserUser user, ApiRequest request)
    {
        var call = new DefaultHttpContext { RequestServices = page.RequestServices, RequestAborted = page.RequestAborted, TraceIdentifier = page.TraceIdentifier };
        call.Features.Set(new PageCaller(new PersonCaller(user.Org, user.User, Browser: null)));
        call.Connection.RemoteIpAddress = page.Connection.RemoteIpAddress;
        var query = request.Address.IndexOf('?', StringComparison.Ordinal);
        call.Request.Method = request.Method;
        call.Request.Scheme = page.Request.Scheme;
        call.Request.Host = page.Request.Host;
        call.Request.Path = PathString.FromUriComponent(Root + (query < 0 ? request.Address : request.Address[..query]));
        call.Request.QueryString = new QueryString(query < 0 ? "" : request.Address[query..]);
        call.Request.ContentLength = request.Body?.Length ?? 0;
        if (request.IfMatch is { } tag)
            call.Request.Headers.IfMatch = tag;
        if (request.Body is { } json)
        {
            call.Request.ContentType = "application/json";
            call.Request.Body = new MemoryStream(json, writable: false);
        }
        return call;
    }

    private static Failure Refusal(MemoryStream body, int status)
    {
        var said = JsonSerializer.Deserialize(body.ToArray(), ApiJson.Default.ApiErrorBody)!;
        return new Failure(CodeOf(status), said.Message) { Fields = said.ValidationErrors, CurrentRevision = said.CurrentRevision };
    }

    private static FailureCode CodeOf(int status) => status switch
    {
        StatusCodes.Status401Unauthorized => FailureCode.InvalidToken,
        StatusCodes.Status403Forbidden => FailureCode.Forbidden,
        StatusCodes.Status404NotFound => FailureCode.NotFound,
        StatusCodes.Status409Conflict => FailureCode.Conflict,
        StatusCodes.Status413PayloadTooLarge => FailureCode.TooLarge,
        StatusCodes.Status429TooManyRequests => FailureCode.RateLimited,
        StatusCodes.Status500InternalServerError => FailureCode.Unexpected,
        StatusCodes.Status502BadGateway => FailureCode.UpstreamFailed,
        StatusCodes.Status503ServiceUnavailable => FailureCode.Unavailable,
        _ => FailureCode.InvalidRequest,
    };

    private sealed class Forwarded(ManagementApi api, BrowserUser user, ApiRequest request) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            var call = CallOf(httpContext, user, request);
            call.Features.Set(httpContext.Features.GetRequiredFeature<IHttpResponseFeature>());
            call.Features.Set(httpContext.Features.GetRequiredFeature<IHttpResponseBodyFeature>());
            call.Features.Set(httpContext.Features.GetRequiredFeature<IHttpRequestLifetimeFeature>());
            return api.RunAsync(call);
        }
    }
}

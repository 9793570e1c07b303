using System.Diagnostics.CodeAnalysis;
using Kontext.Domain;
using Kontext.Domain.Observability;
using Kontext.Functions.Admin;
using Kontext.Functions.Limits;
using Kontext.Functions.Pages;

namespace Kontext.Functions;

/// <summary>How a group of endpoints authenticates and how it says an error. An endpoint without one is not served.</summary>
/// <param name="Authenticate">Establishes who is calling; null for endpoints that do it themselves or are public.</param>
/// <param name="Error">Turns a failure into the group's own error format.</param>
internal sealed record Surface(Func<HttpContext, ValueTask<Result<Caller>>>? Authenticate, Func<HttpContext, Failure, IResult> Error);

/// <summary>Applies the <see cref="Surface"/> of the endpoint that routing chose: makes room, authenticates, and turns what goes wrong into the surface's words.</summary>
internal sealed class SurfaceMiddleware(RequestDelegate next, EndpointDataSource endpoints, RequestSlots slots, ILogger<SurfaceMiddleware> log)
{
    private readonly OtherMethods otherMethods = new(endpoints);

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "Whatever it was, the caller gets an answer in the surface's words, and the log has the rest.")]
    public async Task InvokeAsync(HttpContext context)
    {
        context.Response.Headers["X-Request-Id"] = context.TraceIdentifier;
        var metadata = context.GetEndpoint()?.Metadata;
        var surface = metadata?.GetMetadata<Surface>();
        // Neither routing's own refusals nor a fallback have methods of their own.
        if (metadata?.GetMetadata<IHttpMethodMetadata>() is null && otherMethods.Of(context.Request.Path, context.Request.Method) is { } other)
        {
            context.Response.Headers.Allow = other.Allow;
            await Answer(context, other.Surface, new Failure(FailureCode.MethodNotAllowed, $"This address takes {other.Allow}."));
            return;
        }
        if (surface is null)
        {
            await UnknownAddress.AnswerAsync(context);
            return;
        }

        // What a page asks of the management API is part of the page's request, which has its slot. Nothing would tell when such a call has ended.
        if (metadata?.GetMetadata<AnsweredAlways>() is null && context.Features.Get<PageCaller>() is null && slots.RefusalOf(context) is { } busy)
        {
            // No line in the log for each of what may be very many.
            await surface.Error(context, busy).ExecuteAsync(context);
            return;
        }

        try
        {
            if (surface.Authenticate is { } authenticate)
            {
                if (!(await AuthenticateAsync(context, authenticate)).TryGet(out var caller, out var failure))
                {
                    await Answer(context, surface, failure);
                    return;
                }
                context.Items[typeof(Caller)] = caller;
            }
            await next(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client went away: there is nobody to answer.
        }
        catch (BadHttpRequestException tooLarge) when (tooLarge.StatusCode == StatusCodes.Status413PayloadTooLarge && !context.Response.HasStarted)
        {
            await Answer(context, surface, new Failure(FailureCode.TooLarge, "The request's body is too large."));
        }
        catch (BadHttpRequestException bad) when (!context.Response.HasStarted)
        {
            await Answer(context, surface, new Failure(FailureCode.InvalidRequest, "The request cannot be read: check ids, parameters and the body's format.", bad.Message));
        }
        catch (IOException unreadable) when (unreadable.InnerException is OverflowException && !context.Response.HasStarted)
        {
            // The server says of a chunk whose size is no number only that it cannot be read.
            await Answer(context, surface, new Failure(FailureCode.InvalidRequest, "The request cannot be read: check ids, parameters and the body's format.", unreadable.Message));
        }
        catch (ArgumentException malformed) when (malformed.ParamName == "cursor" && !context.Response.HasStarted)
        {
            await Answer(context, surface, new Failure(FailureCode.InvalidRequest, "The cursor is not one this server gave out. Start the list from its beginning."));
        }
        catch (Storage.RowTooLargeException tooLarge) when (!context.Response.HasStarted)
        {
            await Answer(context, surface, new Failure(FailureCode.TooLarge, "This is more than can be stored in one entry. Send shorter texts, or fewer of them.", tooLarge.Message));
        }
        catch (Storage.StorageUnavailableException unavailable) when (!context.Response.HasStarted)
        {
            Log.StorageUnavailable(log, unavailable);
            await Answer(context, surface, new Failure(FailureCode.Unavailable, "The service cannot reach its storage right now. Try again shortly.") { RetryAfter = unavailable.RetryAfter ?? TimeSpan.FromSeconds(2) });
        }
        catch (Exception fault) when (!context.Response.HasStarted)
        {
            // A framework's own page about it would show the request, credentials included.
            Log.Unexpected(log, fault, context.Request.Method, context.GetEndpoint()?.DisplayName, context.TraceIdentifier);
            await surface.Error(context, new Failure(FailureCode.Unexpected, $"Something went wrong here. If it happens again, tell whoever runs this the request id {context.TraceIdentifier}.")).ExecuteAsync(context);
        }
    }

    private static async ValueTask<Result<Caller>> AuthenticateAsync(HttpContext context, Func<HttpContext, ValueTask<Result<Caller>>> authenticate)
    {
        using var span = Stages.Start(Stages.Authenticate);
        var established = await authenticate(context);
        if (!established.TryGet(out _, out var failure))
            span.Fail(failure);
        return established;
    }

    private Task Answer(HttpContext context, Surface surface, Failure failure)
    {
        Log.Refused(log, context.Request.Method, context.GetEndpoint()?.DisplayName, failure.Code, failure.Detail);
        return surface.Error(context, failure).ExecuteAsync(context);
    }
}

/// <summary>Reads the caller that the surface established.</summary>
internal static class CallerOf
{
    /// <summary>The caller. Only for endpoints whose surface authenticates.</summary>
    public static Caller Request(HttpContext context) =>
        context.Items[typeof(Caller)] as Caller ?? throw new InvalidOperationException("The endpoint's surface does not authenticate.");
}

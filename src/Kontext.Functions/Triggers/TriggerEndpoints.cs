using Kontext.Domain;
using Kontext.Functions.Limits;

namespace Kontext.Functions.Triggers;

/// <summary>
/// Where the Functions host posts what its timers and queues say: <c>POST /&lt;function name&gt;</c>. They exist only under the host, and never for a
/// request that came in from outside.
/// </summary>
internal static class TriggerEndpoints
{
    private static readonly Surface HostOnly = new(FromHostItself, Error);

    /// <summary>Publishes one address per timer and queue, if the Functions host started the program.</summary>
    public static void Map(IEndpointRouteBuilder app, KontextSettings settings)
    {
        if (settings.HandlerPort is null)
            return;
        foreach (var trigger in app.ServiceProvider.GetServices<ITimerTrigger>())
        {
            app.MapPost("/" + trigger.Name, (HttpContext context, ILogger<ITimerTrigger> log, TimeProvider time) => Run(trigger, context, log, time))
                .WithMetadata(HostOnly, AnsweredAlways.Mark);
        }
        foreach (var trigger in app.ServiceProvider.GetServices<IMessageTrigger>())
            app.MapPost("/" + trigger.Name, (HttpContext context, ILogger<IMessageTrigger> log, TimeProvider time) => Take(trigger, context, log, time)).WithMetadata(HostOnly, AnsweredAlways.Mark);
    }

    private static async Task<IResult> Take(IMessageTrigger trigger, HttpContext context, ILogger<IMessageTrigger> log, TimeProvider time)
    {
        var message = await MessagePost.ReadAsync(context);
        return Answer(await TriggerRun.RunAsync(trigger.Name, token => trigger.RunAsync(message, token), log, time, context.RequestAborted));
    }

    private static async Task<IResult> Run(ITimerTrigger trigger, HttpContext context, ILogger<ITimerTrigger> log, TimeProvider time)
    {
        return Answer(await TriggerRun.RunAsync(trigger.Name, trigger.RunAsync, log, time, context.RequestAborted));
    }

    // An empty answer would hang the invocation until functionTimeout, after which the host kills the program. A failure makes the host deliver a message again.
    private static IResult Answer(bool succeeded) =>
        Results.Text("{}", "application/json", statusCode: succeeded ? StatusCodes.Status200OK : StatusCodes.Status500InternalServerError);

    /// <summary>The host marks every request it passes on, and no trigger it posts, with these headers; a client cannot take them off.</summary>
    private static ValueTask<Result<Caller>> FromHostItself(HttpContext context)
    {
        foreach (var name in context.Request.Headers.Keys)
        {
            if (name.Equals("x-ms-invocation-id", StringComparison.OrdinalIgnoreCase) || name.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase))
                return ValueTask.FromResult<Result<Caller>>(new Failure(FailureCode.NotFound, "There is nothing at this address.", "a trigger was called from outside"));
        }
        return ValueTask.FromResult<Result<Caller>>(new HostCaller());
    }

    private static IResult Error(HttpContext context, Failure failure)
    {
        // Whoever is not the host learns nothing, not even that another method would be taken.
        context.Response.Headers.Remove("Allow");
        var status = failure.Code is FailureCode.NotFound or FailureCode.MethodNotAllowed ? StatusCodes.Status404NotFound : StatusCodes.Status500InternalServerError;
        return Results.Json(new NotFoundBody(status == StatusCodes.Status404NotFound ? "There is nothing at this address." : failure.Message, status), RootJson.Default.NotFoundBody, statusCode: status);
    }
}

/// <summary>The Functions host, which acts for no organization in particular: its organization is the empty id, which none has.</summary>
internal sealed record HostCaller() : Caller(default(OrgId));

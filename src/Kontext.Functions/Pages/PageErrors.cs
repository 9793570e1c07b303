using System.Globalization;
using Kontext.Domain;

namespace Kontext.Functions.Pages;

/// <summary>How the pages say that something went wrong.</summary>
internal static class PageErrors
{
    /// <summary>The error page for a failure, with its status.</summary>
    public static IResult Of(HttpContext context, Failure failure)
    {
        SayWhen(context, failure);
        var (status, title, whatToDo) = Describe(failure.Code);
        return PageResult.Of<ErrorPage>(new ErrorModel(status, title, failure.Message, whatToDo, context.Items[typeof(PagePerson)] as PagePerson), status);
    }

    /// <summary>The status of a failure's page.</summary>
    public static int StatusOf(FailureCode code) => Describe(code).Status;

    /// <summary>Says in a header when to come back, if the failure knows.</summary>
    public static void SayWhen(HttpContext context, Failure failure)
    {
        if (failure.RetryAfter is { } wait)
            context.Response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
    }

    private static (int Status, string Title, string? WhatToDo) Describe(FailureCode code) => code switch
    {
        FailureCode.InvalidRequest => (400, "This request is not valid", StartAgain),
        FailureCode.InvalidClient => (400, "This agent is not known here", "Ask whoever runs the agent to register it with your organization."),
        FailureCode.UnauthorizedClient => (400, "This agent may not do that", "Ask whoever runs the agent to check its settings."),
        FailureCode.InvalidGrant => (400, "This link has been used or has expired", StartAgain),
        FailureCode.InvalidToken => (401, "You are not signed in", "Sign in and try again."),
        FailureCode.InvalidScope => (400, "The agent asked for more than it may have", "Ask whoever runs the agent to check what it asks for."),
        FailureCode.InsufficientScope => (403, "Not covered by what was approved", StartAgain),
        FailureCode.InvalidTarget => (400, "The agent asked for a service it cannot use", "Ask an administrator to attach the service to the agent."),
        FailureCode.InvalidDPoPProof => (400, "This request is not valid", StartAgain),
        FailureCode.UseDPoPNonce => (400, "This request is not valid", StartAgain),
        FailureCode.UnsupportedGrantType => (400, "This request is not valid", StartAgain),
        FailureCode.UnsupportedResponseType => (400, "This request is not valid", StartAgain),
        FailureCode.AccessDenied => (403, "Access was refused", "Nothing was given to the agent. You can close this window."),
        FailureCode.AuthorizationPending or FailureCode.SlowDown => (400, "Nothing was decided yet", "Wait a moment and try again."),
        FailureCode.ExpiredToken => (400, "This took too long", StartAgain),
        FailureCode.NotFound => (404, "There is nothing here", "Check the address. A link that an agent gave you may have expired: ask it for a new one."),
        FailureCode.NotConnected => (403, "This service is not connected", "Connect it and try again."),
        FailureCode.PolicyDenied => (403, "Your organization does not allow this", "An administrator can tell you which rule decided."),
        FailureCode.ApprovalRequired => (403, "This needs your approval", "Approve it and try again."),
        FailureCode.Forbidden => (403, "This is not yours to change", "Ask an administrator."),
        FailureCode.Conflict => (409, "Something else changed this first", "Go back, reload the page and try again."),
        FailureCode.Misconfigured => (503, "This is not set up yet", "Ask an administrator to finish the configuration."),
        FailureCode.MethodNotAllowed => (405, "This page cannot be used like that", StartAgain),
        FailureCode.TooLarge => (413, "This is too large", null),
        FailureCode.RateLimited => (429, "Too many attempts", "Wait a moment and try again."),
        FailureCode.Unavailable => (503, "Not available right now", "Wait a moment and try again."),
        FailureCode.UpstreamFailed => (502, "The service answered with an error", "Try again. If it keeps happening, the service itself may have a problem."),
        FailureCode.Unexpected => (500, "Something went wrong here", "Try again. If it keeps happening, tell an administrator."),
    };

    private const string StartAgain = "Go back to where you came from and start again.";
}

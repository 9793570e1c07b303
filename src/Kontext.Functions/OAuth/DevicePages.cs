using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Pages;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.OAuth;

/// <summary>The pages on which a person lets in an agent that runs elsewhere: code, consent, done (RFC 8628 section 3.3).</summary>
internal sealed class DevicePages(DeviceApprovals approvals, ConsentScreen consent, ConsentDecision decisions, BrowserSessions browser)
{
    private const string Path = "/device";

    public static void Map(IEndpointRouteBuilder app)
    {
        var group = app.MapGroup(Path).WithMetadata(new Surface(Authenticate: null, PageErrors.Of));
        group.MapGet("", (HttpContext context, DevicePages pages) => pages.ShowAsync(context));
        group.MapPost("", (HttpContext context, DevicePages pages) => pages.PostAsync(context, "user_code", pages.AskAsync));
        group.MapPost("/decision", (HttpContext context, DevicePages pages) => pages.PostAsync(context, "request", pages.DecideAsync));
    }

    /// <summary>The form. A code in the address (<c>verification_uri_complete</c>) is filled in, not submitted: the person compares it first (RFC 8628 section 3.3.1).</summary>
    private async Task<IResult> ShowAsync(HttpContext context)
    {
        var code = UserCode.Normalize(context.Request.Query["user_code"]);
        return await browser.CurrentAsync(context) is { } person ? Form(person, code, error: null) : SignIn(code);
    }

    /// <summary>Every form names its agent by the user code, and every look at one counts against guessing.</summary>
    private async Task<IResult> PostAsync(HttpContext context, string field, Func<HttpContext, BrowserUser, WaitingDevice, IFormCollection, Task<IResult>> act)
    {
        if (!(await FormFields.ReadAsync(context.Request, context.RequestAborted)).TryGet(out _, out var failure))
            return PageErrors.Of(context, failure);
        var form = await context.Request.ReadFormAsync(context.RequestAborted);
        var typed = form[field].ToString();
        if (await browser.CurrentAsync(context) is not { } person)
            return SignIn(UserCode.Normalize(typed));
        if (!browser.IsCsrf(context, person, form["csrf"]))
            return PageErrors.Of(context, new Failure(FailureCode.InvalidRequest, "The form is out of date, or came from another page. Go back, reload the page and try again."));
        if ((await approvals.FindAsync(ApproverOf(person), typed, context.RequestAborted)).TryGet(out var device, out failure))
            return await act(context, person, device, form);
        return failure.Code == FailureCode.InvalidGrant ? Form(person, typed, failure.Message) : PageErrors.Of(context, failure);
    }

    private Task<IResult> AskAsync(HttpContext context, BrowserUser person, WaitingDevice device, IFormCollection form) =>
        consent.ShowForDeviceAsync(device.Request, person, form["user_code"].ToString(), unconfirmed: false, context.RequestAborted);

    private async Task<IResult> DecideAsync(HttpContext context, BrowserUser person, WaitingDevice device, IFormCollection form)
    {
        if (form["decision"] == "approve" && form["started"] != "yes")
            return await consent.ShowForDeviceAsync(device.Request, person, form["request"].ToString(), unconfirmed: true, context.RequestAborted);
        var approved = await decisions.TakeAsync(device.Request, person, form, context.RequestAborted);
        return (await approvals.DecideAsync(ApproverOf(person), device.Authorization, approved, context.RequestAborted)).TryGet(out _, out var failure)
            ? PageResult.Of<DeviceDonePage>(new DeviceDoneModel(device.Request.Application.Name, Approved: approved is not null))
            : PageErrors.Of(context, failure);
    }

    private static IResult Form(BrowserUser person, string? code, string? error)
    {
        var shown = UserCode.Normalize(code) is { } normal ? UserCode.Display(normal) : code;
        return PageResult.Of<DevicePage>(new DeviceModel(person.User.DisplayName, shown, person.CsrfToken, error), error is null ? StatusCodes.Status200OK : StatusCodes.Status400BadRequest);
    }

    private static IResult SignIn(string? code) => SignInEndpoints.Redirect(code is null ? Path : $"{Path}?user_code={UserCode.Display(code)}");

    private static DeviceApprover ApproverOf(BrowserUser person) => new(person.Org, person.User, person.SessionBinding, person.SignedInAt);
}

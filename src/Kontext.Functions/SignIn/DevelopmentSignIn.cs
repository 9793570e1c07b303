using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Tenancy;
using Kontext.Functions.OAuth;
using Kontext.Functions.Pages;

namespace Kontext.Functions.SignIn;

/// <summary>The sign-in of Development: any user name will do, and the first one becomes the owner. Registered in Development only, and only without a sign-in provider; it refuses to be constructed elsewhere.</summary>
internal sealed class DevelopmentSignIn
{
    private const string Issuer = "development";
    private const int MaxNameLength = 100;

    private readonly BrowserSessions browser;
    private readonly SignInOrganizations organizations;
    private readonly IUserStore users;
    private readonly IAuditLog audit;
    private readonly TimeProvider time;

    public DevelopmentSignIn(BrowserSessions browser, SignInOrganizations organizations, IUserStore users, IAuditLog audit, KontextSettings settings, TimeProvider time)
    {
        if (!settings.Development || settings.SignIn is not null)
            throw new InvalidOperationException("The development sign-in exists in Development without a sign-in provider only.");
        (this.browser, this.organizations, this.users, this.audit, this.time) = (browser, organizations, users, audit, time);
    }

    /// <summary>The form.</summary>
    public IResult Show(HttpContext context, OrganizationSettings organization, string? returnTo, string? loginHint, string? error) =>
        PageResult.Of<LoginPage>(new LoginModel(organization.Name, organization.Slug, AgentName: null, SignInEndpoints.LocalPath(returnTo), browser.VisitorCsrf(context), error, SignInWish.HintOf(loginHint)), error is null ? 200 : 400);

    /// <summary>Takes the form: signs the person in and goes on to where they came from.</summary>
    public async Task<IResult> SubmitAsync(HttpContext context)
    {
        if (!(await FormFields.ReadAsync(context.Request, context.RequestAborted)).TryGet(out _, out var unreadable))
            return PageErrors.Of(context, unreadable);
        var form = await context.Request.ReadFormAsync(context.RequestAborted);
        var returnTo = SignInEndpoints.LocalPath(form["return_to"]);
        if (organizations.Find(form["organization"]) is not { } organization)
            return SignInOrganizations.Ask(new SignInWish(returnTo, Fresh: false, MaxAgeSeconds: null, LoginHint: null), form["organization"]);
        if (!browser.IsVisitorCsrf(context, form["csrf"]))
            return Show(context, organization, returnTo, loginHint: null, "This form was out of date. Please try again.");
        var name = form["username"].ToString().Trim();
        if (name.Length is 0 or > MaxNameLength || !PrintableText.IsPrintable(name))
            return Show(context, organization, returnTo, loginHint: null, $"Enter a user name of 1 to {MaxNameLength} characters.");

        var org = await organizations.IdOfAsync(organization, context.RequestAborted);
        var user = await EnsureUserAsync(org, name, context.RequestAborted);
        if (user.Disabled)
        {
            var disabled = new Failure(FailureCode.Forbidden, "This account is disabled.");
            await audit.AppendAsync(org, SignInRecord.Refused(time.GetUtcNow(), user, disabled), context.RequestAborted);
            return PageErrors.Of(context, disabled);
        }
        await audit.AppendAsync(org, SignInRecord.Done(time.GetUtcNow(), user), context.RequestAborted);
        await browser.SignInAsync(context, org, user.Id);
        return SeeOther.To(returnTo);
    }

    private async Task<User> EnsureUserAsync(OrgId org, string name, CancellationToken cancellationToken)
    {
        var id = User.IdOf(org, Issuer, name);
        if (await users.FindAsync(org, id, cancellationToken) is { } known)
            return known.Value;
        var founder = await users.ClaimFoundingAsync(org, id, cancellationToken);
        await users.InsertAsync(org, new User
        {
            Id = id,
            Issuer = Issuer,
            Subject = name,
            Name = name,
            Email = name.Contains('@', StringComparison.Ordinal) ? name : null,
            Roles = [founder ? "owner" : RoleOf(name)],
            CreatedAt = time.GetUtcNow(),
        }, cancellationToken);
        return (await users.FindAsync(org, id, cancellationToken))!.Value;
    }

    /// <summary>Who signs in as <c>ada+auditor</c> or <c>ada+admin</c> has that role, so that each can be tried out.</summary>
    private static string RoleOf(string name) =>
        name.EndsWith("+auditor", StringComparison.Ordinal) ? "auditor" : name.EndsWith("+admin", StringComparison.Ordinal) ? "admin" : "member";
}

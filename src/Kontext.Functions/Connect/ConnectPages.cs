using Kontext.Domain;
using Kontext.Functions.Pages;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Connect;

/// <summary>The connect pages as people see them.</summary>
internal sealed class ConnectPages : IConnectPages
{
    /// <inheritdoc/>
    public IResult Connect(HttpContext context, ConnectView view, int statusCode) => PageResult.Of<ConnectPage>(
        new ConnectModel(
            view.AgentName, view.UserName,
            [.. view.Cards.Select(card => new ConnectCard(card.Id, card.Name, card.Kind, card.Status, card.StatusReason, card.Account, card.TokenLabel, card.TokenHelpUrl, card.TokenPlaceholder, card.Fields)
            {
                Refused = view.Outcome.Refused is { } refused && refused.Integration.ToString() == card.Id ? refused.Entry : null,
            })],
            view.Action, view.SessionHandle, view.CsrfToken, view.ReturnUrl, view.Outcome.Notice, view.Outcome.Error),
        statusCode);

    /// <inheritdoc/>
    public IResult Onward(HttpContext context, string integrationName, Uri target) => ContinuePage.IsNeeded(context) ? ContinuePage.ToService(integrationName, target) : SeeOther.To(target.AbsoluteUri);

    /// <inheritdoc/>
    public IResult Done(HttpContext context, string integrationName, string? account, string? next, string? returnUrl, string? notice) =>
        PageResult.Of<ConnectDonePage>(new ConnectDoneModel(integrationName, account, next, returnUrl, notice));

    /// <inheritdoc/>
    public IResult Failed(HttpContext context, Failure failure, string integrationName, string? back, string? returnUrl)
    {
        PageErrors.SayWhen(context, failure);
        return PageResult.Of<ConnectFailedPage>(new ConnectFailedModel(integrationName, failure.Message, back, returnUrl), PageErrors.StatusOf(failure.Code));
    }

    /// <inheritdoc/>
    public IResult SignedOut(HttpContext context, string? integrationName, string returnTo) => PageResult.Of<ConnectFailedPage>(
        new ConnectFailedModel(
            integrationName ?? "integration",
            integrationName is null
                ? "Your sign-in has ended, so this answer cannot be taken. Sign in again to see what is connected."
                : $"Your sign-in ended while you were at {integrationName}, so nothing was connected. Sign in again, and connect it once more where you began.",
            SignInEndpoints.PathOf(returnTo), ReturnUrl: null, BackText: "Sign in again"),
        StatusCodes.Status401Unauthorized);

    /// <inheritdoc/>
    public IResult SignIn(HttpContext context, string returnTo) => ContinuePage.ToSignIn(returnTo);

    /// <inheritdoc/>
    public IResult Error(HttpContext context, Failure failure) => PageErrors.Of(context, failure);
}

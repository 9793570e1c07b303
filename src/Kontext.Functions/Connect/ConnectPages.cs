using Kontext.Domain;
using Kontext.Functions.Pages;

namespace Kontext.Functions.Connect;

/// <summary>The connect pages as people see them.</summary>
internal sealed class ConnectPages : IConnectPages
{
    /// <inheritdoc/>
    public IResult Connect(HttpContext context, ConnectView view, int statusCode, IReadOnlyList<Uri> formTargets) => PageResult.Of<ConnectPage>(
        new ConnectModel(
            view.AgentName, view.UserName,
            [.. view.Cards.Select(card => new ConnectCard(card.Id, card.Name, card.Kind, card.Status, card.StatusReason, card.Account, card.TokenLabel, card.TokenHelpUrl, card.TokenPlaceholder, card.Fields))],
            view.Action, view.SessionHandle, view.CsrfToken, view.ReturnUrl, view.Notice, view.Error),
        statusCode, formTargets);

    /// <inheritdoc/>
    public IResult Done(HttpContext context, string integrationName, string? account, string? returnUrl, string? notice) =>
        PageResult.Of<ConnectDonePage>(new ConnectDoneModel(integrationName, account, returnUrl, notice));

    /// <inheritdoc/>
    public IResult Error(HttpContext context, Failure failure) => PageErrors.Of(context, failure);
}

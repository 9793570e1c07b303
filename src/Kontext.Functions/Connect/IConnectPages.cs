using Kontext.Domain;
using Kontext.Domain.Integrations;

namespace Kontext.Functions.Connect;

/// <summary>How the connect pages look.</summary>
internal interface IConnectPages
{
    /// <summary>The page that lists services with their status.</summary>
    IResult Connect(HttpContext context, ConnectView view, int statusCode);

    /// <summary>Leads from that page to the provider at which the person allows access.</summary>
    IResult Onward(HttpContext context, string integrationName, Uri target);

    /// <summary>The end of connecting a service; <paramref name="next"/> is the page on which others wait for that and <paramref name="notice"/> what the person should know besides, null for nothing.</summary>
    IResult Done(HttpContext context, string integrationName, string? account, string? next, string? returnUrl, string? notice);

    /// <summary>A provider's answer that connected nothing; <paramref name="back"/> is the page on which it was begun, null when that is gone.</summary>
    IResult Failed(HttpContext context, Failure failure, string integrationName, string? back, string? returnUrl);

    /// <summary>A provider's answer to somebody whose sign-in ended meanwhile, with the way to sign in again.</summary>
    IResult SignedOut(HttpContext context, string? integrationName, string returnTo);

    /// <summary>Leads from a form of somebody whose sign-in ended to sign in, and back to the page.</summary>
    IResult SignIn(HttpContext context, string returnTo);

    /// <summary>What went wrong.</summary>
    IResult Error(HttpContext context, Failure failure);
}

/// <summary>What the connect page shows.</summary>
/// <param name="AgentName">The agent the services are for.</param>
/// <param name="UserName">The person whose accounts they are.</param>
/// <param name="Cards">The services.</param>
/// <param name="Action">Prefix of the form targets: <c>/start</c>, <c>/token</c>, <c>/credentials</c>, <c>/disconnect</c>.</param>
/// <param name="SessionHandle">The connect session, posted back as <c>session</c>.</param>
/// <param name="CsrfToken">Posted back as <c>csrf</c>.</param>
/// <param name="ReturnUrl">Where the person goes when done; null for nowhere.</param>
/// <param name="Outcome">What came of the last form.</param>
internal sealed record ConnectView(
    string AgentName, string UserName, IReadOnlyList<ConnectItem> Cards, string Action, string SessionHandle, string CsrfToken, string? ReturnUrl, ConnectOutcome Outcome);

/// <summary>A service on the connect page.</summary>
/// <param name="Id">Posted back as <c>integration</c>.</param>
/// <param name="Name">Its name.</param>
/// <param name="Kind"><c>oauth</c>, <c>user_token</c>, <c>credentials</c> or <c>none</c>.</param>
/// <param name="Status"><c>connected</c> or <c>disconnected</c>.</param>
/// <param name="StatusReason">Why it does not work, in words; null when there is nothing to say.</param>
/// <param name="Account">The account at the service; null when not known.</param>
/// <param name="TokenLabel">Label of the token field; null for the ordinary one.</param>
/// <param name="TokenHelpUrl">Where a token is found; null when not known.</param>
/// <param name="TokenPlaceholder">Example of a token; null for none.</param>
/// <param name="Fields">Credential fields, posted as <c>field:</c> and the name.</param>
internal sealed record ConnectItem(
    string Id, string Name, string Kind, string Status, string? StatusReason, string? Account, string? TokenLabel, string? TokenHelpUrl, string? TokenPlaceholder, IReadOnlyList<CredentialField> Fields);

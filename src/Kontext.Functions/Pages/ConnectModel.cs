using Kontext.Domain.Integrations;

namespace Kontext.Functions.Pages;

/// <summary>What the connect page shows (contract 5.2). Every form posts <c>csrf</c>, <c>session</c> and <c>integration</c>.</summary>
/// <param name="AgentName">The agent the services are for.</param>
/// <param name="UserName">The person whose accounts they are.</param>
/// <param name="Cards">The services.</param>
/// <param name="Action">Prefix of the form targets: <c>/start</c>, <c>/token</c>, <c>/credentials</c> and <c>/disconnect</c> are appended.</param>
/// <param name="SessionHandle">The connect session, posted back as <c>session</c>.</param>
/// <param name="CsrfToken">Posted back as <c>csrf</c>.</param>
/// <param name="ReturnUrl">Where the person goes when done; null for nowhere.</param>
/// <param name="Notice">What just succeeded; null for nothing.</param>
/// <param name="Error">What just failed; null for nothing.</param>
public sealed record ConnectModel(
    string AgentName,
    string UserName,
    IReadOnlyList<ConnectCard> Cards,
    string Action,
    string SessionHandle,
    string CsrfToken,
    string? ReturnUrl,
    string? Notice,
    string? Error);

/// <summary>A service on the connect page.</summary>
/// <param name="Id">Posted back as <c>integration</c>.</param>
/// <param name="Name">Its name.</param>
/// <param name="Kind"><c>oauth</c>, <c>user_token</c>, <c>credentials</c> or <c>none</c>.</param>
/// <param name="Status"><c>connected</c> or <c>disconnected</c>.</param>
/// <param name="StatusReason">Why it is not connected any more, or what the connection lacks; null when there is nothing to say.</param>
/// <param name="Account">The account at the service; null when not known.</param>
/// <param name="TokenLabel">Label of the <c>token</c> field; null for the ordinary one.</param>
/// <param name="TokenHelpUrl">Where the person finds a token; null when not known. Only http and https addresses are shown.</param>
/// <param name="TokenPlaceholder">Example of a token; null for none.</param>
/// <param name="Fields">Credential fields, for <c>credentials</c>: each is posted as <c>field:</c> followed by its name.</param>
public sealed record ConnectCard(
    string Id,
    string Name,
    string Kind,
    string Status,
    string? StatusReason,
    string? Account,
    string? TokenLabel,
    string? TokenHelpUrl,
    string? TokenPlaceholder,
    IReadOnlyList<CredentialField> Fields)
{
    /// <summary>What the names of credential fields begin with in the posted form.</summary>
    public const string FieldPrefix = "field:";

    /// <summary>What was entered last and refused; null for nothing.</summary>
    public RefusedEntry? Refused { get; init; }

    /// <summary>The service can be used as it is.</summary>
    internal bool IsConnected => Status == "connected";
}

/// <summary>A token or credentials that were entered and refused.</summary>
/// <param name="Errors">What is wrong, by field; that of a single token is called <c>token</c>.</param>
/// <param name="Texts">What was entered into the fields that hold no secret.</param>
public sealed record RefusedEntry(IReadOnlyDictionary<string, string> Errors, IReadOnlyDictionary<string, string> Texts);

using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;
using Kontext.Functions.Pages;

namespace Kontext.Functions.Connect;

/// <summary>What came of the last form of the connect page.</summary>
/// <param name="Notice">What succeeded; null for nothing.</param>
/// <param name="Error">What failed; null for nothing.</param>
/// <param name="Refused">What was entered and refused, and for which service; null for nothing.</param>
internal sealed record ConnectOutcome(string? Notice = null, string? Error = null, (IntegrationId Integration, RefusedEntry Entry)? Refused = null)
{
    /// <summary>Nothing was sent yet.</summary>
    public static readonly ConnectOutcome None = new();

    /// <summary>What was said before the page was opened; null for nothing.</summary>
    public static ConnectOutcome Of(PageNotice? notice) => notice is null ? None : notice.Succeeded ? new(Notice: notice.Text) : new(Error: notice.Text);

    /// <summary>What failed.</summary>
    public static ConnectOutcome Of(Failure failure, Integration integration, ConnectForm form) =>
        new(Error: failure.Message, Refused: failure.Fields is { } errors ? (integration.Id, new RefusedEntry(errors, TextsOf(integration, form))) : null);

    // Only what the schema calls text, and shows while it is entered, goes back to the page: everything else is a secret.
    private static Dictionary<string, string> TextsOf(Integration integration, ConnectForm form)
    {
        var entered = form.Fields;
        return CredentialField.Of(integration).Where(field => !field.Secret && entered.ContainsKey(field.Name))
            .ToDictionary(field => field.Name, field => entered[field.Name].Reveal(), StringComparer.Ordinal);
    }
}

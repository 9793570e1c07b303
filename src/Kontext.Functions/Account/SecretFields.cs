using Kontext.Functions.Pages;

namespace Kontext.Functions.Account;

/// <summary>The fields of forms that hold secrets. What was entered in one is never sent back: where the form has to come once more, it is asked for anew.</summary>
internal static class SecretFields
{
    private static readonly Dictionary<string, string> Labels = new(StringComparer.Ordinal)
    {
        ["externalAuth.partnerApiKey"] = "Partner key",
        ["oauth.clientSecret"] = "Client secret",
        ["serverToken"] = "Token for everybody",
        ["token"] = "Access token or API key",
    };

    /// <summary>What people call the field; null for one that holds no secret.</summary>
    public static string? LabelOf(string name) => name.StartsWith(ConnectCard.FieldPrefix, StringComparison.Ordinal) ? FieldWords.Of(name[ConnectCard.FieldPrefix.Length..]) : Labels.GetValueOrDefault(name);
}

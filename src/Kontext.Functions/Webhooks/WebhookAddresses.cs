using System.Net;
using Kontext.Domain;
using Kontext.Functions.Upstream;

namespace Kontext.Functions.Webhooks;

/// <summary>Which addresses events may be sent to. What a name resolves to is checked again with every connection.</summary>
internal sealed class WebhookAddresses(bool allowPrivate)
{
    private const int MaxLength = 2000;

    /// <summary>What is wrong with an address; null when nothing is.</summary>
    public string? Refusal(string? text)
    {
        if (text is null || text.Length > MaxLength || !PrintableText.IsPrintable(text) || !Uri.TryCreate(text, UriKind.Absolute, out var url) || url.UserInfo.Length > 0 || url.Fragment.Length > 0)
            return $"Has to be an absolute address of at most {MaxLength} characters, without user name and fragment.";
        if (url.Scheme != Uri.UriSchemeHttps && !(allowPrivate && url.Scheme == Uri.UriSchemeHttp))
            return "Has to be an https address.";
        var isPrivate = url.IsLoopback || url.Host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)
            || (IPAddress.TryParse(url.DnsSafeHost, out var address) && !GuardedHttp.IsPublic(address));
        return isPrivate && !allowPrivate ? "Has to be a public address." : null;
    }
}

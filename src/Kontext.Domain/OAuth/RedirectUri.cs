using System.Text.RegularExpressions;

namespace Kontext.Domain.OAuth;

/// <summary>Rules for redirect URIs (OAuth 2.1 section 2.3, RFC 8252).</summary>
public static partial class RedirectUri
{
    /// <summary>May a client register it? https, http on loopback, or a private-use scheme in reverse-domain form (RFC 8252 section 7); never a fragment.</summary>
    public static bool IsRegistrable(string text) =>
        text.Length <= 2000
        && !text.Any(char.IsControl)
        && Uri.TryCreate(text, UriKind.Absolute, out var uri)
        && uri.Fragment.Length == 0 && !text.Contains('#', StringComparison.Ordinal)
        && uri.UserInfo.Length == 0
        && (uri.Scheme == Uri.UriSchemeHttps
            || (uri.Scheme == Uri.UriSchemeHttp && IsLoopback(uri))
            || (uri.Scheme.Contains('.', StringComparison.Ordinal) && uri.Scheme is not ("http" or "https")));

    /// <summary>Is the presented URI the registered one? Character by character, except that any port will do on loopback (RFC 8252 section 7.3; <c>localhost</c> too, because clients there move to a free port).</summary>
    public static bool Matches(string registered, string presented)
    {
        if (string.Equals(registered, presented, StringComparison.Ordinal))
            return true;
        return Loopback().Match(registered) is { Success: true } known && Loopback().Match(presented) is { Success: true } given
            && known.Groups["host"].Value == given.Groups["host"].Value && known.Groups["rest"].Value == given.Groups["rest"].Value;
    }

    /// <summary>Does it lead to the machine the browser runs on? Such a client cannot be told from another program there.</summary>
    public static bool IsLoopback(string uri) => Uri.TryCreate(uri, UriKind.Absolute, out var parsed) && IsLoopback(parsed);

    /// <summary>The URI with parameters added to its query (RFC 6749 section 3.1.2: an existing query is kept).</summary>
    public static string With(string redirectUri, IEnumerable<KeyValuePair<string, string>> parameters)
    {
        var separator = redirectUri.Contains('?', StringComparison.Ordinal) ? '&' : '?';
        return redirectUri + separator + string.Join('&', parameters.Select(parameter => $"{parameter.Key}={Uri.EscapeDataString(parameter.Value)}"));
    }

    private static bool IsLoopback(Uri uri) => uri.Host is "127.0.0.1" or "[::1]" or "localhost";

    // On the text as it was sent: Uri would normalize what has to match exactly (127.1 is 127.0.0.1 to it).
    [GeneratedRegex(@"^http://(?<host>127\.0\.0\.1|\[::1\]|localhost)(?::\d{1,5})?(?<rest>[/?][^#]*)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Loopback();
}

namespace Kontext.Domain.OAuth;

/// <summary>Rules for client ids that are URLs (draft-ietf-oauth-client-id-metadata-document-01 section 3). The ids we make never look like one.</summary>
public static class ClientIdUrl
{
    private const string Scheme = "https://";
    private const int MaxLength = 2000;

    /// <summary>Is the client id meant as a URL?</summary>
    public static bool IsUrl(string clientId) => clientId.StartsWith(Scheme, StringComparison.Ordinal);

    /// <summary>https, with a path, without dot segments, fragment or user information. Checked on the text, because parsing would tidy it up first.</summary>
    public static bool IsValid(string clientId)
    {
        if (!IsUrl(clientId) || clientId.Length > MaxLength || clientId.Any(character => character is <= ' ' or >= (char)127 or '\\' or '#'))
            return false;
        var path = clientId.AsSpan(Scheme.Length).IndexOfAny('/', '?') + Scheme.Length;
        if (path < Scheme.Length || clientId[path] != '/' || clientId[Scheme.Length..path].Contains('@', StringComparison.Ordinal))
            return false;
        var segments = clientId[path..].Split('?', 2)[0].Split('/');
        return !segments.Any(segment => Uri.UnescapeDataString(segment) is "." or "..")
            && Uri.TryCreate(clientId, UriKind.Absolute, out var url) && url.Host.Length > 0;
    }
}

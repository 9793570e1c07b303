using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Kontext.Domain.OAuth;

/// <summary>Proof Key for Code Exchange, S256 only (RFC 7636).</summary>
public static class Pkce
{
    /// <summary>Is it a verifier at all: 43 to 128 unreserved characters (section 4.1)?</summary>
    public static bool IsVerifier(string? text) => text is { Length: >= 43 and <= 128 } && text.All(IsUnreserved);

    /// <summary>Is it what S256 makes of a verifier: 43 base64url characters (section 4.2)?</summary>
    public static bool IsChallenge(string? text) => text is { Length: 43 } && text.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_');

    /// <summary>The S256 challenge of a verifier (section 4.2).</summary>
    public static string ChallengeOf(string verifier) => Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)));

    /// <summary>Does the verifier belong to the challenge (section 4.6)?</summary>
    public static bool Matches(string verifier, string challenge) =>
        CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(ChallengeOf(verifier)), Encoding.ASCII.GetBytes(challenge));

    private static bool IsUnreserved(char character) => char.IsAsciiLetterOrDigit(character) || character is '-' or '.' or '_' or '~';
}

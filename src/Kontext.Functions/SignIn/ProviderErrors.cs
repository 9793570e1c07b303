using Kontext.Domain;

namespace Kontext.Functions.SignIn;

/// <summary>Says the errors of a sign-in provider in words (RFC 6749 sections 4.1.2.1 and 5.2, OpenID Connect Core section 3.1.2.6).</summary>
internal static class ProviderErrors
{
    /// <summary>The failure an error code stands for. Descriptions are never shown: whoever made the link may have written them.</summary>
    public static Failure Of(string error, string where)
    {
        var detail = $"{where}: {Clean(error)}";
        return error switch
        {
            "access_denied" => new(FailureCode.AccessDenied, "You were not signed in: the sign-in provider says that it was refused or cancelled.", detail),
            "server_error" or "temporarily_unavailable" => new(FailureCode.Unavailable, "The sign-in provider of this organization has trouble right now.", detail),
            "invalid_client" or "unauthorized_client" or "invalid_scope" or "unsupported_response_type" or "invalid_request" or "redirect_uri_mismatch" =>
                new(FailureCode.Misconfigured, "The sign-in provider refuses this installation: an administrator has to check the Kontext__SignIn__ settings and what is registered at the provider.", detail),
            "invalid_grant" => new(FailureCode.InvalidGrant, "The sign-in provider says that this sign-in has been used or took too long.", detail),
            _ => new(FailureCode.AccessDenied, "You were not signed in: the sign-in provider could not complete it.", detail),
        };
    }

    // It is logged and recorded: only what error codes are made of.
    private static string Clean(string error) => new([.. error.Take(64).Where(character => char.IsAsciiLetterOrDigit(character) || character is '_' or '-' or '.')]);
}

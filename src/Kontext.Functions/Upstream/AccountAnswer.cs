using System.Text.Json;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Upstream;

/// <summary>Reads what a provider answers when asked whose token it is: a name, a refusal of the token, or nothing that says either.</summary>
internal static class AccountAnswer
{
    private const string InvalidToken = "invalid_token";

    /// <summary>The account's name, null when the token was accepted without one.</summary>
    public static Result<string?> Read(string name, AccountIdentity account, ProviderResponse answer)
    {
        var error = ErrorOf(answer.Body);
        if (answer.Status == 401 || error == InvalidToken || (error is not null && account.RefusalErrors?.Contains(error, StringComparer.Ordinal) == true)
            || answer.Challenge.Contains($"error=\"{InvalidToken}\"", StringComparison.Ordinal))
            return new Failure(FailureCode.InvalidToken, $"{name} does not accept it.", error);
        // Who is told that a scope is missing was recognized (RFC 6750 section 3.1).
        if (answer.Status == 403 && (error == "insufficient_scope" || answer.Challenge.Contains("error=\"insufficient_scope\"", StringComparison.Ordinal)))
            return Result.Of<string?>(null);
        if (answer.Status == 429 || answer.Status >= 500)
            return new Failure(FailureCode.Unavailable, $"{name} has trouble right now (status {answer.Status}).") { RetryAfter = answer.RetryAfter };
        if (!answer.IsSuccess)
            return new Failure(FailureCode.UpstreamFailed, $"{name} answered with status {answer.Status}.", error);
        return AccountName.Find(answer.Body, account.Paths) is { } found
            ? Result.Of<string?>(found)
            : new Failure(FailureCode.UpstreamFailed, $"{name} answered with something that names no account.", error);
    }

    private static string? ErrorOf(byte[] body)
    {
        try
        {
            return JsonText.ParseNode(body, new JsonDocumentOptions { MaxDepth = 32 }) is JsonObject document
                && document["error"] is JsonValue error && error.TryGetValue<string>(out var text) ? text : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

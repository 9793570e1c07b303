using System.Text.Json;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Upstream;

/// <summary>Reads what providers answer when a token is revoked.</summary>
internal static class RevocationAnswers
{
    /// <summary>Whether the token is dead now. An unknown one is answered with 200 too (RFC 7009 section 2.2).</summary>
    public static Result<Done> Read(ProviderApp app, ProviderResponse answer)
    {
        // What a DELETE does not find is gone.
        if (app.Revocation is { Method: RevocationMethod.Delete } && answer.Status is 404 or 410)
            return new Done();
        if (!answer.IsSuccess)
            return new Failure(FailureCode.UpstreamFailed, $"{app.Name} answered the revocation with status {answer.Status}.");
        // Slack, for one, says no with status 200.
        return SaysNo(answer) is { } error && !app.DeadGrantErrors.Contains(error)
            ? new Failure(FailureCode.UpstreamFailed, $"{app.Name} refused the revocation.") : new Done();
    }

    private static string? SaysNo(ProviderResponse answer)
    {
        if (answer.Body.Length == 0 || answer.ContentType is not "application/json")
            return null;
        try
        {
            return JsonText.ParseNode(answer.Body, new JsonDocumentOptions { MaxDepth = 16 }) is JsonObject body
                && body["ok"] is JsonValue ok && ok.TryGetValue<bool>(out var done) && !done
                ? (body["error"] as JsonValue)?.TryGetValue<string>(out var error) == true ? error : "" : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

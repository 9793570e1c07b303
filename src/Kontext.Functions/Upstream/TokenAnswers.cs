using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Domain.Vault;
using Microsoft.AspNetCore.WebUtilities;

namespace Kontext.Functions.Upstream;

/// <summary>Reads what token endpoints answer (RFC 6749 section 5), in all the forms they really do.</summary>
internal static class TokenAnswers
{
    private const int MaxTokenLength = 16 * 1024;
    private static readonly TimeSpan LongestLife = TimeSpan.FromDays(3650);

    private static readonly FrozenSet<string> DeadGrant = new[] { "invalid_grant", "bad_refresh_token", "invalid_refresh_token" }.ToFrozenSet();

    private static readonly FrozenSet<string> Misconfiguration = new[]
    {
        "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_target", "invalid_request", "redirect_uri_mismatch",
        "incorrect_client_credentials", "bad_client_secret", "invalid_client_id", "bad_redirect_uri",
    }.ToFrozenSet();

    /// <summary>The answer, or the typed failure it stands for.</summary>
    public static Result<TokenAnswer> Read(ProviderApp app, ProviderResponse response, DateTimeOffset askedAt)
    {
        var fields = Parse(response);
        if (ErrorOf(fields) is { } error)
            return Failed(app, response, error);
        if (!response.IsSuccess)
            return Failed(app, response);
        if (fields is null)
            return new Failure(FailureCode.UpstreamFailed, $"{app.Name} answered with something that is not a token response.", $"content type {response.ContentType}");

        var nested = app.TokenObject is { } name ? fields[name] as JsonObject : null;
        var token = Text(nested, "access_token") is null ? fields : nested!;
        var accessToken = Text(token, "access_token");
        var type = Text(token, "token_type");
        var problem = accessToken is null ? $"{app.Name} answered without an access token."
            : accessToken.Length > MaxTokenLength || accessToken.Any(character => character is < '!' or > '~') ? $"{app.Name} answered with an access token that cannot be sent."
            : !IsBearer(app, type) ? $"{app.Name} issues tokens of a type that cannot be used here."
            : null;
        return new TokenAnswer
        {
            AccessToken = problem is null ? new Secret(accessToken!) : null,
            RefreshToken = Text(token, "refresh_token") is { Length: > 0 and <= MaxTokenLength } refreshToken ? new Secret(refreshToken) : null,
            ExpiresAt = (LifeOf(token["expires_in"]) ?? app.UnstatedLifetime) is { } life ? askedAt + life : null,
            Scopes = ScopesOf(token["scope"]),
            TokenType = type,
            Problem = problem,
        };
    }

    private static Failure Failed(ProviderApp app, ProviderResponse response, string error)
    {
        var detail = $"error {error}, status {response.Status}";
        if (DeadGrant.Contains(error) || app.DeadGrantErrors.Contains(error))
            return new Failure(FailureCode.InvalidGrant, $"{app.Name} no longer accepts the grant.", detail);
        if (app.Registered && error == "invalid_client")
            return new Failure(FailureCode.InvalidClient, $"{app.Name} no longer knows the client that Kontext registered there.", detail);
        if (error == "server_error")
            return new Failure(FailureCode.UpstreamFailed, $"{app.Name} has trouble.", detail);
        return Misconfiguration.Contains(error)
            ? new Failure(FailureCode.Misconfigured, $"{app.Name} refuses our OAuth app ({error}). An administrator has to check {app.Setting}.", detail)
            : new Failure(FailureCode.Unavailable, $"{app.Name} refused this time ({error}).", detail) { RetryAfter = response.RetryAfter };
    }

    private static Failure Failed(ProviderApp app, ProviderResponse response) => response.Status switch
    {
        // A gateway that gave up does not know what the server behind it did.
        500 or 502 or 504 => new Failure(FailureCode.UpstreamFailed, $"{app.Name} has trouble (status {response.Status}).") { RetryAfter = response.RetryAfter },
        401 => new Failure(FailureCode.Misconfigured, $"{app.Name} does not know our OAuth app. An administrator has to check {app.Setting}."),
        404 or 405 or 410 => new Failure(FailureCode.Misconfigured, $"There is no token endpoint at {app.TokenEndpoint.Host} (status {response.Status}). An administrator has to check the integration's OAuth settings."),
        >= 300 and < 400 => new Failure(FailureCode.Unavailable, $"{app.Name} answered with a redirect instead of a token.") { RetryAfter = response.RetryAfter },
        _ => new Failure(FailureCode.Unavailable, $"{app.Name} refused this time (status {response.Status}).") { RetryAfter = response.RetryAfter },
    };

    private static JsonObject? Parse(ProviderResponse response)
    {
        if (response.ContentType is "application/x-www-form-urlencoded" or "text/plain" && response.Body.Length > 0 && response.Body[0] != '{')
        {
            var form = QueryHelpers.ParseQuery(Encoding.UTF8.GetString(response.Body));
            return new JsonObject(form.Where(field => field.Value.Count == 1).Select(field => KeyValuePair.Create(field.Key, (JsonNode?)JsonValue.Create(field.Value[0]))));
        }
        try
        {
            return JsonText.ParseNode(response.Body, new JsonDocumentOptions { MaxDepth = 16, AllowDuplicateProperties = false }) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The error code, reduced to what error codes are made of, since it is shown and logged; null when there is none.</summary>
    private static string? ErrorOf(JsonObject? fields) => Text(fields, "error") is { Length: > 0 } error
        ? new string([.. error.Take(64).Where(character => char.IsAsciiLetterOrDigit(character) || character is '_' or '-' or '.')]) : null;

    private static string? Text(JsonObject? fields, string name) => fields?[name] is JsonValue value && value.TryGetValue<string>(out var text) && text.Length > 0 ? text : null;

    private static bool IsBearer(ProviderApp app, string? type) =>
        type is null || type.Equals("bearer", StringComparison.OrdinalIgnoreCase) || app.BearerTypes.Contains(type, StringComparer.OrdinalIgnoreCase);

    /// <summary>Seconds, as a number or as text; what is not a sensible life counts as not said.</summary>
    private static TimeSpan? LifeOf(JsonNode? node)
    {
        if (node is not JsonValue value)
            return null;
        double seconds;
        if (value.TryGetValue<string>(out var text))
        {
            if (!double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out seconds))
                return null;
        }
        else if (!value.TryGetValue(out seconds))
        {
            return null;
        }
        return seconds >= 1 && seconds <= LongestLife.TotalSeconds ? TimeSpan.FromSeconds(Math.Floor(seconds)) : null;
    }

    private static ImmutableArray<string>? ScopesOf(JsonNode? node) => node switch
    {
        JsonValue value when value.TryGetValue<string>(out var text) => [.. text.Split([' ', ','], StringSplitOptions.RemoveEmptyEntries)],
        JsonArray list => [.. list.OfType<JsonValue>().Select(item => item.TryGetValue<string>(out var scope) ? scope : null).OfType<string>()],
        _ => null,
    };
}

using System.Buffers.Text;
using System.Net.Http.Headers;
using System.Text;
using Kontext.Domain;
using Kontext.Domain.OAuth;

namespace Kontext.Functions.OAuth;

/// <summary>Reads what OAuth endpoints are sent: forms, and how the client authenticates.</summary>
internal static class FormFields
{
    private const int MaxBytes = 64 * 1024;
    private static readonly Failure OneWayOnly = new(FailureCode.InvalidRequest, "Authenticate the client in one way only: HTTP Basic, client_secret or client_assertion.");

    /// <summary>The form's parameters; only application/x-www-form-urlencoded (OAuth 2.1 section 3.2.2).</summary>
    public static async Task<Result<OAuthParameters>> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type) || !string.Equals(type.MediaType, "application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase))
            return new Failure(FailureCode.InvalidRequest, "Send the parameters as application/x-www-form-urlencoded.");
        // The type has no charset: it is UTF-8 (RFC 6749 appendix B). Others would be read differently by whoever checked the request before us, and some not at all.
        if (type.CharSet?.Trim('"') is { } charset && !charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase))
            return new Failure(FailureCode.InvalidRequest, "Send the parameters in UTF-8.");
        BodyLimit.Set(request.HttpContext, MaxBytes);
        IFormCollection form;
        try
        {
            form = await request.ReadFormAsync(new Microsoft.AspNetCore.Http.Features.FormOptions { BufferBodyLengthLimit = MaxBytes, ValueCountLimit = 256 }, cancellationToken);
        }
        catch (InvalidDataException)
        {
            return new Failure(FailureCode.InvalidRequest, "The form cannot be read: it is malformed, too large or has too many fields.");
        }
        return new OAuthParameters(form.SelectMany(field => field.Value, (field, value) => new KeyValuePair<string, string>(field.Key, value ?? "")));
    }

    /// <summary>How the client authenticates: HTTP Basic, form fields, an assertion, or not at all. A Bearer header is the person's token, not the client's authentication (contract 3.4).</summary>
    public static Result<ClientCredentials> Client(HttpRequest request, OAuthParameters form)
    {
        var header = request.Headers.Authorization.ToString();
        var isBasic = header.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase);
        if (form["client_assertion"] is not null || form["client_assertion_type"] is not null)
            return isBasic || form["client_secret"] is not null ? OneWayOnly : Assertion(form);
        if (!isBasic)
            return new ClientCredentials(form["client_id"], SecretOf(form["client_secret"]), form["client_secret"] is null ? "none" : "client_secret_post");

        if (form["client_secret"] is not null)
            return OneWayOnly;
        if (!TryBasic(header.AsSpan(6).Trim(), out var id, out var secret))
            return new Failure(FailureCode.InvalidClient, "The Basic credentials cannot be read: form-encode client_id and client_secret, join them with a colon and encode as base64.");
        if (form["client_id"] is { } named && named != id)
            return new Failure(FailureCode.InvalidRequest, "client_id in the form and in the Authorization header differ.");
        return new ClientCredentials(id, SecretOf(secret), secret.Length == 0 ? "none" : "client_secret_basic");
    }

    /// <summary>The client a request names, in its address, its form or its Authorization header; null when it names none. The form is read once and kept by the request.</summary>
    public static async ValueTask<string?> ClientIdAsync(HttpContext context) => context.Request.RouteValues["client"] is string addressed ? addressed
        : (await ReadAsync(context.Request, context.RequestAborted)).TryGet(out var form, out _)
        && Client(context.Request, form).TryGet(out var presented, out _) ? presented.ClientId : null;

    // The client is named by the assertion's subject, so that client_id may be left out (RFC 7521 section 4.2).
    private static Result<ClientCredentials> Assertion(OAuthParameters form)
    {
        if (form["client_assertion_type"] != ClientAssertion.Type || form["client_assertion"] is not { } text || form.All("client_assertion").Count > 1)
            return new Failure(FailureCode.InvalidRequest, $"Send one client_assertion, and client_assertion_type={ClientAssertion.Type}.");
        var assertion = new Secret(text);
        return new ClientCredentials(form["client_id"] ?? ClientAssertion.Read(assertion)?.Subject, null, ClientAuthMethods.PrivateKeyJwt) { Assertion = assertion };
    }

    private static Secret? SecretOf(string? text) => string.IsNullOrEmpty(text) ? null : new Secret(text);

    private static bool TryBasic(ReadOnlySpan<char> encoded, out string id, out string secret)
    {
        (id, secret) = ("", "");
        if (encoded.Length > 4096 || !Base64.IsValid(encoded))
            return false;
        var text = Encoding.UTF8.GetString(Convert.FromBase64String(encoded.ToString()));
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0)
            return false;
        // RFC 6749 section 2.3.1: both halves are form-encoded.
        id = Uri.UnescapeDataString(text[..colon].Replace('+', ' '));
        secret = Uri.UnescapeDataString(text[(colon + 1)..].Replace('+', ' '));
        return id.Length > 0;
    }
}

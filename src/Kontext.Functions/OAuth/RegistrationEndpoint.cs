using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.OAuth;

/// <summary>Dynamic client registration (RFC 7591), for organizations that allow it. A client that registers itself can only send people through sign-in and consent; it never gets grants of its own.</summary>
internal sealed class RegistrationEndpoint(IOrganizationStore organizations, IApplicationStore applications, IAuditLog audit, KontextSettings settings, TimeProvider time)
{
    private const int MaxBytes = 64 * 1024;
    private const int MaxRedirectUris = 20;
    private static readonly string[] Grants = ["authorization_code", "refresh_token"];

    public async Task<IResult> RegisterAsync(HttpContext context, CancellationToken cancellationToken)
    {
        context.Response.Headers.CacheControl = "no-store";
        if (await organizations.FindBySlugAsync(settings.Organization, cancellationToken) is not { } org
            || await organizations.CurrentAsync(org, cancellationToken) is not { DynamicRegistration: true })
            return OAuthErrors.Of(context, new Failure(FailureCode.AccessDenied, "This organization does not let clients register themselves. Ask an administrator to create an application."));

        BodyLimit.Set(context, MaxBytes);
        RegistrationBody? metadata;
        try
        {
            metadata = await context.Request.ReadFromJsonAsync(OAuthJson.Default.RegistrationBody, cancellationToken);
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
        {
            return Refused("invalid_client_metadata", "Send client metadata as a JSON object with content type application/json.");
        }
        if (metadata is null)
            return Refused("invalid_client_metadata", "Send client metadata as a JSON object.");
        if (Check(metadata) is { } refusal)
            return refusal;

        var now = time.GetUtcNow();
        var method = metadata.TokenEndpointAuthMethod ?? ClientAuthMethods.Basic;
        ClientKeySource? keys = null;
        if (method == ClientAuthMethods.PrivateKeyJwt && !ClientKeySource.Read(metadata.Jwks, metadata.JwksUri).TryGet(out keys, out var unusable))
            return Refused("invalid_client_metadata", unusable.Message);
        var registrationToken = new Secret(RandomValue.Token());
        var secret = method is ClientAuthMethods.Basic or ClientAuthMethods.Post ? new Secret(RandomValue.Token()) : null;
        var application = new Application
        {
            Id = Ids.New<AppId>(now),
            Name = string.IsNullOrWhiteSpace(metadata.ClientName) ? "Unnamed client" : metadata.ClientName.Trim(),
            OAuth = new OAuthClient
            {
                Confidential = method != ClientAuthMethods.None,
                SecretHash = secret is null ? null : RandomValue.HashOf(secret.Reveal()),
                AuthMethod = method == ClientAuthMethods.None ? null : method,
                Jwks = keys?.Jwks,
                JwksUri = keys?.JwksUri,
                RegistrationTokenHash = RandomValue.HashOf(registrationToken.Reveal()),
                RedirectUris = [.. metadata.RedirectUris!],
            },
            Registration = Registration.Dynamic,
            CreatedAt = now,
            UpdatedAt = now,
        };
        await applications.InsertAsync(org, application, cancellationToken);
        await audit.AppendAsync(org, new AuditEvent
        {
            At = now,
            Type = AuditTypes.Administered,
            Agent = new AuditParty(application.Id.ToString(), application.Name),
            Capability = "application.registered",
        }, cancellationToken);

        var registered = RegistrationManagement.BodyOf(application, settings.Issuer) with
        {
            ClientSecret = secret?.Reveal(),
            ClientSecretExpiresAt = secret is null ? null : 0,
            RegistrationAccessToken = registrationToken.Reveal(),
            GrantTypes = metadata.GrantTypes is { Count: > 0 } grants ? [.. grants.Where(Grants.Contains)] : ["authorization_code"],
            Scope = metadata.Scope,
            ApplicationType = metadata.ApplicationType,
        };
        return Results.Json(registered, OAuthJson.Default.RegisteredBody, statusCode: StatusCodes.Status201Created);
    }

    private static IResult? Check(RegistrationBody metadata)
    {
        if (metadata.RedirectUris is not { Count: > 0 and <= MaxRedirectUris } redirectUris)
            return Refused("invalid_redirect_uri", $"Name 1 to {MaxRedirectUris} redirect_uris.");
        if (redirectUris.Any(uri => uri is null || !RedirectUri.IsRegistrable(uri)))
            return Refused("invalid_redirect_uri", "A redirect URI has to be https, http on loopback, or a private-use scheme in reverse-domain form, without fragment.");
        if (metadata.ApplicationType is not (null or "native" or "web"))
            return Refused("invalid_client_metadata", "application_type has to be native or web.");
        // OpenID Connect Registration section 2. A client that does not say what it is may be either: MCP clients leave it out.
        if (metadata.ApplicationType == "web" && redirectUris.Any(uri => !uri.StartsWith("https://", StringComparison.OrdinalIgnoreCase) || new Uri(uri).IsLoopback))
            return Refused("invalid_redirect_uri", "A web client's redirect URIs have to be https, and not on this machine. A program on a person's computer registers with application_type native.");
        if (metadata.TokenEndpointAuthMethod is { } method && !ClientAuthMethods.Supported.Contains(method))
            return Refused("invalid_client_metadata", $"token_endpoint_auth_method has to be one of {string.Join(", ", ClientAuthMethods.Supported)}.");
        if (metadata.GrantTypes is { } grants && !grants.Any(Grants.Contains))
            return Refused("invalid_client_metadata", "A client that registers itself can use authorization_code and refresh_token.");
        if (metadata.ResponseTypes is { Count: > 0 } types && !types.Contains("code"))
            return Refused("invalid_client_metadata", "response_types has to contain code.");
        return metadata.ClientName is { } name && (name.Length > 200 || !PrintableText.IsPrintable(name))
            ? Refused("invalid_client_metadata", $"client_name has at most 200 characters. {PrintableText.Rule}")
            : null;
    }

    private static IResult Refused(string error, string description) =>
        Results.Json(new ErrorBody(error, description), OAuthJson.Default.ErrorBody, statusCode: StatusCodes.Status400BadRequest);
}

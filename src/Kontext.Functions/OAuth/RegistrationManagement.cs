using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.OAuth;

/// <summary>The client configuration endpoint (RFC 7592): a client that registered itself reads and deletes its registration with the token it got. Changing one is not offered; a client registers anew.</summary>
internal sealed class RegistrationManagement(IApplicationStore applications, IAuditLog audit, KontextSettings settings, TimeProvider time)
{
    private static readonly Failure Unauthorized = new(FailureCode.InvalidToken, "Send the registration access token of this client as Authorization: Bearer.");

    /// <summary>The registration as it is kept. Secrets are kept as hashes only, so they are not in it.</summary>
    public static RegisteredBody BodyOf(Application application, string issuer)
    {
        JsonElement? jwks = null;
        if (application.OAuth.Jwks is { } text)
        {
            using var document = JsonDocument.Parse(text);
            jwks = document.RootElement.Clone();
        }
        return new RegisteredBody
        {
            ClientId = application.ClientId,
            ClientIdIssuedAt = application.CreatedAt.ToUnixTimeSeconds(),
            ClientName = application.Name,
            RedirectUris = application.OAuth.RedirectUris,
            TokenEndpointAuthMethod = application.OAuth.Confidential ? application.OAuth.AuthMethod ?? ClientAuthMethods.Basic : ClientAuthMethods.None,
            GrantTypes = ["authorization_code", "refresh_token"],
            ResponseTypes = ["code"],
            Jwks = jwks,
            JwksUri = application.OAuth.JwksUri,
            RegistrationClientUri = $"{issuer}/oauth2/register/{application.ClientId}",
        };
    }

    /// <summary>Reads it.</summary>
    public async Task<IResult> ReadAsync(HttpContext context, string clientId, CancellationToken cancellationToken)
    {
        context.Response.Headers.CacheControl = "no-store";
        return await FindAsync(context, clientId, cancellationToken) is { } found
            ? Results.Json(BodyOf(found.Application.Value, settings.Issuer), OAuthJson.Default.RegisteredBody)
            : OAuthErrors.Of(context, Unauthorized);
    }

    /// <summary>Deletes it: the client and all its sessions are cut off.</summary>
    public async Task<IResult> DeleteAsync(HttpContext context, string clientId, CancellationToken cancellationToken)
    {
        context.Response.Headers.CacheControl = "no-store";
        while (await FindAsync(context, clientId, cancellationToken) is var (org, current))
        {
            var now = time.GetUtcNow();
            if (await applications.ReplaceAsync(org, current, current.Value with { Archived = true, UpdatedAt = now }, cancellationToken) is null)
                continue;
            await audit.AppendAsync(org, new AuditEvent
            {
                At = now,
                Type = AuditTypes.Administered,
                Agent = new AuditParty(current.Value.Id.ToString(), current.Value.Name),
                Capability = "application.deregistered",
            }, cancellationToken);
            return Results.NoContent();
        }
        return OAuthErrors.Of(context, Unauthorized);
    }

    // An unknown client and a wrong token look the same (RFC 7592 section 2.1).
    private async Task<(OrgId Org, Versioned<Application> Application)?> FindAsync(HttpContext context, string clientId, CancellationToken cancellationToken)
    {
        if (context.Request.Headers.Authorization is not [{ } header] || !header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)
            || await applications.ResolveClientAsync(clientId, cancellationToken) is not { } resolved
            || await applications.FindAsync(resolved.Org, resolved.Application, cancellationToken) is not { Value: { Archived: false, OAuth.RegistrationTokenHash: { } hash } } application
            || !RandomValue.Matches(header[7..].Trim(), hash))
            return null;
        return (resolved.Org, application);
    }
}

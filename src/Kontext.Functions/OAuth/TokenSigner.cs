using System.Buffers;
using System.Buffers.Text;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.OAuth;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Kontext.Functions.OAuth;

/// <summary>Signs and reads our JWTs (RFC 9068, RFC 8725): ES256 only, the key found by kid among our own.</summary>
internal sealed class TokenSigner(SigningKeyRing keys, KontextSettings settings, TimeProvider time) : ITokenSigner
{
    private static readonly Failure Invalid = new(FailureCode.InvalidToken, "The access token is not valid: it is malformed, expired or was not issued here.");
    private static readonly Dictionary<string, object> AccessTokenHeader = new() { ["typ"] = "at+jwt" };
    private static readonly Dictionary<string, object> IdTokenHeader = new() { ["typ"] = "JWT" };
    private readonly JsonWebTokenHandler handler = new() { SetDefaultTimesOnTokenCreation = false };
    private readonly VerifiedTokens verified = new();

    /// <inheritdoc/>
    public ValueTask<Secret> SignAsync(AccessTokenClaims claims, CancellationToken cancellationToken) => SignAsync(AccessTokenHeader, writer =>
    {
        writer.WriteString("iss", settings.Issuer);
        writer.WriteString("sub", claims.Subject);
        writer.WriteString("aud", claims.Audience);
        writer.WriteString("client_id", claims.ClientId);
        if (claims.Application is { } application)
            writer.WriteString("app", application.ToString());
        writer.WriteString("org", claims.Org.ToString());
        if (claims.Session is { } session)
            writer.WriteString("sid", session.ToString());
        writer.WriteString("scope", Scopes.Format(claims.Scopes));
        writer.WriteStartArray("scp");
        foreach (var scope in claims.Scopes)
            writer.WriteStringValue(scope);
        writer.WriteEndArray();
        if (claims.Actor is { } actor)
            WriteActor(writer, actor);
        if (claims.MayAct is { } mayAct)
        {
            writer.WriteStartObject("may_act");
            writer.WriteString("sub", mayAct);
            writer.WriteEndObject();
        }
        if (claims.KeyThumbprint is { } thumbprint)
        {
            writer.WriteStartObject("cnf");
            writer.WriteString("jkt", thumbprint);
            writer.WriteEndObject();
        }
        writer.WriteString("jti", claims.TokenId);
        writer.WriteNumber("iat", claims.IssuedAt.ToUnixTimeSeconds());
        writer.WriteNumber("exp", claims.ExpiresAt.ToUnixTimeSeconds());
    }, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<Secret> SignAsync(IdTokenClaims claims, CancellationToken cancellationToken) => SignAsync(IdTokenHeader, writer =>
    {
        writer.WriteString("iss", settings.Issuer);
        writer.WriteString("sub", claims.Subject.ToString());
        writer.WriteString("aud", claims.ClientId);
        if (claims.Nonce is { } nonce)
            writer.WriteString("nonce", nonce);
        if (claims.Name is { } name)
            writer.WriteString("name", name);
        if (claims.Email is { } email)
            writer.WriteString("email", email);
        writer.WriteString("sid", claims.Session.ToString());
        writer.WriteNumber("auth_time", claims.SignedInAt.ToUnixTimeSeconds());
        writer.WriteNumber("iat", claims.IssuedAt.ToUnixTimeSeconds());
        writer.WriteNumber("exp", claims.ExpiresAt.ToUnixTimeSeconds());
    }, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<Result<AccessTokenClaims>> ReadAsync(string token, CancellationToken cancellationToken)
    {
        if (verified.Find(token) is { } known)
            return time.GetUtcNow() < known.Claims.ExpiresAt && await keys.FindAsync(known.KeyId, cancellationToken) is not null ? known.Claims : Invalid;
        // INVARIANT: our headers hold alg, kid and typ only; whatever else a header brings (jwk, jku, x5u, crit, zip) is refused before any key is used.
        if (token.Length > 8192 || !TryReadHeader(token, out var kid, out var algorithm)
            || await keys.FindAsync(kid, cancellationToken) is not { } key || key.Algorithm != algorithm)
            return Invalid;
        var validated = handler.ValidateToken(token, new TokenValidationParameters
        {
            ValidIssuer = settings.Issuer,
            IssuerSigningKey = key.Key,
            ValidateAudience = false,
            RequireExpirationTime = true,
            LifetimeValidator = (_, expires, _, _) => expires is { } end && time.GetUtcNow().UtcDateTime < end,
        });
        if (!validated.IsValid || Claims(token) is not { } claims)
            return Invalid with { Detail = validated.Exception?.GetType().Name };
        verified.Add(token, kid, claims);
        return claims;
    }

    private async ValueTask<Secret> SignAsync(Dictionary<string, object> header, Action<Utf8JsonWriter> write, CancellationToken cancellationToken)
    {
        var credentials = await keys.CurrentAsync(cancellationToken);
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            write(writer);
            writer.WriteEndObject();
        }
        return new Secret(handler.CreateToken(Encoding.UTF8.GetString(buffer.WrittenSpan), credentials, header));
    }

    private static bool TryReadHeader(string token, out string kid, out string algorithm)
    {
        (kid, algorithm) = ("", "");
        var dot = token.IndexOf('.', StringComparison.Ordinal);
        if (dot <= 0 || !Base64Url.IsValid(token.AsSpan(0, dot)) || !IsPlain(token.AsSpan(token.LastIndexOf('.') + 1)))
            return false;
        try
        {
            using var header = JsonDocument.Parse(Base64Url.DecodeFromChars(token.AsSpan(0, dot)));
            var fields = header.RootElement.EnumerateObject().ToList();
            if (fields.Count != 3 || fields.Any(field => field.Value.ValueKind != JsonValueKind.String))
                return false;
            kid = header.RootElement.TryGetProperty("kid", out var id) ? id.GetString()! : "";
            algorithm = header.RootElement.TryGetProperty("alg", out var named) ? named.GetString()! : "";
            return kid.Length > 0 && algorithm.Length > 0
                && header.RootElement.TryGetProperty("typ", out var type) && string.Equals(type.GetString(), "at+jwt", StringComparison.OrdinalIgnoreCase);
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>Is the signature written as we write it? Nothing signs how it is spelled, and padding, spaces or spare bits would make a second token of the one that was issued (RFC 7515 section 2).</summary>
    private static bool IsPlain(ReadOnlySpan<char> signature) => Base64Url.IsValid(signature) && signature.SequenceEqual(Base64Url.EncodeToString(Base64Url.DecodeFromChars(signature)));

    // Only for tokens whose signature holds: what is missing or of another shape was not written by us.
    private static AccessTokenClaims? Claims(string token)
    {
        var first = token.IndexOf('.', StringComparison.Ordinal) + 1;
        var last = token.LastIndexOf('.');
        using var document = JsonDocument.Parse(Base64Url.DecodeFromChars(token.AsSpan(first, last - first)));
        var claims = document.RootElement;
        if (!OrgId.TryParse(Text(claims, "org"), null, out var org) || Text(claims, "sub") is not { } subject || Text(claims, "aud") is not { } audience
            || Text(claims, "client_id") is not { } clientId || Text(claims, "jti") is not { } tokenId)
            return null;
        return new AccessTokenClaims
        {
            Subject = subject,
            Audience = audience,
            ClientId = clientId,
            Application = AppId.TryParse(Text(claims, "app"), null, out var application) ? application : null,
            Org = org,
            Session = SessionId.TryParse(Text(claims, "sid"), null, out var session) ? session : null,
            Scopes = Scopes.Parse(Text(claims, "scope")),
            IssuedAt = DateTimeOffset.FromUnixTimeSeconds(claims.GetProperty("iat").GetInt64()),
            ExpiresAt = DateTimeOffset.FromUnixTimeSeconds(claims.GetProperty("exp").GetInt64()),
            TokenId = tokenId,
            Actor = claims.TryGetProperty("act", out var act) ? Actor(act) : null,
            MayAct = claims.TryGetProperty("may_act", out var mayAct) ? Text(mayAct, "sub") : null,
            KeyThumbprint = claims.TryGetProperty("cnf", out var confirmation) ? Text(confirmation, "jkt") : null,
        };
    }

    // Nested, the current actor outermost (RFC 8693 section 4.1).
    private static void WriteActor(Utf8JsonWriter writer, ActorClaim actor)
    {
        writer.WriteStartObject("act");
        writer.WriteString("sub", actor.ClientId);
        if (actor.Prior is { } prior)
            WriteActor(writer, prior);
        writer.WriteEndObject();
    }

    private static ActorClaim? Actor(JsonElement act) =>
        Text(act, "sub") is { } client ? new ActorClaim(client, act.TryGetProperty("act", out var prior) ? Actor(prior) : null) : null;

    private static string? Text(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}

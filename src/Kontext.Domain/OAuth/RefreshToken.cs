using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Kontext.Domain.OAuth;

/// <summary>Names the session and generation a refresh token stands for.</summary>
public readonly record struct RefreshTokenName(OrgId Org, AppId Application, SessionId Session, int Generation);

/// <summary>Refresh tokens are derived, not stored: generation n of a session always has the same token, so that repeating a refresh gives the same successor (architecture section 4).</summary>
public sealed class RefreshTokens(Vault.ISealer sealer)
{
    private const string Prefix = "krt1";

    /// <summary>The token of a generation.</summary>
    public async ValueTask<Secret> DeriveAsync(RefreshTokenName name, CancellationToken cancellationToken)
    {
        var body = $"{Prefix}.{name.Org.Value:N}.{name.Application.Value:N}.{name.Session.Value:N}.{name.Generation.ToString(CultureInfo.InvariantCulture)}";
        var mac = await sealer.DeriveAsync(name.Org, "refresh-token", body, cancellationToken);
        return new Secret($"{body}.{Base64Url.EncodeToString(mac)}");
    }

    /// <summary>What an authentic token of this organization names; null for anything else.</summary>
    public async ValueTask<RefreshTokenName?> ReadAsync(OrgId expectedOrg, string token, CancellationToken cancellationToken)
    {
        var parts = token.Length <= 300 ? token.Split('.') : [];
        if (parts is not [Prefix, var org, var application, var session, var generation, _]
            || !Guid.TryParseExact(org, "N", out var orgId) || orgId != expectedOrg.Value
            || !Guid.TryParseExact(application, "N", out var appId)
            || !Guid.TryParseExact(session, "N", out var sessionId)
            || !int.TryParse(generation, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return null;
        var name = new RefreshTokenName(new OrgId(orgId), new AppId(appId), new SessionId(sessionId), number);
        var expected = await DeriveAsync(name, cancellationToken);
        return CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(token), Encoding.UTF8.GetBytes(expected.Reveal())) ? name : null;
    }
}

using Kontext.Domain.Tenancy;

namespace Kontext.Domain.OAuth;

/// <summary>Authenticates clients by their assertions (RFC 7521 section 4.2, RFC 7523 section 3).</summary>
public sealed class ClientAssertions(IAssertionSignatures signatures, ISpentAssertions spent, Resources resources, TimeProvider time)
{
    /// <summary>How far ahead an assertion may expire: as long as its use has to be remembered.</summary>
    public static readonly TimeSpan MaxLife = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(1);

    /// <summary>Why it does not authenticate the application, for the operator; null when it does, and then it is spent.</summary>
    public async Task<string?> RefusalAsync(OrgId org, Application application, Secret presented, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (ClientAssertion.Read(presented) is not { } assertion)
            return "assertion is malformed";
        if (Refusal(assertion, application.ClientId, now) is { } refusal)
            return refusal;
        if (!await signatures.HoldsAsync(application.OAuth, assertion, cancellationToken))
            return "assertion is not signed by the client's key";
        // Only what the client did sign is remembered, so that nobody else can use up its identifiers.
        return await spent.TrySpendAsync(org, application.Id, assertion.TokenId!, assertion.ExpiresAt!.Value, CancellationToken.None) ? null : "assertion was used before";
    }

    private string? Refusal(ClientAssertion assertion, string clientId, DateTimeOffset now)
    {
        if (assertion.Issuer != clientId || assertion.Subject != clientId)
            return "assertion's iss and sub are not the client id";
        // The token endpoint's address is what deployed clients send; the issuer is what RFC 7523bis asks for. No third party may be among them.
        if (assertion.Audiences.IsEmpty || assertion.Audiences.Any(audience => audience != resources.Issuer && audience != resources.Issuer + "/oauth2/token"))
            return "assertion's aud is not this server";
        if (assertion.ExpiresAt is not { } expiresAt || expiresAt <= now)
            return "assertion has expired, or has no exp";
        if (expiresAt > now + MaxLife + ClockSkew)
            return "assertion expires too far ahead";
        if (assertion.NotBefore > now + ClockSkew)
            return "assertion is not valid yet";
        return assertion.TokenId is { Length: > 0 and <= 512 } ? null : "assertion has no jti";
    }
}

/// <summary>Verifies the signatures of assertions with the keys their clients published.</summary>
public interface IAssertionSignatures
{
    /// <summary>Did the client sign it, with an asymmetric algorithm that suits its key?</summary>
    ValueTask<bool> HoldsAsync(OAuthClient client, ClientAssertion assertion, CancellationToken cancellationToken);
}

/// <summary>Remembers which assertions were used.</summary>
public interface ISpentAssertions
{
    /// <summary>True the first time, on whichever instance; false for a replay. Remembered at least until it expires.</summary>
    Task<bool> TrySpendAsync(OrgId org, AppId application, string tokenId, DateTimeOffset expiresAt, CancellationToken cancellationToken);
}
